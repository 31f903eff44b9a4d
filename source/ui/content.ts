// What a panel shows: a title, rows that stay, and rows that scroll. Only the rows in sight are made.

import type {Row} from './rows.js';

export type Content = {
	title: string;
	/** Rows above the scrolled ones that stay in place. */
	head: readonly Row[];
	count: number;
	row: (index: number) => Row;
	lit?: (index: number) => boolean;
};

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
