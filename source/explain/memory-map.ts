// Host physical memory as a map of cells: the main owner of each, and whether host devices reach it.

import type {MachineState, Owned} from '../machine/observed.js';
import {addressOf, type Banks, banksOf, eachPiece, ordinalOf} from './banks.js';
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
/** The cells divide the memory that there is, without holes, into equal parts of whole pages. */
export type MemoryMap = Banks & {cells: readonly Cell[]; legend: readonly LegendEntry[]};

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
	const memory = banksOf(owned);
	const count = cellsFor(memory, wanted);
	const names = vms.map(({name}) => name);
	const mapped = host && mappedPages(host, memory, count);
	const cells = ownersOf(owned, memory, count).map((owners, i) => cellOf(owners, mapped?.[i], names));
	return {...memory, cells, legend: legendOf(owned, names)};
}

/** As many cells as are wanted, but each of a page at least. */
export const cellsFor = ({pages}: Banks, wanted: number): number =>
	Math.min(Math.max(1, Math.floor(wanted)), pages);

type Share = {readonly owner: string; pages: number};

/** For each cell, who has how much of it. Owners come by address, so one pass is enough, however many there are. */
function ownersOf(owned: readonly Owned[], memory: Banks, count: number): Share[][] {
	const cells = Array.from({length: count}, (): Share[] => []);
	for (const {hpa, pages: length, owner} of owned)
		eachCell(count, memory, hpa, length, (cell, part) => {
			const share = cells[cell].find(other => other.owner === owner);
			if (share === undefined) cells[cell].push({owner, pages: part});
			else share.pages += part;
		});
	return cells;
}

/** A cell's first address. */
export const addressOfCell = (map: MemoryMap, cell: number): number =>
	addressOf(map, Math.floor((cell * map.pages) / map.cells.length));

/** The cell with an address; for one in a hole, the cell before it. */
export const cellAt = (map: MemoryMap, hpa: number): number =>
	cellIndex(map.pages, map.cells.length, ordinalOf(map, hpa));

const cellIndex = (pages: number, cells: number, page: number): number =>
	Math.ceil(((page + 1) * cells) / pages) - 1;

/** Adds `length` pages from an address on to the counts of their cells. */
export function spread(counts: Float64Array, memory: Banks, hpa: number, length: number): void {
	eachCell(counts.length, memory, hpa, length, (cell, part) => {
		counts[cell] += part;
	});
}

/** The cells that `length` pages from an address on lie in, with how many of them. */
function eachCell(
	cells: number,
	memory: Banks,
	hpa: number,
	length: number,
	visit: (cell: number, part: number) => void,
): void {
	const {pages} = memory;
	eachPiece(memory, hpa, length, (from, to) => {
		for (let page = from; page < to; ) {
			const cell = cellIndex(pages, cells, page);
			// Of 2^40 pages a cell's end can round to the page itself.
			const next = Math.min(to, Math.max(page + 1, Math.floor(((cell + 1) * pages) / cells)));
			visit(cell, next - page);
			page = next;
		}
	});
}

function mappedPages({ranges}: DomainView, memory: Banks, count: number): Float64Array {
	const mapped = new Float64Array(count);
	for (const {iova, pages: length, read, write, owner} of ranges)
		if ((read || write) && owner !== NO_MEMORY) spread(mapped, memory, iova, length);
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
