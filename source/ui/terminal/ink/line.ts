// A line of text, SGR (ECMA-48, 8.3.117) and links (OSC 8), as signs that each look somehow: as ansi-tokenize has it,
// which Ink uses, but plain text without a search for graphemes, and equal signs as one object.

import {
	type AnsiCode,
	ansiCodesToString,
	diffAnsiCodes,
	reduceAnsiCodesIncremental,
	styledCharsFromTokens,
	tokenize,
} from '@alcalzone/ansi-tokenize';
import stringWidth from 'string-width';
import {PLAIN} from './plain.js';
import {memoised, Recent} from './recent.js';

/** How text looks: the sequences that switch it on; none is the terminal's own look. */
export type Look = {
	readonly codes: readonly AnsiCode[];
	readonly key: string;
	/** Those that look so, by their character code. */
	readonly signs: Map<number, Sign>;
};
/** A grapheme, and the columns that it takes. */
export type Sign = {readonly value: string; readonly columns: number; readonly look: Look};

/** `isPlain`: each sign takes one column, whatever the terminal. */
export type Line = {readonly signs: readonly Sign[]; readonly isPlain: boolean};

const SEQUENCE = '\x1b\\[[\\d;]*m|\x1b\\]8;\\P{Cc}*(?:\x07|\x1b\\\\)';
/** Of a line in which each character is a sign: sequences, and text or line feeds. */
const PARTS = new RegExp(`(${SEQUENCE})|${PLAIN}+|\n+`, 'gv');

const looks = new Recent<Look>();
const lookOf = (codes: readonly AnsiCode[]): Look =>
	looks.get(codes.map(({code}) => code).join(''), key => ({codes, key, signs: new Map()}));

export const PLAIN_LOOK = lookOf([]);

const nextLooks = new Recent<Look>();
const lookAfter = (look: Look, sequence: string): Look =>
	nextLooks.get(`${look.key}\n${sequence}`, () => {
		const codes = tokenize(sequence).filter(token => token.type === 'ansi');
		return lookOf(reduceAnsiCodesIncremental([...look.codes], codes));
	});

const LINE_FEED = 0x0a;

function plainSign(code: number, look: Look): Sign {
	let sign = look.signs.get(code);
	if (sign === undefined) {
		sign = {value: String.fromCharCode(code), columns: code === LINE_FEED ? 0 : 1, look};
		look.signs.set(code, sign);
	}
	return sign;
}

export const BLANK = plainSign(0x20, PLAIN_LOOK);

export const parse = memoised(
	(text): Line => parsePlain(text) ?? {signs: parseAny(text), isPlain: false},
	1024,
);

function parsePlain(text: string): Line | undefined {
	const signs: Sign[] = [];
	let look = PLAIN_LOOK;
	let end = 0;
	for (const {0: part, 1: sequence, index} of text.matchAll(PARTS)) {
		if (index !== end) return undefined;
		end += part.length;
		if (sequence !== undefined) look = lookAfter(look, sequence);
		else for (let i = 0; i < part.length; i++) signs.push(plainSign(part.charCodeAt(i), look));
	}
	return end === text.length ? {signs, isPlain: !text.includes('\n')} : undefined;
}

const IGNORABLE = /^\p{Default_Ignorable_Code_Point}+$/u;

const parseAny = (text: string): Sign[] =>
	styledCharsFromTokens(tokenize(text))
		.filter(({value}) => !IGNORABLE.test(value))
		.map(({value, styles}) => ({value, columns: stringWidth(value), look: lookOf(styles)}));

const changes = new Recent<string>();
const change = (from: Look, to: Look): string =>
	changes.get(`${from.key}\n${to.key}`, () =>
		ansiCodesToString(diffAnsiCodes([...from.codes], [...to.codes])),
	);

/** The line again, as Ink writes it. */
export function textOf(signs: readonly Sign[]): string {
	let text = '';
	let look = PLAIN_LOOK;
	for (const sign of signs) {
		if (sign.look !== look) {
			text += change(look, sign.look);
			look = sign.look;
		}
		text += sign.value;
	}
	return text + change(look, PLAIN_LOOK);
}

const shortest = new Recent<string>();

/** What a terminal has to be sent to have text look otherwise. */
export const shortestChange = (from: Look, to: Look): string =>
	shortest.get(`${from.key}\n${to.key}`, () => {
		const [before, after] = [inForce(from), inForce(to)];
		const links = ansiCodesToString(diffAnsiCodes(before.filter(isLink), after.filter(isLink)));
		const [old, next] = [before.filter(isSgr), after.filter(isSgr)];
		const anew = joined(RESET + ansiCodesToString(next));
		const some = joined(ansiCodesToString(diffAnsiCodes(old, next)));
		// What is not known here cannot be switched off by itself.
		const isKnown = old.every(({endCode}) => endCode !== RESET);
		return links + (isKnown && some.length <= anew.length ? some : anew);
	});

const RESET = '\x1b[0m';
const SHORT_RESET = '\x1b[m';

/** Ink does not know the short form of a reset. */
const inForce = ({codes}: Look): AnsiCode[] =>
	codes.slice(codes.findLastIndex(({code}) => code === SHORT_RESET) + 1);
const isLink = ({code}: AnsiCode): boolean => code.startsWith('\x1b]');
const isSgr = (code: AnsiCode): boolean => !isLink(code);

/** Sequences that follow each other, as one. */
const joined = (sequences: string): string =>
	sequences === RESET ? SHORT_RESET : sequences.replaceAll('m\x1b[', ';');
