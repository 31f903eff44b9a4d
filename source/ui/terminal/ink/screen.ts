// What a terminal shows, and what it has to be sent to show something else: the cells that differ.

import stringWidth from 'string-width';
import {BLANK, type Look, PLAIN_LOOK, parse, type Sign, shortestChange} from './line.js';
import {isPlain} from './plain.js';

/** A row of a frame. */
type Row = {
	/** As Ink made it. */
	readonly line: string;
	/** Its columns up to the last that is not blank; undefined where terminals may dispute which sign is in which. */
	readonly cells: readonly Sign[] | undefined;
};

const EMPTY: Row = {line: '', cells: []};
/** A row of which nobody knows what it shows. */
const UNKNOWN: Row = {line: '\n', cells: undefined};

/** So few cells that are right already are written again: to jump over them takes as many bytes. */
const NEAR = 4;
const CLEAR_ROW = '\x1b[2K';
const CLEAR_REST = '\x1b[K';
/** What is written past the right edge stays there, or goes on in the next row. */
const NO_WRAP = '\x1b[?7l';
const WRAP = '\x1b[?7h';

export class Screen {
	readonly #columns: number;
	readonly #rows: number;
	#shown: readonly Row[] = [];
	/** Of the change that is being made. */
	#out = '';
	#look = PLAIN_LOOK;

	/** A screen that is empty. */
	constructor(columns: number, rows: number) {
		this.#columns = columns;
		this.#rows = rows;
	}

	isOf(columns: number, rows: number): boolean {
		return columns === this.#columns && rows === this.#rows;
	}

	/** Takes a line for each row. @returns what has the terminal show them */
	show(lines: readonly string[]): string {
		const before = this.#shown;
		this.#out = '';
		this.#shown = lines.map((line, y) => (line === before[y]?.line ? before[y] : rowOf(line, this.#columns)));
		this.#shown.forEach((row, y) => void this.#row(y, before[y] ?? EMPTY, row));
		this.#to(PLAIN_LOOK);
		return this.#out;
	}

	/** Ink wrote these lines. @returns what puts right those that may have gone wrong, and ends where it did */
	adopt(lines: readonly string[]): string {
		const rows = lines.map(line => rowOf(line, this.#columns));
		this.#shown = rows.map(row => (row.cells ? row : UNKNOWN));
		const repairs = this.show(lines);
		return repairs === '' ? '' : repairs + position(this.#rows - 1, stringWidth(lines[this.#rows - 1]));
	}

	#row(y: number, before: Row, after: Row): void {
		if (before.line === after.line) return;
		if (before.cells && after.cells) this.#changes(y, before.cells, after.cells);
		else this.#whole(y, after);
	}

	#changes(y: number, before: readonly Sign[], after: readonly Sign[]): void {
		const end = after.length;
		/** The column that the cursor is in, once it is in this row. */
		let at: number | undefined;
		for (let x = 0; x < end; x++) {
			const sign = after[x];
			if (sign === (before[x] ?? BLANK)) continue;
			if (at === undefined) this.#out += position(y, x);
			else if (x > at) this.#skip(after, at, x);
			this.#to(sign.look);
			this.#out += sign.value;
			at = x + 1;
		}
		if (before.length <= end) return;
		this.#to(PLAIN_LOOK);
		if (at !== end) this.#out += position(y, end);
		this.#out += CLEAR_REST;
	}

	/** From one column to another, over cells that are right already. */
	#skip(cells: readonly Sign[], from: number, to: number): void {
		const between = to - from <= NEAR ? cells.slice(from, to) : [];
		if (between.length > 0 && between.every(({look}) => look === this.#look))
			for (const {value} of between) this.#out += value;
		else this.#out += `\x1b[${to - from}C`;
	}

	/**
	 * Terminals do not agree on how wide a letter of another script is, or an emoji. So where there is one the row is
	 * written anew, and what follows the sign is put where it belongs.
	 */
	#whole(y: number, {line}: Row): void {
		this.#to(PLAIN_LOOK);
		this.#out += NO_WRAP + position(y, 0) + CLEAR_ROW;
		const {signs} = parse(line);
		if (signs.some(({value}) => CONTROL.test(value))) this.#out += line;
		else {
			let x = 0;
			for (const {value, columns, look} of signs) {
				if (x + columns > this.#columns) break;
				this.#to(look);
				this.#out += value;
				x += columns;
				if (!isPlain(value)) this.#out += position(y, x);
			}
		}
		this.#to(PLAIN_LOOK);
		this.#out += WRAP;
	}

	#to(look: Look): void {
		if (look === this.#look) return;
		this.#out += shortestChange(this.#look, look);
		this.#look = look;
	}
}

const CONTROL = /\p{Cc}/u;

/** For terminals, the first row and the first column are 1. */
export const position = (y: number, x: number): string =>
	x === 0 ? `\x1b[${y + 1}H` : `\x1b[${y + 1};${x + 1}H`;

function rowOf(line: string, columns: number): Row {
	const {signs, ...parsed} = parse(line);
	if (!parsed.isPlain) return {line, cells: undefined};
	let end = Math.min(signs.length, columns);
	while (signs[end - 1] === BLANK) end--;
	return {line, cells: end === signs.length ? signs : signs.slice(0, end)};
}
