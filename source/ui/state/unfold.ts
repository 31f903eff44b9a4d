// A run of a table, unfolded: cut where the entries of the next lower level end, 1 GiB, 2 MiB, 4 KiB.

import type {Range} from '../../explain/ranges.js';
import {PAGE_SIZE} from '../../formats/address.js';

/** A row of a table; `depth` is how far it is unfolded out of its run. */
export type ShownRange = Range & {depth?: number};

export const unfoldKey = ({iova, pages}: Range): string => `${iova}+${pages}`;

/** Pages of an entry on levels 3, 2 and 1. */
const LEVELS = [512 * 512, 512, 1];

/** The parts of a run: those of the largest entries that are smaller than it. None of a single page. */
export function partsOf(range: Range): Range[] {
	const size = LEVELS.find(pages => pages < range.pages);
	if (size === undefined) return [];
	const parts: Range[] = [];
	const end = range.iova / PAGE_SIZE + range.pages;
	for (let page = range.iova / PAGE_SIZE; page < end; ) {
		const next = Math.min(end, (Math.floor(page / size) + 1) * size);
		const offset = page * PAGE_SIZE - range.iova;
		parts.push({...range, iova: range.iova + offset, hpa: range.hpa + offset, pages: next - page});
		page = next;
	}
	return parts;
}

/** Rows with the parts of those that are unfolded behind them. */
export function unfolded(
	ranges: readonly Range[],
	open: ReadonlySet<string> | undefined,
	depth = 0,
): readonly ShownRange[] {
	if (open === undefined || open.size === 0) return ranges;
	const rows: ShownRange[] = [];
	for (const range of ranges) {
		rows.push({...range, depth});
		if (open.has(unfoldKey(range)))
			for (const part of unfolded(partsOf(range), open, depth + 1)) rows.push(part);
	}
	return rows;
}
