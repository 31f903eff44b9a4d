// A domain's mappings, kept up to date: only the addresses under a changed entry are decoded again.

import {MappingList, mappingsOf, READ, type Tables, type Window, WRITE} from '../../explain/mappings.js';
import {PAGE_SIZE, pageAddress} from '../../formats/address.js';
import * as amdvi from '../../formats/amdvi-tables.js';
import * as vtd from '../../formats/vtd-tables.js';
import type {Mapping, PhysicalReader} from '../../machine/tables.js';
import type {TableView} from './table-pages.js';

/** More tables than any domain needs. Entries that lead back to their own table would never end. */
export const MOST_TABLES = 16384;

/**
 * Reads every table of a domain.
 * @returns the addresses whose entries changed; undefined if the tables have no end
 */
export async function changedWindows(
	view: TableView,
	{format, root, levels}: Tables,
): Promise<Window[] | undefined> {
	const windows: Window[] = [];
	let left = MOST_TABLES;
	const visit = async (table: number, level: number, base: number): Promise<void> => {
		if (--left < 0) return;
		const page = await view.at(table);
		if (page === undefined) return;
		const {words, changed} = page;
		const bytes = PAGE_SIZE * 512 ** (level - 1);
		if (changed) windows.push({from: base + changed.first * bytes, to: base + (changed.last + 1) * bytes});
		if (level === 1) return;
		for (let i = 0; i < 512 && left >= 0; i++) {
			const [lo, hi] = [words[2 * i], words[2 * i + 1]];
			const next = format === 'vt-d' ? vtd.nextLevel(lo, level) : amdvi.nextLevel(lo, hi, level);
			if (next > 0) await visit(pageAddress(lo, hi), next, base + i * bytes);
		}
	};
	await visit(root, levels, 0);
	return left < 0 ? undefined : windows;
}

/** The mappings, with those in the windows decoded again. */
export function updated(
	memory: PhysicalReader,
	tables: Tables,
	before: readonly Mapping[],
	windows: readonly Window[],
): Mapping[] {
	const after = new MappingList();
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
		for (const mapping of mappingsOf(memory, tables, window)) addPart(after, mapping, window.from, window.to);
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
