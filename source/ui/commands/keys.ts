// A key press of Ink's as names: 'enter', 'tab', 'up', 'q', '?', …

import type {Key} from 'ink';

const NAMED = [
	['return', 'enter'],
	['escape', 'escape'],
	['upArrow', 'up'],
	['downArrow', 'down'],
	['leftArrow', 'left'],
	['rightArrow', 'right'],
	['pageUp', 'pageup'],
	['pageDown', 'pagedown'],
	['home', 'home'],
	['end', 'end'],
	// Terminals send 0x7f for Backspace, which Ink calls delete.
	['backspace', 'backspace'],
	['delete', 'backspace'],
] as const satisfies readonly (readonly [keyof Key, string])[];

/** Every key that has a name, as a config file writes it. */
export const KEY_NAMES: readonly string[] = [
	...new Set([...NAMED.map(([, name]) => name), 'tab', 'shift-tab', 'space']),
];

/** Control characters that have names of their own. */
const CONTROL: Readonly<Record<string, string>> = {
	'\r': 'enter',
	'\n': 'enter',
	'\t': 'tab',
	'\x7f': 'backspace',
	'\b': 'backspace',
	'\x1b': 'escape',
	' ': 'space',
};

/** A character by itself: ^L is ctrl-l. */
const nameOf = (char: string): string =>
	CONTROL[char] ??
	(char !== '' && char < ' ' ? `ctrl-${String.fromCharCode(char.charCodeAt(0) + 0x60)}` : char);

/** Fast typing comes as several characters at once, Enter and ^L among them: each is a press of its own. */
export function keyNames(input: string, key: Key): string[] {
	if (input.length > 1) return [...input].map(nameOf);
	if (key.tab) return [key.shift ? 'shift-tab' : 'tab'];
	const named = NAMED.find(([flag]) => key[flag]);
	if (named) return [named[1]];
	if (key.ctrl) return [`ctrl-${input}`];
	return [key.meta ? `alt-${input}` : nameOf(input)];
}
