// The mouse, as terminals send it in xterm's SGR form. Ink drops such sequences, and types out those that come in
// two parts; so they are taken out of the input before Ink sees it.

import {Transform, type TransformCallback} from 'node:stream';

/** Columns and rows from 0. */
export type MouseEvent =
	| {kind: 'press'; x: number; y: number}
	| {kind: 'wheel'; up: boolean; x: number; y: number};

/** Modes 1000 (presses and the wheel) and 1006 (as decimal numbers), by xterm's ctlseqs, "Mouse Tracking". */
export const MOUSE_ON = '\x1b[?1000h\x1b[?1006h';
export const MOUSE_OFF = '\x1b[?1006l\x1b[?1000l';

const ESC = '\x1b';
const REPORT = new RegExp(`${ESC}\\[<(\\d{1,5});(\\d{1,5});(\\d{1,5})([Mm])`, 'g');
/** What may still become a report: the end of it is in the next chunk. */
const BEGUN = new RegExp(`${ESC}(\\[(<[\\d;]{0,17})?)?$`);
const WHEEL = 64;
/** Shift, Alt and Ctrl are held. */
const MODIFIERS = 4 | 8 | 16;

/** Tells the mouse from the keys in chunks of input, wherever they are cut. */
export class MouseParser {
	#pending = '';

	/** @returns the keys alone; mouse events are told to `tell`, before the keys of the same chunk. */
	push(chunk: string, tell: (event: MouseEvent) => void): string {
		const keys = (this.#pending + chunk).replace(REPORT, (_, button, x, y, final) => {
			const event = eventOf(Number(button), Number(x) - 1, Number(y) - 1, final === 'M');
			if (event) tell(event);
			return '';
		});
		this.#pending = BEGUN.exec(keys)?.[0] ?? '';
		return keys.slice(0, keys.length - this.#pending.length);
	}

	/** What was kept back and has stayed alone: the Escape key, say. What is surely of a mouse is no key. */
	flush(): string {
		const kept = this.#pending;
		this.#pending = '';
		return kept.startsWith(`${ESC}[<`) ? '' : kept;
	}

	get waiting(): boolean {
		return this.#pending !== '';
	}
}

/** Releases, drags and other buttons mean nothing here. */
function eventOf(button: number, x: number, y: number, pressed: boolean): MouseEvent | undefined {
	if (!pressed || x < 0 || y < 0) return undefined;
	const bare = button & ~MODIFIERS;
	if (bare === 0) return {kind: 'press', x, y};
	if (bare === WHEEL || bare === WHEEL + 1) return {kind: 'wheel', up: bare === WHEEL, x, y};
	return undefined;
}

/** What of process.stdin is needed. */
type RawInput = NodeJS.ReadableStream & {
	setRawMode: (on: boolean) => unknown;
	ref: () => unknown;
	unref: () => unknown;
};

/** How long the rest of a sequence is waited for; Ink waits 20 ms more before it says Escape. */
const REST_MS = 50;

/** An input for Ink's `stdin`: the terminal's, without the mouse, which `tell` is told of. */
export function withoutMouse(stdin: RawInput, tell: (event: MouseEvent) => void) {
	const parser = new MouseParser();
	const decoder = new TextDecoder();
	let timer: NodeJS.Timeout | undefined;
	const keys = new Transform({
		transform(chunk: Buffer, _encoding, done: TransformCallback) {
			clearTimeout(timer);
			done(undefined, parser.push(decoder.decode(chunk, {stream: true}), tell));
			if (parser.waiting) timer = setTimeout(() => keys.push(parser.flush()), REST_MS);
		},
	});
	stdin.pipe(keys);
	return Object.assign(keys, {
		isTTY: true,
		setRawMode: (on: boolean) => void stdin.setRawMode(on),
		ref: () => void stdin.ref(),
		unref: () => void stdin.unref(),
	});
}
