// Text that a terminal would obey, or not show, and how to tell that none of it got out.

import assert from 'node:assert/strict';
import fc from 'fast-check';

const from = (first: number, last: number): string[] =>
	Array.from({length: last - first + 1}, (_, i) => String.fromCodePoint(first + i));

/** Each with what it does. Lists of their own, so that they are not checked by what they check. */
export const HOSTILE: readonly string[] = [
	...from(0, 0x1f), // C0
	...from(0x7f, 0x9f), // DEL, C1
	'\x1b[2J\x1b[H', // clears the screen
	'\x1b[31;5mred', // colours
	'\x1b]0;title\x07', // sets the title
	'\x1b]52;c;cm0gLXJm\x07', // sets the clipboard
	'\x9b2J', // as ESC [
	'\x1bP$q"p\x1b\\', // asks, and the answer is typed
	'\x1b[6n',
	'\x1b[?1049h\x1b[?1003h',
	'\r\x1b[Kdmascope: all well\n',
	'\u00ad', // soft hyphen
	...from(0x200b, 0x200f), // zero width, marks
	...from(0x2028, 0x202e), // ends of lines, bidi overrides
	...from(0x2060, 0x206f), // joiners, bidi isolates
	...[
		'\u061c',
		'\u034f',
		'\u115f',
		'\u3164',
		'\uffa0',
		'\ufeff',
		'\ufff9',
		'\u{1d173}',
		'\u{e0041}',
		'\u{e0100}',
	],
	...['\ud800', '\udfff'], // halves of a pair
];

/** One to four of them, among letters of several scripts. */
export const hostile: fc.Arbitrary<string> = fc
	.array(fc.oneof(fc.constantFrom(...HOSTILE), fc.constantFrom('vm', 'größe', '日本', '⚠\ufe0f', ' ', "'")), {
		minLength: 1,
		maxLength: 6,
	})
	.map(parts => parts.join(''));

/** As Unicode 17 numbers what is obeyed, turns a line round, or is not seen; a line's own end is none of it. */
const RANGES = [
	'0-9 b-1f 7f-9f ad 34f 600-605 61c 6dd 70f 8e2 115f-1160 17b4-17b5 180b-180f 200b-200f 2028-202e 2060-206f 3164',
	'd800-dfff feff ffa0 fff0-fffb 1d173-1d17a e0000-e0fff',
].flatMap(row =>
	row.split(' ').map(range => {
		const [first, last = first] = range.split('-').map(digits => Number.parseInt(digits, 16));
		return {first, last};
	}),
);

/** Of whole lines. */
export function assertHarmless(text: string, what: string): void {
	let at = 0;
	for (const char of text) {
		const code = char.codePointAt(0) ?? 0;
		const found = RANGES.some(({first, last}) => code >= first && code <= last);
		if (found) {
			const around = JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
			assert.fail(`${what} lets U+${code.toString(16)} out: ${around}`);
		}
		at += char.length;
	}
}
