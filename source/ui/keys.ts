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

/** Fast typing and pastes come as several characters at once: each is a press of its own. */
export function keyNames(input: string, key: Key): string[] {
	if (key.tab) return [key.shift ? 'shift-tab' : 'tab'];
	const named = NAMED.find(([flag]) => key[flag]);
	if (named) return [named[1]];
	return key.ctrl ? [`ctrl-${input}`] : [...input];
}
