// A domain's mappings, decoded from its tables. Adjacent entries become one mapping.

import {PAGE_SIZE, pageAddress} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import * as amdviTables from '../formats/amdvi-tables.js';
import {firstNext, firstRights} from '../formats/vtd-scalable.js';
import * as vtdTables from '../formats/vtd-tables.js';
import type {Owned} from '../machine/observed.js';
import type {Domain, Mapping, PhysicalReader} from '../machine/tables.js';
import {decodedTable} from './decoded-tables.js';

/** Where tables start, and how many levels they have. */
export type Tables = Pick<Domain, 'format' | 'root' | 'levels'>;
/** Addresses from `from` up to, but not including, `to`. */
export type Window = {from: number; to: number};
const EVERYTHING: Window = {from: 0, to: Number.POSITIVE_INFINITY};

export const READ = 1;
export const WRITE = 2;

/** Mappings under construction: pages that continue the last one, with the same rights, extend it. */
export class MappingList {
	readonly list: Mapping[] = [];
	/** The tables that they were read from, where these are noted. */
	readonly tables: number[] = [];
	/** The first is not in the list: nothing is added without rights. */
	private last: Mapping = {iova: 0, hpa: 0, pages: 0, read: false, write: false};
	private rights = 0;
	/** Where the last mapping ends. */
	private iova = 0;
	private hpa = 0;

	/** @param most the mappings that are kept; further ones are left out */
	constructor(private readonly most = Number.POSITIVE_INFINITY) {}

	/** `rights`: READ, WRITE or both. */
	add(iova: number, hpa: number, pages: number, rights: number): void {
		if (iova === this.iova && hpa === this.hpa && rights === this.rights) this.last.pages += pages;
		else {
			if (this.list.length >= this.most) return;
			this.last = {iova, hpa, pages, read: (rights & READ) !== 0, write: (rights & WRITE) !== 0};
			this.rights = rights;
			this.list.push(this.last);
		}
		this.iova = iova + pages * PAGE_SIZE;
		this.hpa = hpa + pages * PAGE_SIZE;
	}
}

/** Whether a domain has no tables, so that every address maps to itself (AMD-Vi's mode 0). */
export const isIdentity = ({levels}: Tables): boolean => levels === 0;

/** The mappings of such a domain: all memory. */
export function identityOf(owned: readonly Owned[]): Mapping[] {
	const found = new MappingList();
	for (const {hpa, pages} of owned) found.add(hpa, hpa, pages, READ | WRITE);
	return found.list;
}

/**
 * The mappings in a domain's tables, by address; with a window, those of the entries that map any part of it. Entries
 * that hardware refuses map nothing.
 */
export function mappingsOf(
	memory: PhysicalReader,
	{format, root, levels}: Tables,
	window: Window = EVERYTHING,
	most?: number,
): Mapping[] {
	const found = new MappingList(most);
	if (levels === 0) return found.list;
	const decode = {'vt-d': decodeVtd, 'vt-d first stage': decodeFirst, 'amd-vi': decodeAmdvi}[format];
	decode(memory, found, window, root, levels, 0, READ | WRITE);
	return found.list;
}

type Decode = typeof decodeVtd;

/** Decodes a table below another one. */
function descend(
	decode: Decode,
	memory: PhysicalReader,
	found: MappingList,
	window: Window,
	table: number,
	level: number,
	base: number,
	allowed: number,
): void {
	if (level > KEPT_LEVELS || window !== EVERYTHING) {
		decode(memory, found, window, table, level, base, allowed);
		return;
	}
	const {tables, mappings} = decodedTable(memory, table, level, base, allowed, () => {
		const own = new MappingList();
		own.tables.push(table);
		decode(memory, own, window, table, level, base, allowed);
		return {tables: own.tables, mappings: own.list};
	});
	if (level < KEPT_LEVELS) for (const each of tables) found.tables.push(each);
	for (const {iova, hpa, pages, read, write} of mappings)
		found.add(iova, hpa, pages, (read ? READ : 0) | (write ? WRITE : 0));
}

/** Tables of these levels are kept as they were decoded: above them there are few. */
const KEPT_LEVELS = 2;

