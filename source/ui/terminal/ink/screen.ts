// The rows that a terminal shows, and the bytes that change them into others: only cells that differ are sent.

import stringWidth from 'string-width';
import {isNarrow} from '../../../text/narrow.js';
import {BLANK, type Cell, DEFAULT_STYLE, parse, shortTransition} from './cells.js';

type Row = {
	readonly line: string;
	/** Up to the last cell that is not blank; undefined where terminals may disagree about columns. */
	readonly cells: readonly Cell[] | undefined;
};

const EMPTY: Row = {line: '', cells: []};
/** No line equals it. */
const UNKNOWN: Row = {line: '\n', cells: undefined};

/** A gap of so few unchanged cells is sent again: a jump over it takes as many bytes. */
const NEAR = 4;
const CLEAR_ROW = '\x1b[2K';
const CLEAR_REST = '\x1b[K';
const NO_WRAP = '\x1b[?7l';
const WRAP = '\x1b[?7h';

export class Screen {
	readonly #columns: number;
	readonly #height: number;
	#rows: readonly Row[] = [];
	/** The bytes so far, and the style that they leave the terminal in. */
	#out = '';
	#style = DEFAULT_STYLE;

	/** An empty screen. */
	constructor(columns: number, rows: number) {
		this.#columns = columns;
		this.#height = rows;
	}

	hasSize(columns: number, rows: number): boolean {
		return columns === this.#columns && rows === this.#height;
	}

	/** @param lines one for each row. @returns the bytes that show them */
	show(lines: readonly string[]): string {
		const before = this.#rows;
		this.#out = '';
		this.#rows = lines.map((line, y) => (line === before[y]?.line ? before[y] : rowOf(line, this.#columns)));
		this.#rows.forEach((row, y) => void this.#row(y, before[y] ?? EMPTY, row));
		this.#to(DEFAULT_STYLE);
		return this.#out;
	}

	/**
	 * Ink wrote these lines, one below the other. @returns the bytes that repair rows where the terminal's widths may
	 * differ from Ink's, and that leave the cursor where Ink left it
	 */
	adopt(lines: readonly string[]): string {
		const rows = lines.map(line => rowOf(line, this.#columns));
		this.#rows = rows.map(row => (row.cells ? row : UNKNOWN));
		const repairs = this.show(lines);
		return repairs === '' ? '' : repairs + position(this.#height - 1, stringWidth(lines[this.#height - 1]));
	}

	#row(y: number, before: Row, after: Row): void {
		if (before.line === after.line) return;
		if (before.cells && after.cells) this.#changes(y, before.cells, after.cells);
		else this.#whole(y, after);
	}

	#changes(y: number, before: readonly Cell[], after: readonly Cell[]): void {
		const end = after.length;
		/** The column of the cursor; undefined while it is in another row. */
		let at: number | undefined;
		for (let x = 0; x < end; x++) {
			const cell = after[x];
			if (cell === (before[x] ?? BLANK)) continue;
			if (at === undefined) this.#out += position(y, x);
			else if (x > at) this.#skip(after, at, x);
			this.#to(cell.style);
			this.#out += cell.text;
			at = x + 1;
		}
		if (before.length <= end) return;
		// Some terminals erase with the current background.
		this.#to(DEFAULT_STYLE);
		if (at !== end) this.#out += position(y, end);
		this.#out += CLEAR_REST;
	}

	/** Moves the cursor over unchanged cells. */
	#skip(cells: readonly Cell[], from: number, to: number): void {
		const gap = to - from <= NEAR ? cells.slice(from, to) : [];
		if (gap.length > 0 && gap.every(({style}) => style === this.#style))
			for (const {text} of gap) this.#out += text;
		else this.#out += `\x1b[${to - from}C`;
	}

	/**
	 * Writes a row anew. Terminals disagree about the width of emoji and of other scripts, so the cursor is placed after
	 * each such cell.
	 */
	#whole(y: number, {line}: Row): void {
		this.#to(DEFAULT_STYLE);
		this.#out += NO_WRAP + position(y, 0) + CLEAR_ROW;
		const {cells} = parse(line);
		if (cells.some(({text}) => CONTROL.test(text))) this.#out += line;
		else {
			let x = 0;
			for (const {text, width, style} of cells) {
				if (x + width > this.#columns) break;
				this.#to(style);
				this.#out += text;
				x += width;
				if (!isNarrow(text)) this.#out += position(y, x);
			}
		}
		this.#to(DEFAULT_STYLE);
		this.#out += WRAP;
	}

	#to(style: Cell['style']): void {
		if (style === this.#style) return;
		this.#out += shortTransition(this.#style, style);
		this.#style = style;
	}
}

const CONTROL = /\p{Cc}/u;

/** The sequence that places the cursor; terminals count rows and columns from 1. */
export const position = (y: number, x: number): string =>
	x === 0 ? `\x1b[${y + 1}H` : `\x1b[${y + 1};${x + 1}H`;

function rowOf(line: string, columns: number): Row {
	const parsed = parse(line);
	if (!parsed.isNarrow) return {line, cells: undefined};
	const {cells} = parsed;
	let end = Math.min(cells.length, columns);
	while (cells[end - 1] === BLANK) end--;
	return {line, cells: end === cells.length ? cells : cells.slice(0, end)};
}
