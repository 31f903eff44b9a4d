// A domain's mappings, kept up to date: only the addresses under a changed entry are decoded again.

import {
	firstStageBase,
	MappingList,
	mappingsOf,
	READ,
	type Tables,
	type Window,
	WRITE,
} from '../../explain/mappings.js';
import {PAGE_SIZE, pageAddress} from '../../formats/address.js';
import * as amdvi from '../../formats/amdvi-tables.js';
import * as scalable from '../../formats/vtd-scalable.js';
import * as vtd from '../../formats/vtd-tables.js';
import type {Mapping, PhysicalReader, TableFormat} from '../../machine/tables.js';
import type {TableView} from './table-pages.js';

/** The tables of 128 GiB in pages of 4 KiB. Entries that lead back to their own table would never end. */
export const MOST_TABLES = 65_536;
/** Mappings of a domain: each takes some 60 bytes here, and no list shows more. */
export const MOST_MAPPINGS = 524_288;

const nextLevel = (format: TableFormat, lo: number, hi: number, level: number): number => {
	if (format === 'vt-d') return vtd.nextLevel(lo, level);
	return format === 'amd-vi' ? amdvi.nextLevel(lo, hi, level) : scalable.firstNext(lo, level);
};

/**
 * Reads every table of a domain.
 * @param beyond the high address bits that no physical address has; a page with such an entry is no table
 * @returns the addresses whose entries changed; undefined if the tables have no end
 */
export async function changedWindows(
	view: TableView,
	{format, root, levels}: Tables,
	beyond = 0,
): Promise<Window[] | undefined> {
	const windows: Window[] = [];
	const baseOf = (base: number, i: number, level: number): number =>
		format === 'vt-d first stage'
			? firstStageBase(base, i, level, levels)
			: base + i * PAGE_SIZE * 512 ** (level - 1);
	let left = MOST_TABLES;
	const visit = async (table: number, level: number, base: number): Promise<void> => {
		if (--left < 0) return;
		const page = await view.at(table);
		if (page === undefined) return;
		const {words, changed} = page;
		const bytes = PAGE_SIZE * 512 ** (level - 1);
		const add = (first: number, last: number) =>
			windows.push({from: baseOf(base, first, level), to: baseOf(base, last, level) + bytes});
		if (changed) {
			// The upper half of a first stage's addresses is far from the lower.
			if (changed.first < 256 && changed.last >= 256) {
				add(changed.first, 255);
				add(256, changed.last);
			} else add(changed.first, changed.last);
			if (!isTable(format, words, level, beyond)) return view.drop(table, ALL);
		}
		if (level === 1) return;
		const leading: number[] = [];
		for (let i = 0; i < 512 && left >= 0; i++) {
			const [lo, hi] = [words[2 * i], words[2 * i + 1]];
			const next = nextLevel(format, lo, hi, level);
			if (next <= 0) continue;
			leading.push(i);
			await visit(pageAddress(lo, hi), next, baseOf(base, i, level));
		}
		if (!view.guarded || leading.length === 0) return;
		for (const i of await view.confirm(table, leading)) add(i, i);
	};
	await visit(root, levels, 0);
	return left < 0 ? undefined : windows;
}

const ALL = Array.from({length: 512}, (_, i) => i);

/** Whether a page can be a table: a page that was freed and used for something else has bits that no entry has. */
function isTable(format: TableFormat, words: Uint32Array, level: number, beyond: number): boolean {
	if (beyond === 0) return true;
	for (let i = 0; i < words.length; i += 2) {
		const [lo, hi] = [words[i], words[i + 1]];
		// What is absent may have any bits.
		if (nextLevel(format, lo, hi, level) >= 0 && (hi & beyond) !== 0) return false;
	}
	return true;
}

/** The mappings, with those in the windows decoded again; at most MOST_MAPPINGS. */
export function updated(
	memory: PhysicalReader,
	tables: Tables,
	before: readonly Mapping[],
	windows: readonly Window[],
): Mapping[] {
	const after = new MappingList(MOST_MAPPINGS);
	let at = 0;
	let i = 0;
	const keepUpTo = (end: number) => {
		// The last mapping may continue past the previous window.
		for (; i < before.length && before[i].iova < end; i++) {
			addPart(after, before[i], at, end);
			if (endOf(before[i]) > end) return;
		}
	};
	for (const window of merged(windows)) {
		keepUpTo(window.from);
		for (const mapping of mappingsOf(memory, tables, window, MOST_MAPPINGS))
			addPart(after, mapping, window.from, window.to);
		at = window.to;
		while (i < before.length && endOf(before[i]) <= at) i++;
	}
	keepUpTo(Number.POSITIVE_INFINITY);
	return after.list;
}

const endOf = ({iova, pages}: Mapping): number => iova + pages * PAGE_SIZE;

function merged(windows: readonly Window[]): Window[] {
	const found: Window[] = [];
	for (const {from, to} of windows.toSorted((a, b) => a.from - b.from)) {
		const last = found.at(-1);
		if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
		else found.push({from, to});
	}
	return found;
}

/** Adds the part of a mapping between two addresses. */
function addPart(after: MappingList, mapping: Mapping, from: number, end: number): void {
	const iova = Math.max(mapping.iova, from);
	const pages = (Math.min(endOf(mapping), end) - iova) / PAGE_SIZE;
	const rights = (mapping.read ? READ : 0) | (mapping.write ? WRITE : 0);
	if (pages > 0) after.add(iova, mapping.hpa + iova - mapping.iova, pages, rights);
}
