// A line of text with SGR (ECMA-48, 8.3.117) and links (OSC 8) as cells, each a grapheme and its style. The result is
// that of ansi-tokenize, which Ink uses; but narrow text is not segmented, and equal narrow cells are one object.

import {
	type AnsiCode,
	ansiCodesToString,
	diffAnsiCodes,
	reduceAnsiCodesIncremental,
	styledCharsFromTokens,
	tokenize,
} from '@alcalzone/ansi-tokenize';
import stringWidth from 'string-width';
import {NARROW} from '../../../text/narrow.js';
import {Cache, memoised} from './cache.js';

/** The sequences that switch a style on; none for the default style. */
export type Style = {
	readonly codes: readonly AnsiCode[];
	readonly key: string;
	/** Narrow cells of this style by character code. */
	readonly cells: Map<number, Cell>;
};
export type Cell = {readonly text: string; readonly width: number; readonly style: Style};

/** `isNarrow`: each cell, except a line feed, takes one column on every terminal. */
export type Cells = {readonly cells: readonly Cell[]; readonly isNarrow: boolean};

const styles = new Cache<Style>();
const styleOf = (codes: readonly AnsiCode[]): Style =>
	styles.get(codes.map(({code}) => code).join(''), key => ({codes, key, cells: new Map()}));

const nextStyles = new Cache<Style>();
const styleAfter = (style: Style, sequence: string): Style =>
	nextStyles.get(`${style.key}\n${sequence}`, () => {
		const codes = tokenize(sequence).filter(token => token.type === 'ansi');
		return styleOf(reduceAnsiCodesIncremental([...style.codes], codes));
	});

function narrowCell(code: number, style: Style): Cell {
	let cell = style.cells.get(code);
	if (cell === undefined) {
		cell = {text: String.fromCharCode(code), width: 1, style};
		style.cells.set(code, cell);
	}
	return cell;
}

export const DEFAULT_STYLE = styleOf([]);
export const BLANK = narrowCell(0x20, DEFAULT_STYLE);

export const parse = memoised(
	(text): Cells => parseNarrow(text) ?? {cells: parseGraphemes(text), isNarrow: false},
	1024,
);

const SEQUENCE = '\x1b\\[[\\d;]*m|\x1b\\]8;\\P{Cc}*(?:\x07|\x1b\\\\)';
const PARTS = new RegExp(`(${SEQUENCE})|(?:${NARROW}|\n)+`, 'gv');

function parseNarrow(text: string): Cells | undefined {
	const cells: Cell[] = [];
	let style = DEFAULT_STYLE;
	let end = 0;
	for (const {0: part, 1: sequence, index} of text.matchAll(PARTS)) {
		if (index !== end) return undefined;
		end += part.length;
		if (sequence !== undefined) style = styleAfter(style, sequence);
		else for (let i = 0; i < part.length; i++) cells.push(narrowCell(part.charCodeAt(i), style));
	}
	return end === text.length ? {cells, isNarrow: true} : undefined;
}

const IGNORABLE = /^\p{Default_Ignorable_Code_Point}+$/u;

const parseGraphemes = (text: string): Cell[] =>
	styledCharsFromTokens(tokenize(text))
		.filter(({value}) => !IGNORABLE.test(value))
		.map(({value, styles}) => ({text: value, width: stringWidth(value), style: styleOf(styles)}));

const transitions = new Cache<string>();
const transition = (from: Style, to: Style): string =>
	transitions.get(`${from.key}\n${to.key}`, () =>
		ansiCodesToString(diffAnsiCodes([...from.codes], [...to.codes])),
	);

/** The opposite of parse: the text as Ink writes it. */
export function textOf(cells: readonly Cell[]): string {
	let text = '';
	let style = DEFAULT_STYLE;
	for (const cell of cells) {
		if (cell.style !== style) {
			text += transition(style, cell.style);
			style = cell.style;
		}
		text += cell.text;
	}
	return text + transition(style, DEFAULT_STYLE);
}

const shortTransitions = new Cache<string>();

/** The shortest sequences that change the terminal from one style to another. */
export const shortTransition = (from: Style, to: Style): string =>
	shortTransitions.get(`${from.key}\n${to.key}`, () => {
		const links = ansiCodesToString(diffAnsiCodes(from.codes.filter(isLink), to.codes.filter(isLink)));
		const [before, after] = [from.codes.filter(isSgr), to.codes.filter(isSgr)];
		const reset = joined(RESET + ansiCodesToString(after));
		const change = joined(ansiCodesToString(diffAnsiCodes(before, after)));
		// ansi-tokenize takes a code that it does not know, \x1b[m among them, for one that a reset ends.
		const isKnown = [...before, ...after].every(({endCode}) => endCode !== RESET);
		return links + (isKnown && change.length <= reset.length ? change : reset);
	});

const RESET = '\x1b[0m';
const isLink = ({code}: AnsiCode): boolean => code.startsWith('\x1b]');
const isSgr = (code: AnsiCode): boolean => !isLink(code);

/** Joins SGR sequences into one. */
const joined = (sequences: string): string =>
	sequences === RESET ? '\x1b[m' : sequences.replaceAll('m\x1b[', ';');
