// A row of a panel: pieces of text, each with a meaning. Rows are fitted to their width here, and painted, so
// that Ink has one ready string a line to lay out.

import stringWidth from 'string-width';
import {SIGNS} from './glyphs.js';
import {type Tone, theme} from './theme.js';

export type Span = string | readonly [text: string, tone: Tone];
export type Row = readonly Span[];

const ELLIPSIS = '…';
/** Characters that take one column each: ASCII, the signs that panels draw with, and braille. */
const PLAIN = new RegExp(`^[ -~\u2800-\u28ff${SIGNS.join('')}]*$`);

/** Columns that a text takes on screen. */
export const widthOf = (text: string): number => (PLAIN.test(text) ? text.length : stringWidth(text));

/** The text in exactly `width` columns: padded, or cut with an ellipsis. */
export function fit(text: string, width: number): string {
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

/** A text as lines of at most `width` columns, broken between words; lines after the first are indented. */
export function wrap(text: string, width: number): string[] {
	const lines: string[] = [];
	let line = '';
	for (const word of text.split(' ')) {
		const longer = line === '' ? word : `${line} ${word}`;
		if (line !== '' && widthOf(longer) > width) {
			lines.push(line);
			line = `  ${word}`;
		} else line = longer;
	}
	return [...lines, line];
}

/** A row in exactly `width` columns, with its colours; or in one tone as a whole: chosen, or just changed. */
export function paint(row: Row, width: number, whole?: Tone): string {
	const parts: string[] = [];
	let left = width;
	row.forEach((span, i) => {
		if (left <= 0) return;
		const [text, tone] = typeof span === 'string' ? ([span, 'plain'] as const) : span;
		const room = i === row.length - 1 ? left : Math.min(left, widthOf(text));
		const fitted = fit(text, room);
		left -= room;
		parts.push(whole ? fitted : theme[tone](fitted));
	});
	if (left > 0) parts.push(' '.repeat(left));
	const line = parts.join('');
	return whole ? theme[whole](line) : line;
}

/** A title inside a top border: ╭ TITLE ─────╮ */
export function topBorder(title: string, width: number, tone: Tone): string {
	const room = width - 4;
	const text = widthOf(title) > room ? cut(title, room) : title;
	const line = '─'.repeat(Math.max(0, room - widthOf(text)));
	const border = tone === 'focus' ? theme.focus : theme.border;
	const name = tone === 'focus' ? theme.focus : theme.title;
	return `${border('╭ ')}${name(text)}${border(` ${line}╮`)}`;
}

export function bottomBorder(note: string, width: number, tone: Tone): string {
	const border = tone === 'focus' ? theme.focus : theme.border;
	const text = note === '' || widthOf(note) > width - 6 ? '' : ` ${note} `;
	return border(`╰${'─'.repeat(Math.max(0, width - 3 - widthOf(text)))}${text}─╯`);
}