/** The first and the last entry of a table at `base` that overlap the window. */
const firstEntry = ({from}: Window, base: number, bytes: number): number =>
	Math.max(0, Math.floor((from - base) / bytes));
const lastEntry = ({to}: Window, base: number, bytes: number): number =>
	Math.min(511, Math.ceil((to - base) / bytes) - 1);

/** `allowed`: the rights that the entries above this table grant. */
function decodeVtd(
	memory: PhysicalReader,
	found: MappingList,
	window: Window,
	table: number,
	level: number,
	base: number,
	allowed: number,
): void {
	const words = memory.page(table);
	if (words === undefined) return;
	const pages = 512 ** (level - 1);
	const bytes = pages * PAGE_SIZE;
	const end = lastEntry(window, base, bytes);
	for (let i = firstEntry(window, base, bytes); i <= end; i++) {
		const lo = words[2 * i];
		const rights = vtdTables.rights(lo) & allowed;
		const next = vtdTables.nextLevel(lo, level);
		if (rights === 0 || next < 0) continue;
		const hpa = pageAddress(lo, words[2 * i + 1]);
		const iova = base + i * bytes;
		if (next > 0) descend(decodeVtd, memory, found, window, hpa, next, iova, rights);
		else found.add(iova, hpa, pages, rights);
	}
}

/**
 * Where the addresses of a first-stage table's entry begin. They are canonical: those of the top table's upper half are
 * at the end of 64 bits. Multiples of 4,096 are exact there, too.
 */
export const firstStageBase = (base: number, i: number, level: number, levels: number): number =>
	base +
	i * PAGE_SIZE * 512 ** (level - 1) +
	(level === levels && i >= 256 ? 2 ** 64 - 2 ** (12 + 9 * levels) : 0);

/** The same for the first stage of VT-d's scalable mode. */
function decodeFirst(
	memory: PhysicalReader,
	found: MappingList,
	window: Window,
	root: number,
	levels: number,
): void {
	const visit = (table: number, level: number, base: number, allowed: number): void => {
		const words = memory.page(table);
		if (words === undefined) return;
		const pages = 512 ** (level - 1);
		for (let i = 0; i < 512; i++) {
			const lo = words[2 * i];
			const rights = firstRights(lo) & allowed;
			const next = firstNext(lo, level);
			const iova = firstStageBase(base, i, level, levels);
			if (rights === 0 || next < 0 || iova >= window.to || iova + pages * PAGE_SIZE <= window.from) continue;
			const hpa = pageAddress(lo, words[2 * i + 1]);
			if (next > 0) visit(hpa, next, iova, rights);
			// Bit 12 of a large page's entry is PAT, not an address.
			else found.add(iova, hpa - (hpa % (pages * PAGE_SIZE)), pages, rights);
		}
	};
	visit(root, levels, 0, READ | WRITE);
}

/** The same for AMD-Vi. An entry can skip levels, and a page of an encoded size has several entries. */
function decodeAmdvi(
	memory: PhysicalReader,
	found: MappingList,
	window: Window,
	table: number,
	level: number,
	base: number,
	allowed: number,
): void {
	const words = memory.page(table);
	if (words === undefined) return;
	const pages = 512 ** (level - 1);
	const bytes = pages * PAGE_SIZE;
	const end = lastEntry(window, base, bytes);
	for (let i = firstEntry(window, base, bytes); i <= end; i++) {
		const lo = words[2 * i];
		const hi = words[2 * i + 1];
		const rights = amdviTables.rights(hi) & allowed;
		const next = amdviTables.nextLevel(lo, hi, level);
		const iova = base + i * bytes;
		// A number holds no longer addresses, and no device here uses any.
		if (rights === 0 || next < 0 || iova > Number.MAX_SAFE_INTEGER) continue;
		const address = pageAddress(lo, hi);
		if (next > 0) descend(decodeAmdvi, memory, found, window, address, next, iova, rights);
		else if (level === 1 && amdvi.level(lo) === 0) found.add(iova, address, pages, rights);
		else {
			// The bits below the page's size encode the size, or mean nothing.
			const size = 2 ** (amdvi.leafShift(lo, hi, level) ?? amdvi.shiftOf(level));
			found.add(iova, address - (address % size) + (iova % size), pages, rights);
		}
	}
}
