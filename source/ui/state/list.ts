// What a panel shows: a title, rows that stay, and rows that scroll. Only the rows in sight are made.

import type {Row} from '../rows.js';

export type Content = {
	title: string;
	/** Rows above the scrolled ones that stay in place. */
	head: readonly Row[];
	count: number;
	row: (index: number) => Row;
	lit?: (index: number) => boolean;
	/** Whether arrows choose one of the rows, which Enter opens; else they scroll. */
	selects?: boolean;
};

/** Where a panel's list is: its first row in sight, and the chosen one. */
export type Place = {top: number; cursor: number};

export const TOP: Place = {top: 0, cursor: 0};

export const fixed = (title: string, rows: readonly Row[]): Content => ({
	title,
	head: rows,
	count: 0,
	row: () => [],
});

export const list = (title: string, rows: readonly Row[], head: readonly Row[] = []): Content => ({
	title,
	head,
	count: rows.length,
	row: index => rows[index],
});

/** The same without its colours: what is not of now. */
export function greyed(content: Content): Content {
	const grey = (row: Row): Row => row.map(span => [typeof span === 'string' ? span : span[0], 'dim']);
	return {...content, head: content.head.map(grey), row: index => grey(content.row(index)), lit: undefined};
}

/** Rows of scrolled content that a panel of a given height, borders included, has room for. */
export const pageOf = ({head}: Content, height: number): number => Math.max(1, height - 2 - head.length);

/** A place that is there, and shows its chosen row. */
export function settle(content: Content, height: number, {top, cursor}: Place): Place {
	const page = pageOf(content, height);
	const last = Math.max(0, content.count - page);
	const chosen = Math.min(Math.max(0, cursor), Math.max(0, content.count - 1));
	const first = content.selects ? Math.min(Math.max(top, chosen - page + 1), chosen) : top;
	return {top: Math.min(Math.max(0, first), last), cursor: chosen};
}

/** The place after a move: of the chosen row, or of what is in sight. */
export function moved(
	content: Content,
	height: number,
	place: Place,
	move: (at: number, page: number) => number,
): Place {
	const page = pageOf(content, height);
	const {top, cursor} = settle(content, height, place);
	return content.selects
		? settle(content, height, {top, cursor: move(cursor, page)})
		: settle(content, height, {top: move(top, page), cursor});
}
