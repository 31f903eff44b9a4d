// The mouse, as terminals send it in xterm's SGR form.

/** Columns and rows from 0. */
export type MouseEvent =
	| {kind: 'press'; x: number; y: number}
	| {kind: 'wheel'; up: boolean; x: number; y: number};

/** Modes 1000 (presses and the wheel) and 1006 (as decimal numbers), by xterm's ctlseqs, "Mouse Tracking". */
export const MOUSE_ON = '\x1b[?1000h\x1b[?1006h';
export const MOUSE_OFF = '\x1b[?1006l\x1b[?1000l';

const WHEEL = 64;
/** Shift, Alt and Ctrl are held. */
const MODIFIERS = 4 | 8 | 16;

/** Releases, drags and other buttons mean nothing here. */
export function eventOf(button: number, x: number, y: number, pressed: boolean): MouseEvent | undefined {
	if (!pressed || x < 0 || y < 0) return undefined;
	const bare = button & ~MODIFIERS;
	if (bare === 0) return {kind: 'press', x, y};
	if (bare === WHEEL || bare === WHEEL + 1) return {kind: 'wheel', up: bare === WHEEL, x, y};
	return undefined;
}
