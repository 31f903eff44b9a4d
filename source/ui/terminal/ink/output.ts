// Replaces Ink's Output. It makes the same rows from the same writes, but reuses a row whose writes are those of the
// last frame. Ink makes every cell of every row anew: 12,000 in a terminal of 200×60.

import stringWidth from 'string-width';
import {Cache, memoised} from './cache.js';
import {BLANK, type Cell, parse, textOf} from './cells.js';

type Transformer = (line: string, index: number) => string;
/** From x1 and y1 up to, not including, x2 and y2. */
type Clip = {x1?: number; x2?: number; y1?: number; y2?: number};
type Write = {x: number; y: number; text: string; transformers: readonly Transformer[]; clip?: Clip};
/** A line of a write. */
type Line = {text: string; width: number; isNarrow: boolean};
/** The part of a row that one write makes. */
type Piece = {x: number; line: string};
type Row = {width: number; pieces: readonly Piece[]; text: string};

/** The rows of the last frame, whoever made it: a row depends on its width and pieces alone. */
let lastRows: readonly Row[] = [];

export default class Output {
	readonly width: number;
	readonly height: number;
	readonly #writes: Write[] = [];
	readonly #clips: Clip[] = [];

	constructor({width, height}: {width: number; height: number}) {
		this.width = width;
		this.height = height;
	}

	write(x: number, y: number, text: string, {transformers}: Pick<Write, 'transformers'>): void {
		if (text !== '') this.#writes.push({x, y, text, transformers, clip: this.#clips.at(-1)});
	}

	clip(clip: Clip): void {
		this.#clips.push(intersection(this.#clips.at(-1), clip));
	}

	unclip(): void {
		this.#clips.pop();
	}

	get(): {output: string; height: number} {
		const rows = Array.from({length: this.height}, (): Piece[] => []);
		for (const write of this.#writes) put(write, rows);
		const {width} = this;
		lastRows = rows.map((pieces, y) => {
			const last = lastRows[y];
			if (last?.width === width && isSame(last.pieces, pieces)) return last;
			return {width, pieces, text: rowText(width, pieces)};
		});
		return {output: lastRows.map(({text}) => text).join('\n'), height: lastRows.length};
	}
}

const isSame = (a: readonly Piece[], b: readonly Piece[]): boolean =>
	a.length === b.length && a.every(({x, line}, i) => x === b[i].x && line === b[i].line);

const bound = (a: number | undefined, b: number | undefined, tighter: (a: number, b: number) => number) =>
	a === undefined || b === undefined ? (a ?? b) : tighter(a, b);

const intersection = (outer: Clip | undefined, inner: Clip): Clip => ({
	x1: bound(outer?.x1, inner.x1, Math.max),
	x2: bound(outer?.x2, inner.x2, Math.min),
	y1: bound(outer?.y1, inner.y1, Math.max),
	y2: bound(outer?.y2, inner.y2, Math.min),
});

/** Puts the clipped and transformed lines of a write into their rows. */
function put({x, y, text, transformers, clip: {x1, x2, y1, y2} = {}}: Write, rows: Piece[][]): void {
	const {lines, width} = blockOf(text);
	let left = x;
	let [first, end] = [0, lines.length];
	if (x1 !== undefined && x2 !== undefined) {
		if (x1 >= x2 || x + width < x1 || x > x2) return;
		left = Math.max(x, x1);
	}
	if (y1 !== undefined && y2 !== undefined) {
		if (y1 >= y2 || y + end < y1 || y > y2) return;
		first = Math.max(0, y1 - y);
		end = Math.min(end, y2 - y);
	}
	for (let i = first; i < end; i++) {
		let line = x1 === undefined || x2 === undefined ? lines[i].text : columnsOf(lines[i], x1 - x, x2 - x);
		for (const transform of transformers) line = transform(line, i);
		rows[y + i]?.push({x: left, line});
	}
}

/** Splits a text into lines; a style that spans several is on in each of them. */
const blockOf = memoised((text): {lines: readonly Line[]; width: number} => {
	const {cells, isNarrow} = parse(text);
	const lines: Cell[][] = [[]];
	for (const cell of cells) {
		if (cell.text === '\n') lines.push([]);
		else lines.at(-1)?.push(cell);
	}
	return {
		lines: lines.map(line => {
			const text = textOf(line);
			return {text, width: stringWidth(text), isNarrow: isNarrow || parse(text).isNarrow};
		}),
		width: Math.max(...text.split('\n').map(line => stringWidth(line))),
	};
});

const cuts = new Cache<string>();

/** The columns of a line from `from` up to, not including, `to`. */
function columnsOf({text, width, isNarrow}: Line, from: number, to: number): string {
	if (from <= 0 && to >= width && isNarrow) return text;
	const [first, end] = [Math.max(0, from), Math.min(width, to)];
	return first >= end ? '' : cuts.get(`${first} ${end} ${text}`, () => cut(text, first, end));
}

function cut(line: string, from: number, to: number): string {
	const visible: Cell[] = [];
	let column = 0;
	for (const cell of parse(line).cells) {
		const start = column;
		column += cell.width;
		if (column <= from) continue;
		if (start >= to) break;
		visible.push(cell.width > 1 && (start < from || column > to) ? blankOf(cell) : cell);
	}
	return textOf(visible);
}

/** Replaces a wide cell whose other half is covered or cut off. */
const blankOf = ({style}: Cell): Cell => ({text: ' ', width: 1, style});

/** Later pieces cover earlier ones. */
function rowText(width: number, pieces: readonly Piece[]): string {
	const row = Array.from({length: width}, () => BLANK);
	for (const {x, line} of pieces) {
		const {cells} = parse(line);
		if (cells.length === 0) continue;
		if (row[x]?.text === '' && x > 0 && row[x - 1]?.width > 1) row[x - 1] = blankOf(row[x - 1]);
		let at = x;
		for (const cell of cells) {
			row[at] = cell;
			// A wide cell that starts left of the screen is blank on it.
			for (let i = 1; i < cell.width; i++) row[at + i] = {...cell, text: at < 0 ? ' ' : '', width: 0};
			at += Math.max(1, cell.width);
		}
		if (row[at]?.text === '') row[at] = blankOf(row[at]);
	}
	return textOf(row.filter(cell => cell !== undefined)).trimEnd();
}
