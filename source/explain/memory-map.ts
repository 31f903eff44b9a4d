// Host physical memory as a map of cells: the main owner of each, and whether host devices reach it.

import {PAGE_SIZE} from '../formats/address.js';
import type {MachineState, Owned} from '../machine/observed.js';
import {type DomainView, FREE, NO_MEMORY} from './ranges.js';

export type Cell = {
	letter: string;
	/** The owner of most of it; NO_MEMORY if it has none. */
	owner: string;
	/** Whether it has other owners too. */
	mixed: boolean;
	/** How much of it the host domain maps; undefined without memory or a host domain. */
	mapped?: 'all' | 'some' | 'none';
};
export type LegendEntry = {letter: string; text: string; pages: number};
/** `pages`: from address 0 to the end of memory. The cells divide them into equal parts of whole pages. */
export type MemoryMap = {pages: number; cells: readonly Cell[]; legend: readonly LegendEntry[]};

export const LETTERS = {
	kernel: 'k',
	tables: 't',
	bhyve: 'b',
	driver: 'd',
	guest: 'g',
	free: '·',
	none: ' ',
} as const;
const KERNEL = 'kernel';
const TABLES = 'iommu tables';

/** `host`: the view of the host domain, if there is one. */
export function memoryMap(
	{owned, vms}: Pick<MachineState, 'owned' | 'vms'>,
	host: DomainView | undefined,
	wanted: number,
): MemoryMap {
	const pages = endOfMemory(owned);
	const count = Math.min(Math.max(1, Math.floor(wanted)), pages);
	const names = vms.map(({name}) => name);
	const mapped = host && mappedPages(host, pages, count);
	const cells = ownersOf(owned, pages, count).map((owners, i) => cellOf(owners, mapped?.[i], names));
	return {pages, cells, legend: legendOf(owned, names)};
}

type Share = {readonly owner: string; pages: number};

/** For each cell, who has how much of it. Owners come by address, so one pass is enough, however many there are. */
function ownersOf(owned: readonly Owned[], pages: number, count: number): Share[][] {
	const cells = Array.from({length: count}, (): Share[] => []);
	for (const {hpa, pages: length, owner} of owned)
		eachCell(count, pages, hpa, length, (cell, part) => {
			const share = cells[cell].find(other => other.owner === owner);
			if (share === undefined) cells[cell].push({owner, pages: part});
			else share.pages += part;
		});
	return cells;
}

/** In pages. */
export const endOfMemory = (owned: readonly Owned[]): number =>
	Math.max(0, ...owned.slice(-1).map(({hpa, pages}) => hpa / PAGE_SIZE + pages));

/** A cell's first address. */
export const addressOfCell = ({pages, cells}: MemoryMap, cell: number): number =>
	Math.floor((cell * pages) / cells.length) * PAGE_SIZE;

/** The cell with an address; the last one for addresses beyond the end. */
export const cellAt = ({pages, cells}: MemoryMap, hpa: number): number =>
	cellIndex(pages, cells.length, Math.min(pages - 1, Math.floor(hpa / PAGE_SIZE)));

const cellIndex = (pages: number, cells: number, page: number): number =>
	Math.ceil(((page + 1) * cells) / pages) - 1;

/** Adds `length` pages from an address on to the counts of their cells. */
export function spread(counts: Float64Array, pages: number, hpa: number, length: number): void {
	eachCell(counts.length, pages, hpa, length, (cell, part) => {
		counts[cell] += part;
	});
}

/** The cells that `length` pages from an address on lie in, with how many of them. */
function eachCell(
	cells: number,
	pages: number,
	hpa: number,
	length: number,
	visit: (cell: number, part: number) => void,
): void {
	const end = Math.min(pages, hpa / PAGE_SIZE + length);
	for (let page = hpa / PAGE_SIZE; page < end; ) {
		const cell = cellIndex(pages, cells, page);
		// Of 2^40 pages a cell's end can round to the page itself.
		const next = Math.min(end, Math.max(page + 1, Math.floor(((cell + 1) * pages) / cells)));
		visit(cell, next - page);
		page = next;
	}
}

function mappedPages({ranges}: DomainView, pages: number, count: number): Float64Array {
	const mapped = new Float64Array(count);
	for (const {iova, pages: length, read, write, owner} of ranges)
		if ((read || write) && owner !== NO_MEMORY) spread(mapped, pages, iova, length);
	return mapped;
}

function cellOf(owners: readonly Share[], reached: number | undefined, vms: readonly string[]): Cell {
	let [owner, most, total] = [NO_MEMORY, 0, 0];
	for (const share of owners) {
		total += share.pages;
		if (share.pages > most) [owner, most] = [share.owner, share.pages];
	}
	const mapped = reached === undefined || total === 0 ? undefined : part(reached, total);
	return {letter: letterOf(owner, vms), owner, mixed: owners.length > 1, mapped};
}

const part = (reached: number, total: number): Cell['mapped'] =>
	reached >= total ? 'all' : reached > 0 ? 'some' : 'none';

/** An owner's letter. Guests are numbered in the machine's order; those after the tenth share a letter. */
export function letterOf(owner: string, vms: readonly string[]): string {
	const guest = vms.indexOf(owner);
	if (guest >= 0) return guest < 10 ? `${guest}` : LETTERS.guest;
	if (owner === FREE) return LETTERS.free;
	if (owner === KERNEL) return LETTERS.kernel;
	if (owner === TABLES) return LETTERS.tables;
	if (owner === NO_MEMORY) return LETTERS.none;
	return owner.startsWith('bhyve ') ? LETTERS.bhyve : LETTERS.driver;
}

/** Each letter with its owners, largest first. */
function legendOf(owned: readonly Owned[], vms: readonly string[]): LegendEntry[] {
	const entries = new Map<string, {owners: Set<string>; pages: number}>();
	for (const {owner, pages} of owned) {
		const letter = letterOf(owner, vms);
		const entry = entries.get(letter) ?? {owners: new Set(), pages: 0};
		entry.owners.add(owner);
		entry.pages += pages;
		entries.set(letter, entry);
	}
	return [...entries]
		.map(([letter, {owners, pages}]) => ({letter, text: [...owners].join(', '), pages}))
		.sort((a, b) => b.pages - a.pages);
}
