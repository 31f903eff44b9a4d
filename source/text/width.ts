// Texts in columns of the terminal, as Ink counts them: measured, padded, cut and wrapped.

import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import {masked, printable} from '../printable.js';
import {isNarrow} from './narrow.js';

/** Columns of a report. */
export const WIDTH = 80;

/** Columns of a text on the screen. Panels measure each cell of each row; string-width takes 25 times as long. */
export const widthOf = (text: string): number => (isNarrow(text) ? text.length : stringWidth(masked(text)));

const blanks = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text)));
export const padEnd = (text: string, width: number): string => text + blanks(text, width);
export const padStart = (text: string, width: number): string => blanks(text, width) + text;

/** The text in exactly `width` columns: padded, or cut with an ellipsis. */
export function fit(given: string, width: number): string {
	const text = masked(given);
	if (widthOf(text) <= width) return padEnd(text, width);
	if (width > 0 && isNarrow(text)) return `${text.slice(0, width - 1)}…`;
	return padEnd(cliTruncate(text, Math.max(0, width)), width);
}

/** Lines of at most `width` columns, broken at spaces; a word that is longer than a line is broken too. */
export const wrapped = (text: string, width = WIDTH): string[] =>
	wrapAnsi(printable(text), width, {hard: true}).split('\n');

/** Lines of a report with `first` before the first line, and `further` before the others. */
export function indented(text: string, first: string, further = first): [string, ...string[]] {
	// Wrapping trims and normalises, so the first line is the beginning of this.
	const whole = printable(text).normalize().trim();
	const [head] = wrapped(whole, WIDTH - first.length);
	const rest = whole.slice(head.length).trim();
	const others = rest === '' ? [] : wrapped(rest, WIDTH - further.length);
	return [first + head, ...others.map(line => further + line)];
}
