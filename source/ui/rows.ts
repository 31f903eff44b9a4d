// A row of a panel: pieces of text, each with a meaning, and how wide they are.

import stringWidth from 'string-width';
import {masked} from '../printable.js';
import {SIGNS} from './glyphs.js';
import type {Tone} from './theme.js';

export type Span = string | readonly [text: string, tone: Tone];
export type Row = readonly Span[];

export const spanText = (span: Span): string => (typeof span === 'string' ? span : span[0]);
export const rowText = (row: Row): string => row.map(spanText).join('');

const ELLIPSIS = '…';
/** Characters that take one column each: ASCII, the signs that panels draw with, and braille. */
const PLAIN = new RegExp(`^[ -~\u2800-\u28ff${SIGNS.join('')}]*$`);

/** Text without what a terminal would obey. */
export const printable = (text: string): string => (isPlain(text) ? text : masked(text));

export const isPlain = (text: string): boolean => PLAIN.test(text);

/** Columns that a text takes on screen. */
export const widthOf = (text: string): number => (isPlain(text) ? text.length : stringWidth(masked(text)));

/** The text in exactly `width` columns: padded, or cut with an ellipsis. */
export function fit(given: string, width: number): string {
	const text = printable(given);
	const own = widthOf(text);
	return own <= width ? text + ' '.repeat(width - own) : cut(text, width);
}

function cut(text: string, width: number): string {
	if (width <= 0) return '';
	if (PLAIN.test(text)) return text.slice(0, width - 1) + ELLIPSIS;
	let kept = '';
	for (const {segment} of new Intl.Segmenter().segment(text)) {
		if (widthOf(kept + segment) > width - 1) break;
		kept += segment;
	}
	return fit(kept + ELLIPSIS, width);
}
