// A table's columns: how wide each is, and which of them a narrow panel leaves out.

import {type Row, type Span, spanText} from './rows.js';
import type {Tone} from './tones.js';
import {fit, padStart} from './width.js';

export type Column<T> = {
	title: string;
	/** Undefined: the room that the other columns leave. */
	width?: number;
	right?: boolean;
	/** The narrowest panel that shows it. */
	from?: number;
	cell: (item: T) => Span;
};

/** The head and the rows of a table in a panel of this width. */
export function columnsFor<T>(columns: readonly Column<T>[], width: number) {
	const shown = columns.filter(({from = 0}) => width >= from);
	// One blank before each column, and one at the panel's edge.
	const fixed = shown.reduce((sum, column) => sum + 1 + (column.width ?? 0), 1);
	const rest = Math.max(1, width - fixed);
	const placed = ({width: own = rest, right}: Column<T>, span: Span): Span => {
		const text = spanText(span);
		const cell = ` ${right ? fit(padStart(text, own), own) : fit(text, own)}`;
		return typeof span === 'string' ? cell : [cell, span[1]];
	};
	return {
		head: shown.map((column): readonly [string, Tone] => [spanText(placed(column, column.title)), 'dim']),
		row: (item: T): Row => shown.map(column => placed(column, column.cell(item))),
	};
}
