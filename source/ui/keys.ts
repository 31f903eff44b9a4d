// A key press of Ink's as one name: 'enter', 'tab', 'up', 'q', '?', …

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

export function keyName(input: string, key: Key): string {
	if (key.tab) return key.shift ? 'shift-tab' : 'tab';
	const named = NAMED.find(([flag]) => key[flag]);
	if (named) return named[1];
	return key.ctrl ? `ctrl-${input}` : input;
}
