// A row of a panel: pieces of text, each with a meaning. Rows are fitted to their width here, and get their colours:
// then they are lines, as the painter takes them.

import stringWidth from 'string-width';
import {masked} from '../printable.js';
import {drawn, SIGNS} from './glyphs.js';
import {type Style, type Tone, theme} from './theme.js';

export type Span = string | readonly [text: string, tone: Tone];
export type Row = readonly Span[];

/** Text that looks alike throughout. */
export type Run = readonly [text: string, style: Style];
export type Line = readonly Run[];

const ELLIPSIS = '…';
/** Characters that take one column each: ASCII, the signs that panels draw with, and braille. */
const PLAIN = new RegExp(`^[ -~\u2800-\u28ff${SIGNS.join('')}]*$`);

export const isPlain = (text: string): boolean => PLAIN.test(text);

/** Columns that a text takes on screen. */
export const widthOf = (text: string): number => (isPlain(text) ? text.length : stringWidth(masked(text)));

/** The text in exactly `width` columns: padded, or cut with an ellipsis. */
export function fit(given: string, width: number): string {
	const text = isPlain(given) ? given : masked(given);
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
	for (const word of text.split(' ').flatMap(each => pieces(each, width - 2))) {
		const longer = line === '' ? word : `${line} ${word}`;
		if (line !== '' && widthOf(longer) > width) {
			lines.push(line);
			line = `  ${word}`;
		} else line = longer;
	}
	return [...lines, line];
}

/** A word that is wider than a line, in pieces; else as it is. */
function pieces(word: string, width: number): string[] {
	if (width < 1 || widthOf(word) <= width) return [word];
	return word.match(new RegExp(`.{1,${width}}`, 'gsu')) ?? [word];
}

const run = (text: string, style: Style): Run => [drawn(text), style];

/** A row in exactly `width` columns, with its colours; or in one tone as a whole: chosen, or just changed. */
export function paint(row: Row, width: number, whole?: Tone): Line {
	const line: Run[] = [];
	let left = width;
	row.forEach((span, i) => {
		if (left <= 0) return;
		const [text, tone] = typeof span === 'string' ? ([span, 'plain'] as const) : span;
		const room = i === row.length - 1 ? left : Math.min(left, widthOf(text));
		if (room === 0) return;
		line.push(run(fit(text, room), theme[whole ?? tone]));
		left -= room;
	});
	if (left > 0) line.push([' '.repeat(left), theme[whole ?? 'plain']]);
	return line;
}

/** A title inside a top border: ╭ TITLE ─────╮ */
export function topBorder(title: string, width: number, tone: 'focus' | 'border'): Line {
	const room = width - 4;
	const text = fit(title, Math.min(room, widthOf(title)));
	const rest = '─'.repeat(room - widthOf(text));
	const name = tone === 'focus' ? theme.focus : theme.title;
	return [run('╭ ', theme[tone]), run(text, name), run(` ${rest}╮`, theme[tone])];
}

export function bottomBorder(note: string, width: number, tone: 'focus' | 'border'): Line {
	const text = note === '' || widthOf(note) > width - 6 ? '' : ` ${fit(note, widthOf(note))} `;
	return [run(`╰${'─'.repeat(Math.max(0, width - 3 - widthOf(text)))}${text}─╯`, theme[tone])];
}
