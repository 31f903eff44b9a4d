// A list: rows that are made when they come into sight, and where in them the reader is.

import type {Row} from '../rows.js';

export type List = {
	title: string;
	/** Rows above the scrolled ones that stay in place. */
	head: readonly Row[];
	count: number;
	row: (index: number) => Row;
	/** Whether a row has just changed. */
	lit?: (index: number) => boolean;
	/** Whether arrows choose one of the rows, which Enter opens; else they scroll. */
	selects?: boolean;
};

export const list = (title: string, rows: readonly Row[], head: readonly Row[] = []): List => ({
	title,
	head,
	count: rows.length,
	row: index => rows[index],
});

/** Where a list is: its first row in sight, and the chosen one. */
export type Place = {top: number; cursor: number};

export const TOP: Place = {top: 0, cursor: 0};
/** A list's end, however long it is. */
export const BOTTOM: Place = {top: Number.MAX_SAFE_INTEGER, cursor: Number.MAX_SAFE_INTEGER};

/** `page`: how many rows are in sight. */
export type ListSize = {count: number; page: number; selects: boolean};

/** A place that exists, and shows its chosen row. */
export function settle({count, page, selects}: ListSize, {top, cursor}: Place): Place {
	const last = Math.max(0, count - page);
	const chosen = Math.min(Math.max(0, cursor), Math.max(0, count - 1));
	const first = selects ? Math.min(Math.max(top, chosen - page + 1), chosen) : top;
	return {top: Math.min(Math.max(0, first), last), cursor: chosen};
}

/** The place after a move: of the chosen row, or of what is in sight. */
export function moved(size: ListSize, place: Place, move: (at: number, page: number) => number): Place {
	const {top, cursor} = settle(size, place);
	return size.selects
		? settle(size, {top, cursor: move(cursor, size.page)})
		: settle(size, {top: move(top, size.page), cursor});
}
