// What the terminal shows, and what it has to be sent to show something else: the cells that differ, in one write.

import {isPlain, type Line, widthOf} from './rows.js';
import type {Style} from './theme.js';

/** Mode 2026: the terminal shows all of a frame at once. Terminals that have no such mode take no notice. */
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
/**
 * No colours, home, and erase to the end of the screen: 2J would have some terminals push it into their scrollback.
 */
const CLEAR = '\x1b[m\x1b[H\x1b[J';
const CLEAR_ROW = '\x1b[2K';
const CLEAR_REST = '\x1b[K';
/** What is written past the right edge stays there, or goes on in the next row. */
const NO_WRAP = '\x1b[?7l';
const WRAP = '\x1b[?7h';
/** So few cells that are right already are written again: to jump over them takes as many bytes. */
const NEAR = 4;

const NOTHING: Line = [];
const graphemes = new Intl.Segmenter();

/** A character and a style for each column. */
type Cells = {text: string; styles: readonly Style[]};

export class Painter {
	readonly #write: (data: string) => void;
	/** What the terminal shows; undefined where nobody knows. */
	#shown: readonly Line[] | undefined;
	/** Of the frame that is being made. */
	#out = '';
	#style: Style = '';

	constructor(write: (data: string) => void) {
		this.#write = write;
	}

	/** Something else wrote to the terminal, or it has another size: the next frame is written as a whole. */
	forget(): void {
		this.#shown = undefined;
	}

	/** Empties the screen, with the cursor at its top. */
	clear(): void {
		this.forget();
		this.#style = '';
		this.#write(CLEAR);
	}

	/** Has the terminal show these lines from the top, and nothing below. None is wider than the terminal. */
	paint(lines: readonly Line[]): void {
		const shown = this.#shown ?? [];
		this.#out = this.#shown === undefined ? CLEAR : '';
		for (let y = 0; y < Math.max(lines.length, shown.length); y++)
			this.#row(y, shown[y] ?? NOTHING, lines[y] ?? NOTHING);
		this.#to('');
		this.#shown = lines;
		if (this.#out !== '') this.#write(BEGIN + this.#out + END);
	}

	#row(y: number, before: Line, after: Line): void {
		if (alike(before, after)) return;
		if (isSimple(before) && isSimple(after)) this.#changes(y, cellsOf(before), cellsOf(after));
		else this.#whole(y, after);
	}

	#changes(y: number, before: Cells, after: Cells): void {
		const end = endOf(after);
		/** The column that the cursor is in, once it is in this row. */
		let at: number | undefined;
		for (let x = 0; x < Math.max(before.text.length, end); x++) {
			if (charAt(before, x) === charAt(after, x) && styleAt(before, x) === styleAt(after, x)) continue;
			const to = Math.min(x, end);
			if (at === undefined) this.#out += position(y, to);
			else if (to - at > NEAR) this.#out += `\x1b[${to - at}C`;
			else for (; at < to; at++) this.#put(charAt(after, at), styleAt(after, at));
			if (x >= end) {
				this.#put(CLEAR_REST, '');
				return;
			}
			this.#put(charAt(after, x), styleAt(after, x));
			at = x + 1;
		}
	}

	/**
	 * Terminals do not agree on how wide a letter of another script is, or an emoji. So where there is one the row is
	 * written anew, and what follows the sign is put where it belongs.
	 */
	#whole(y: number, line: Line): void {
		this.#to('');
		this.#out += NO_WRAP + position(y, 0) + CLEAR_ROW;
		let x = 0;
		for (const [text, style] of line) {
			for (const {segment} of graphemes.segment(text)) {
				this.#put(segment, style);
				x += widthOf(segment);
				if (!isPlain(segment)) this.#out += position(y, x);
			}
		}
		this.#out += WRAP;
	}

	#put(text: string, style: Style): void {
		this.#to(style);
		this.#out += text;
	}

	#to(style: Style): void {
		if (style === this.#style) return;
		if (style === '') this.#out += '\x1b[m';
		else this.#out += this.#style === '' ? `\x1b[${style}m` : `\x1b[0;${style}m`;
		this.#style = style;
	}
}

const position = (y: number, x: number): string => (x === 0 ? `\x1b[${y + 1}H` : `\x1b[${y + 1};${x + 1}H`);

const alike = (a: Line, b: Line): boolean =>
	a.length === b.length && a.every(([text, style], i) => text === b[i][0] && style === b[i][1]);

/** Whether each character takes one column, whatever the terminal. */
const isSimple = (line: Line): boolean => line.every(([text]) => isPlain(text));

function cellsOf(line: Line): Cells {
	let text = '';
	const styles: Style[] = [];
	for (const [part, style] of line) {
		text += part;
		for (let i = 0; i < part.length; i++) styles.push(style);
	}
	return {text, styles};
}

/** The column from which on there are blanks alone. */
function endOf({text, styles}: Cells): number {
	let end = text.length;
	while (end > 0 && text[end - 1] === ' ' && styles[end - 1] === '') end--;
	return end;
}

/** Where there is nothing, a terminal that was cleared has a blank. */
const charAt = ({text}: Cells, x: number): string => text[x] ?? ' ';
const styleAt = ({styles}: Cells, x: number): Style => styles[x] ?? '';
