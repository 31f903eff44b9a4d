// What a terminal shows, and what it has to be sent to show something else: the cells that differ.

import stringWidth from 'string-width';
import {change, type Style, styleOf} from './style.js';

/** A row of a frame. */
type Row = {
	/** As Ink made it. */
	readonly line: string;
	/** Text that looks alike throughout; undefined where the row has sequences that are neither SGR nor links. */
	readonly runs?: readonly (readonly [text: string, style: Style])[];
	/** Its columns up to the last that is not blank; undefined where terminals may dispute which sign is in which. */
	readonly cells?: {readonly text: string; readonly styles: readonly Style[]};
};

const EMPTY: Row = {line: '', runs: [], cells: {text: '', styles: []}};
/** A row of which nobody knows what it shows. */
const UNKNOWN: Row = {line: '\n'};

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
	#style: Style = '';

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
		this.#shown = lines.map((line, y) => (line === before[y]?.line ? before[y] : parse(line, this.#columns)));
		this.#shown.forEach((row, y) => void this.#row(y, before[y] ?? EMPTY, row));
		this.#to('');
		return this.#out;
	}

	/** Ink wrote these lines. @returns what puts right those that may have gone wrong, and ends where it did */
	adopt(lines: readonly string[]): string {
		const rows = lines.map(line => parse(line, this.#columns));
		this.#shown = rows.map(row => (row.cells ? row : UNKNOWN));
		const repairs = this.show(lines);
		return repairs === '' ? '' : repairs + position(this.#rows - 1, stringWidth(lines[this.#rows - 1]));
	}

	#row(y: number, before: Row, after: Row): void {
		if (before.line === after.line) return;
		if (before.cells && after.cells) this.#changes(y, before.cells, after.cells);
		else this.#whole(y, after);
	}

	#changes(y: number, before: NonNullable<Row['cells']>, after: NonNullable<Row['cells']>): void {
		const end = after.text.length;
		/** The column that the cursor is in, once it is in this row. */
		let at: number | undefined;
		for (let x = 0; x < end; x++) {
			const style = after.styles[x];
			if ((before.text[x] ?? ' ') === after.text[x] && (before.styles[x] ?? '') === style) continue;
			if (at === undefined) this.#out += position(y, x);
			else if (x > at) this.#skip(after, at, x);
			this.#to(style);
			this.#out += after.text[x];
			at = x + 1;
		}
		if (before.text.length <= end) return;
		this.#to('');
		if (at !== end) this.#out += position(y, end);
		this.#out += CLEAR_REST;
	}

	/** From one column to another, over cells that are right already. */
	#skip({text, styles}: NonNullable<Row['cells']>, from: number, to: number): void {
		if (to - from <= NEAR && styles.slice(from, to).every(style => style === this.#style))
			this.#out += text.slice(from, to);
		else this.#out += `\x1b[${to - from}C`;
	}

	/**
	 * Terminals do not agree on how wide a letter of another script is, or an emoji. So where there is one the row is
	 * written anew, and what follows the sign is put where it belongs.
	 */
	#whole(y: number, {line, runs}: Row): void {
		this.#to('');
		this.#out += NO_WRAP + position(y, 0) + CLEAR_ROW;
		let x = 0;
		if (runs === undefined) this.#out += line;
		else
			for (const [text, style] of runs) {
				this.#to(style);
				for (const {segment} of graphemes.segment(text)) {
					const columns = stringWidth(segment);
					if (x + columns > this.#columns) break;
					this.#out += segment;
					x += columns;
					if (!PLAIN.test(segment)) this.#out += position(y, x);
				}
			}
		this.#to('');
		this.#out += WRAP;
	}

	#to(style: Style): void {
		if (style === this.#style) return;
		this.#out += change(this.#style, style);
		this.#style = style;
	}
}

export const position = (y: number, x: number): string =>
	x === 0 ? `\x1b[${y + 1}H` : `\x1b[${y + 1};${x + 1}H`;

const graphemes = new Intl.Segmenter();

/**
 * Signs that take a column each, whatever the terminal: ASCII, Latin letters, and what tables, graphs and arrows are
 * drawn with; neither emoji nor marks, nor the two wide brackets among the technical signs.
 */
const PLAIN =
	/^(?:[ -~]|[[\u00a1-\u024f\u2010-\u2027\u2030-\u205e\u2190-\u2bff]--[\p{Emoji_Presentation}\p{M}\p{Cf}\p{Cn}\u2329\u232a]])*$/v;

const ESC = '\x1b';
/** SGR or a link, or text. */
const PARTS = new RegExp(`(${ESC}\\[[\\d;]*m|${ESC}\\]8;\\P{Cc}*(?:\x07|${ESC}\\\\))|\\P{Cc}+`, 'gu');

function parse(line: string, columns: number): Row {
	const runs: [text: string, style: Style][] = [];
	const styles: Style[] = [];
	let [text, style, end] = ['', '', 0];
	for (const {0: part, 1: sequence, index} of line.matchAll(PARTS)) {
		if (index !== end) break;
		end += part.length;
		if (sequence !== undefined) style = styleOf(style + sequence);
		else {
			runs.push([part, style]);
			text += part;
			for (let i = 0; i < part.length; i++) styles.push(style);
		}
	}
	if (end < line.length) return {line};
	if (!PLAIN.test(text)) return {line, runs};
	let last = Math.min(text.length, columns);
	while (last > 0 && text[last - 1] === ' ' && styles[last - 1] === '') last--;
	return {line, runs, cells: {text: text.slice(0, last), styles: styles.slice(0, last)}};
}
