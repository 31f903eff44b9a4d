// The terminal's input: keys, pastes, the mouse, and answers to questions of other programs. Ink would type out answers
// and reports of the mouse that come in two parts, and wait for the end of a paste for ever. So it gets keys and whole
// pastes alone.

import {Transform, type TransformCallback} from 'node:stream';
import {eventOf, type MouseEvent} from './mouse.js';

const ESC = '\x1b';
const PASTE = `${ESC}[200~`;
const PASTED = `${ESC}[201~`;
/** Of an operating system command, and of other strings (xterm's ctlseqs): all but what ends them. */
const STRING = `[^\\x07\\x18\\x1a${ESC}]*`;
const [OSC, OTHER] = [`\\]${STRING}`, `[PX^_]${STRING}`];
/** A whole one of these at one place of the input is no key. */
const WHOLE = new RegExp(
	[
		`${ESC}\\[<(\\d{1,5});(\\d{1,5});(\\d{1,5})([Mm])`,
		`${ESC}\\[200~[^]*?${ESC}\\[201~`,
		`${ESC}${OSC}(?:\\x07|${ESC}\\\\)`,
		`${ESC}${OTHER}${ESC}\\\\`,
	].join('|'),
	'y',
);
/** The beginning of one, whose end may be in the next chunk. */
const BEGUN = new RegExp(
	`${ESC}(?:\\[(?:<[\\d;]{0,17}|2|20|200|200~[^]*)?|${OSC}${ESC}?|${OTHER}${ESC}?)?$`,
	'y',
);
/** No more is kept of one that does not end; with its last characters, which may begin its end. */
const LONGEST = 65536;
const TAIL = PASTED.length - 1;
/** A paste that has been silent so long may have been cut off: then a key by itself ends it. */
const SILENT_MS = 1000;

/** Tells keys from all else in chunks of input, wherever they are cut. */
export class InputParser {
	readonly #tell: (event: MouseEvent) => void;
	readonly #now: () => number;
	#kept = '';
	#heard = 0;

	/** `tell` is told of the mouse, before the keys of the same chunk; `now`: milliseconds. */
	constructor(tell: (event: MouseEvent) => void, now: () => number) {
		this.#tell = tell;
		this.#now = now;
	}

	/** The sequence that has begun and not ended yet. */
	get kept(): string {
		return this.#kept;
	}

	/** @returns keys and whole pastes alone */
	push(chunk: string): string {
		const silent = this.#now() - this.#heard > SILENT_MS;
		this.#heard = this.#now();
		const isKey = chunk.startsWith(ESC) || [...chunk].length === 1;
		const given = this.#kept + chunk;
		const cutOff = this.#isPaste && silent && isKey && !given.includes(PASTED);
		const text = cutOff ? this.#kept + PASTED + chunk : given;
		this.#kept = '';
		let keys = '';
		for (let at = 0; at < text.length; ) {
			const start = text.indexOf(ESC, at);
			if (start < 0) return keys + text.slice(at);
			keys += text.slice(at, start);
			WHOLE.lastIndex = start;
			const [whole = '', button, x, y, final] = WHOLE.exec(text) ?? [];
			BEGUN.lastIndex = start;
			if (whole !== '') {
				if (whole.startsWith(PASTE)) keys += whole;
				const event = final && eventOf(Number(button), Number(x) - 1, Number(y) - 1, final === 'M');
				if (event) this.#tell(event);
				at = start + whole.length;
			} else if (BEGUN.test(text)) {
				this.#kept = bounded(text.slice(start));
				return keys;
			} else {
				keys += ESC;
				at = start + 1;
			}
		}
		return keys;
	}

	/** A sequence that stays without its end is keys, such as Escape or Alt-]; but half a report of the mouse is none. */
	flush(): string {
		if (this.#isPaste) return '';
		const kept = this.#kept;
		this.#kept = '';
		return kept.startsWith(`${ESC}[<`) ? '' : kept;
	}

	get #isPaste(): boolean {
		return this.#kept.startsWith(PASTE);
	}
}

const bounded = (text: string): string =>
	text.length > LONGEST ? text.slice(0, LONGEST - TAIL) + text.slice(-TAIL) : text;

/** The part of process.stdin that is used. */
type RawInput = NodeJS.ReadableStream & {
	setRawMode: (on: boolean) => unknown;
	ref: () => unknown;
	unref: () => unknown;
};

/** How long the rest of a sequence is waited for; Ink waits 20 ms more before it says Escape. */
const REST_MS = 50;

/**
 * An input for Ink's `stdin`: the terminal's keys. `tell` is told of the mouse; `take` takes keys that are for somebody
 * else, and returns the others.
 */
export function keysOf(
	stdin: RawInput,
	tell: (event: MouseEvent) => void,
	take: (keys: string) => string = keys => keys,
) {
	const parser = new InputParser(tell, () => performance.now());
	const decoder = new TextDecoder();
	let timer: NodeJS.Timeout | undefined;
	const keys = new Transform({
		transform(chunk: Buffer, _encoding, done: TransformCallback) {
			const before = parser.kept;
			done(undefined, take(parser.push(decoder.decode(chunk, {stream: true}))));
			if (before !== '' && parser.kept.startsWith(before)) return;
			clearTimeout(timer);
			if (parser.kept !== '') timer = setTimeout(() => keys.push(take(parser.flush())), REST_MS);
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
