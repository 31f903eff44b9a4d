// What a domain maps, decoded from the bits of its tables: neighbouring entries are joined into mappings.

import {PAGE_SIZE, pageAddress} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {PTE_PS, PTE_READ, PTE_WRITE} from '../formats/vtd.js';
import type {Owned} from '../machine/observed.js';
import type {Domain, Mapping, PhysicalReader} from '../machine/tables.js';

const PAGE_SHIFT = 12;

/** Where tables start, and how many levels of them there are. */
export type Tables = Pick<Domain, 'format' | 'root' | 'levels'>;
/** Addresses from `from` up to `to`, which is no part of it. */
export type Window = {from: number; to: number};
const EVERYTHING: Window = {from: 0, to: Number.POSITIVE_INFINITY};

export type {Mapping};

/** Whether a domain has no table at all: every address is its own (AMD-Vi's mode 0). */
export const isIdentity = ({levels}: Tables): boolean => levels === 0;

/** What such a domain maps of the memory that there is. */
export function identityOf(owned: readonly Owned[]): Mapping[] {
	const found: Mapping[] = [];
	for (const {hpa, pages} of owned) append(found, found.at(-1), hpa, hpa, pages, true, true);
	return found;
}

/**
 * The mappings in a domain's tables, in order of address: of all of them, or of those entries alone that map a part of
 * `within`.
 */
export function mappingsOf(
	memory: PhysicalReader,
	{format, root, levels}: Tables,
	within: Window = EVERYTHING,
): Mapping[] {
	const found: Mapping[] = [];
	if (format === 'vt-d') visitVtd(memory, found, within, root, levels, 0, PTE_READ | PTE_WRITE);
	else if (levels > 0) visitAmdvi(memory, found, within, root, levels, 0, amdvi.IR | amdvi.IW);
	return found;
}

/** The first and the last entry of a table at `base` that have a part in the window. */
const firstEntry = ({from}: Window, base: number, bytes: number): number =>
	Math.max(0, Math.floor((from - base) / bytes));
const lastEntry = ({to}: Window, base: number, bytes: number): number =>
	Math.min(511, Math.ceil((to - base) / bytes) - 1);

/** `allowed` is what the entries on the way to this table allow. */
function visitVtd(
	memory: PhysicalReader,
	found: Mapping[],
	within: Window,
	table: number,
	level: number,
	base: number,
	allowed: number,
): void {
	const words = memory.page(table);
	if (words === undefined) return;
	const pages = 512 ** (level - 1);
	let last = found[found.length - 1];
	const end = lastEntry(within, base, pages * PAGE_SIZE);
	for (let i = firstEntry(within, base, pages * PAGE_SIZE); i <= end; i++) {
		const lo = words[2 * i];
		const permissions = lo & allowed;
		if (permissions === 0) continue;
		const hpa = pageAddress(lo, words[2 * i + 1]);
		const iova = base + i * pages * PAGE_SIZE;
		if (level > 1 && (lo & PTE_PS) === 0) {
			visitVtd(memory, found, within, hpa, level - 1, iova, permissions);
			last = found[found.length - 1];
			continue;
		}
		const read = (permissions & PTE_READ) !== 0;
		const write = (permissions & PTE_WRITE) !== 0;
		last = append(found, last, iova, hpa, pages, read, write);
	}
}

/** The same for AMD-Vi's, without what the hardware refuses. An entry may leave levels out. */
function visitAmdvi(
	memory: PhysicalReader,
	found: Mapping[],
	within: Window,
	table: number,
	level: number,
	base: number,
	allowed: number,
): void {
	const words = memory.page(table);
	if (words === undefined) return;
	const pages = 512 ** (level - 1);
	let last = found[found.length - 1];
	const end = lastEntry(within, base, pages * PAGE_SIZE);
	for (let i = firstEntry(within, base, pages * PAGE_SIZE); i <= end; i++) {
		const lo = words[2 * i];
		const hi = words[2 * i + 1];
		const permissions = hi & allowed;
		const iova = base + i * pages * PAGE_SIZE;
		// Addresses of 64 bits pass what a number holds, and what any device here names.
		if ((lo & amdvi.PR) === 0 || permissions === 0 || iova > Number.MAX_SAFE_INTEGER) continue;
		const next = amdvi.level(lo);
		if (next === 0 || next === amdvi.NL_SIZED) {
			const shift = amdvi.leafShift(lo, hi, level);
			if (shift === undefined || hi & amdvi.LEAF_RESERVED_HIGH) continue;
			let hpa = pageAddress(lo, hi);
			// An entry is its own part of a page of an encoded size, which has as many entries as it takes.
			if (shift > PAGE_SHIFT) hpa += (iova % 2 ** shift) - (hpa % 2 ** shift);
			const read = (permissions & amdvi.IR) !== 0;
			const write = (permissions & amdvi.IW) !== 0;
			last = append(found, last, iova, hpa, pages, read, write);
		} else if (next < level && (hi & amdvi.TABLE_RESERVED_HIGH) === 0) {
			visitAmdvi(memory, found, within, pageAddress(lo, hi), next, iova, permissions);
			last = found[found.length - 1];
		}
	}
}

/** Lengthens a mapping by pages that continue it. @returns the one that now ends with them */
export function append(
	found: Mapping[],
	last: Mapping | undefined,
	iova: number,
	hpa: number,
	pages: number,
	read: boolean,
	write: boolean,
): Mapping {
	if (last !== undefined && last.read === read && last.write === write) {
		const done = last.pages * PAGE_SIZE;
		if (last.iova + done === iova && last.hpa + done === hpa) {
			last.pages += pages;
			return last;
		}
	}
	const next = {iova, hpa, pages, read, write};
	found.push(next);
	return next;
}
