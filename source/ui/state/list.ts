// A list: rows that are made when they come into sight, and where in them the reader is.

import type {Row} from '../../text/rows.js';

/** Tells a row of a list from the others, however they come and go. */
export type Key = string | number;

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
	/** The rows' keys, where rows come and go: the chosen row stays chosen. */
	key?: (index: number) => Key;
};

export const list = (title: string, rows: readonly Row[], head: readonly Row[] = []): List => ({
	title,
	head,
	count: rows.length,
	row: index => rows[index],
});

/** Where a list is: its first row in sight, and the chosen row with its key. */
export type Place = {top: number; cursor: number; key?: Key};

export const TOP: Place = {top: 0, cursor: 0};
/** A list's end, however long it is. */
export const BOTTOM: Place = {top: Number.MAX_SAFE_INTEGER, cursor: Number.MAX_SAFE_INTEGER};

type Keys = Pick<List, 'count' | 'key'>;
/** `page`: how many rows are in sight. */
export type ListSize = Keys & {page: number; selects: boolean};

/** The chosen row's index now. If its key is gone, the row at its old place is chosen. */
export function cursorOf({count, key}: Keys, {cursor, key: chosen}: Place = TOP): number {
	const at = Math.min(Math.max(0, cursor), Math.max(0, count - 1));
	if (key === undefined || chosen === undefined || count === 0 || key(at) === chosen) return at;
	for (let i = 0; i < count; i++) if (key(i) === chosen) return i;
	return at;
}

/** The chosen one of some rows; undefined if there are none. */
export const chosenOf = <T>(rows: readonly T[], key: (row: T) => Key, place?: Place): T | undefined =>
	rows[cursorOf({count: rows.length, key: index => key(rows[index])}, place)];

/** A place that exists, and shows its chosen row. */
export function settle(size: ListSize, place: Place): Place {
	const {count, page, selects, key} = size;
	const cursor = cursorOf(size, place);
	// Rows in sight stay in sight as others come above them; at the top, new rows show.
	const shift = place.key === undefined || place.top === 0 ? 0 : cursor - place.cursor;
	const top = place.top + shift;
	const first = selects ? Math.min(Math.max(top, cursor - page + 1), cursor) : top;
	return {
		top: Math.min(Math.max(0, first), Math.max(0, count - page)),
		cursor,
		...(key && count > 0 ? {key: key(cursor)} : {}),
	};
}

/** The place after a move of the chosen row, or of the rows in sight. */
export function moved(size: ListSize, place: Place, move: (at: number, page: number) => number): Place {
	const {top, cursor} = settle(size, place);
	return size.selects
		? settle(size, {top, cursor: move(cursor, size.page)})
		: settle(size, {top: move(top, size.page), cursor});
}
