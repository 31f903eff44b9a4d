// In the place of Ink's Output: the same rows from the same writes, but a row that is written as in the frame before
// is not made again. Ink makes 12,000 cells for a screen of 200×60, whatever changed.

import stringWidth from 'string-width';
import {BLANK, parse, type Sign, textOf} from './line.js';
import {memoised, Recent} from './recent.js';

type Transformer = (line: string, index: number) => string;
/** From x1 and y1 to before x2 and y2. */
type Clip = {x1?: number; x2?: number; y1?: number; y2?: number};
type Write = {x: number; y: number; text: string; transformers: readonly Transformer[]; clip?: Clip};
/** What a write puts into a row. */
type Piece = {x: number; line: string};
/** A line of a write, and how many columns it takes. */
type Line = {text: string; columns: number; isPlain: boolean};
type Row = {width: number; pieces: readonly Piece[]; text: string};

/** The rows of the last frame. A row is the same for every Output that has its width and its pieces. */
let kept: readonly Row[] = [];

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
		kept = rows.map((pieces, y) => {
			const before = kept[y];
			if (before?.width === width && isSame(before.pieces, pieces)) return before;
			return {width, pieces, text: rowOf(width, pieces)};
		});
		return {output: kept.map(({text}) => text).join('\n'), height: kept.length};
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

/** Puts the lines of a write into their rows: cut to the clip, and transformed. */
function put({x, y, text, transformers, clip: {x1, x2, y1, y2} = {}}: Write, rows: Piece[][]): void {
	const {lines, widest} = blockOf(text);
	let left = x;
	let [first, end] = [0, lines.length];
	if (x1 !== undefined && x2 !== undefined) {
		if (x1 >= x2 || x + widest < x1 || x > x2) return;
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

/** The lines of a text. A style that spans several is on in each of them. */
const blockOf = memoised((text): {lines: readonly Line[]; widest: number} => {
	const {signs, isPlain} = parse(text);
	const lines: Sign[][] = [[]];
	for (const sign of signs) {
		if (sign.value === '\n') lines.push([]);
		else lines.at(-1)?.push(sign);
	}
	return {
		lines: lines.map(each => {
			const line = textOf(each);
			return {text: line, columns: stringWidth(line), isPlain: isPlain || parse(line).isPlain};
		}),
		widest: Math.max(...text.split('\n').map(line => stringWidth(line))),
	};
});

const cuts = new Recent<string>();

/** The columns of a line from `from` to before `to`. */
function columnsOf({text, columns, isPlain}: Line, from: number, to: number): string {
	if (from <= 0 && to >= columns && isPlain) return text;
	const [first, end] = [Math.max(0, from), Math.min(columns, to)];
	return first >= end ? '' : cuts.get(`${first} ${end} ${text}`, () => cut(text, first, end));
}

function cut(line: string, from: number, to: number): string {
	const seen: Sign[] = [];
	let column = 0;
	for (const sign of parse(line).signs) {
		const start = column;
		column += sign.columns;
		if (column <= from) continue;
		if (start >= to) break;
		seen.push(sign.columns > 1 && (start < from || column > to) ? blankOf(sign) : sign);
	}
	return textOf(seen);
}

/** What is left of a wide sign where half of it is covered or cut off. */
const blankOf = ({look}: Sign): Sign => ({value: ' ', columns: 1, look});

/** Pieces cover those before them. */
function rowOf(width: number, pieces: readonly Piece[]): string {
	const cells = Array.from({length: width}, () => BLANK);
	for (const {x, line} of pieces) {
		const {signs} = parse(line);
		if (signs.length === 0) continue;
		if (cells[x]?.value === '' && x > 0 && cells[x - 1]?.columns > 1) cells[x - 1] = blankOf(cells[x - 1]);
		let at = x;
		for (const sign of signs) {
			cells[at] = sign;
			// Of a sign that begins left of the screen, the rest is blank.
			for (let i = 1; i < sign.columns; i++) cells[at + i] = {...sign, value: at < 0 ? ' ' : '', columns: 0};
			at += Math.max(1, sign.columns);
		}
		if (cells[at]?.value === '') cells[at] = blankOf(cells[at]);
	}
	return textOf(cells.filter(cell => cell !== undefined)).trimEnd();
}
