// How text looks, and what a terminal has to be sent to have it look otherwise.

import {
	type AnsiCode,
	ansiCodesToString,
	diffAnsiCodes,
	reduceAnsiCodes,
	tokenize,
} from '@alcalzone/ansi-tokenize';
import {memoised, Recent} from './recent.js';

/** The sequences that switch it on, in an order that equal looks share; none is the terminal's own look. */
export type Style = string;

const RESET = '\x1b[0m';
const SHORT_RESET = '\x1b[m';

const codesOf = memoised((sequences): AnsiCode[] =>
	reduceAnsiCodes(
		tokenize(sequences)
			.filter(token => token.type === 'ansi')
			.map(token => (token.code === SHORT_RESET ? {...token, code: RESET} : token)),
	),
);

/** How text looks after sequences: SGR (ECMA-48, 8.3.117) and links (OSC 8). */
export const styleOf = memoised(
	(sequences): Style =>
		codesOf(sequences)
			.map(({code}) => code)
			.sort()
			.join(''),
);

const changes = new Recent<string>();

/** The shortest way from one look to another. */
export const change = (from: Style, to: Style): string =>
	changes.get(`${from}\n${to}`, () => {
		const [before, after] = [codesOf(from), codesOf(to)];
		const links = ansiCodesToString(diffAnsiCodes(before.filter(isLink), after.filter(isLink)));
		const [old, next] = [before.filter(isSgr), after.filter(isSgr)];
		const anew = joined(RESET + ansiCodesToString(next));
		const some = joined(ansiCodesToString(diffAnsiCodes(old, next)));
		// What is not known here cannot be switched off by itself.
		const known = old.every(({endCode}) => endCode !== RESET);
		return links + (known && some.length <= anew.length ? some : anew);
	});

const isLink = ({code}: AnsiCode): boolean => code.startsWith('\x1b]');
const isSgr = (code: AnsiCode): boolean => !isLink(code);

/** Sequences that follow each other, as one. */
const joined = (sequences: string): string =>
	sequences === RESET ? SHORT_RESET : sequences.replaceAll('m\x1b[', ';');
