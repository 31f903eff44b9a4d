// In the place of Ink's log-update: of a frame that fills the terminal, the cells that differ are written, and each
// frame is one write. Smaller frames, and those of an app without `incrementalRendering`, are written as Ink does.

import {Writable} from 'node:stream';
import inkLog, {type CursorPosition, type LogUpdate} from '../../../../node_modules/ink/build/log-update.js';
import {position, Screen} from './screen.js';

/** What of process.stdout is needed. */
type Terminal = {
	readonly isTTY?: boolean;
	readonly columns?: number;
	readonly rows?: number;
	write: (data: string) => unknown;
};

/** Mode 2026: the terminal shows all of a frame at once. Terminals that have no such mode take no notice. */
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
const HIDE = '\x1b[?25l';
const SHOW = '\x1b[?25h';
/** No colours, home, and erase to the end: 2J would have some terminals push the screen into their scrollback. */
const CLEAR = '\x1b[m\x1b[H\x1b[J';

class Log {
	readonly #terminal: Terminal;
	readonly #incremental: boolean;
	/** Has Ink's own log do something. @returns what it writes */
	readonly #ink: (work: (log: LogUpdate) => void) => string;
	/** What the terminal shows; undefined where the last frame did not fill it, or there is none. */
	#screen: Screen | undefined;
	#text = '';
	#cursor: CursorPosition | undefined;
	/** Where the next frame has the cursor; undefined where nobody has said since the last one. */
	#next: {cursor: CursorPosition | undefined} | undefined;
	#isHidden = false;

	constructor(terminal: Terminal, incremental: boolean) {
		this.#terminal = terminal;
		this.#incremental = incremental;
		this.#ink = inkLogOf(terminal, incremental);
	}

	setCursorPosition(cursor: CursorPosition | undefined): void {
		this.#next = {cursor};
	}

	isCursorDirty(): boolean {
		return this.#next !== undefined;
	}

	getCursorPosition(): CursorPosition | undefined {
		return this.#cursor;
	}

	willRender(text: string): boolean {
		const next = this.#next?.cursor;
		return text !== this.#text || next?.x !== this.#cursor?.x || next?.y !== this.#cursor?.y;
	}

	render(text: string): boolean {
		const changes = this.willRender(text);
		if (changes) {
			const data = this.#frame(text);
			if (data !== '') this.#terminal.write(this.#terminal.isTTY ? BEGIN + data + END : data);
		}
		this.#shows(text);
		return changes;
	}

	/** Ink wrote this frame by itself. */
	sync(text: string): void {
		const lines = text.split('\n');
		const next = this.#next?.cursor;
		let data = this.#cursor && !next ? HIDE : '';
		if (this.#fills(lines)) {
			this.#ink(log => log.reset());
			this.#screen = new Screen(this.#terminal.columns ?? 0, lines.length);
			data += this.#screen.adopt(lines) + shownAt(next, lines.length);
		} else {
			this.#screen = undefined;
			data += this.#ink(log => {
				log.setCursorPosition(next);
				log.sync(text);
			});
		}
		if (data !== '') this.#terminal.write(data);
		this.#shows(text);
	}

	/** Takes the frame off the terminal, and puts the cursor where it began. */
	clear(): void {
		const data = this.#screen ? this.#leave() : this.#ink(log => log.clear());
		if (data !== '') this.#terminal.write(data);
		this.#text = '';
		this.#cursor = undefined;
	}

	/** What comes next is not for this frame: it is below, and the cursor is seen. */
	done(): void {
		const below = this.#screen && this.#cursor ? position((this.#terminal.rows ?? 1) - 1, 0) : '';
		const data = below + this.#ink(log => log.done());
		if (data !== '') this.#terminal.write(data);
		this.#isHidden = false;
		this.reset();
	}

	/** Nobody knows what the terminal shows. */
	reset(): void {
		this.#ink(log => log.reset());
		this.#screen = undefined;
		this.#text = '';
		this.#cursor = undefined;
	}

	#fills(lines: readonly string[]): boolean {
		return this.#incremental && this.#terminal.isTTY === true && lines.length === this.#terminal.rows;
	}

	/** What has the terminal show a frame. */
	#frame(text: string): string {
		const lines = text.split('\n');
		const next = this.#next?.cursor;
		if (this.#fills(lines)) return this.#change(lines) + shownAt(next, lines.length);
		const cleared = this.#leave();
		return (
			cleared +
			this.#ink(log => {
				log.setCursorPosition(next);
				log(text);
			})
		);
	}

	#change(lines: readonly string[]): string {
		let data = this.#cursor || !this.#isHidden ? HIDE : '';
		this.#isHidden = true;
		const {columns = 0} = this.#terminal;
		if (!this.#screen?.isOf(columns, lines.length)) {
			// Whatever stands there goes up, as before a frame that is written line by line.
			if (!this.#screen) data += this.#ink(log => log.clear()) + '\n'.repeat(lines.length - 1);
			data += CLEAR;
			this.#screen = new Screen(columns, lines.length);
		}
		return data + this.#screen.show(lines);
	}

	#leave(): string {
		if (!this.#screen) return '';
		this.#screen = undefined;
		return (this.#cursor ? HIDE : '') + CLEAR;
	}

	#shows(text: string): void {
		this.#text = text;
		this.#cursor = this.#next?.cursor;
		this.#next = undefined;
	}
}

const shownAt = (cursor: CursorPosition | undefined, rows: number): string =>
	cursor ? position(Math.min(Math.max(cursor.y, 0), rows - 1), Math.max(cursor.x, 0)) + SHOW : '';

function inkLogOf(terminal: Terminal, incremental: boolean) {
	let written = '';
	const output = new Writable({
		decodeStrings: false,
		write: (chunk: string, _encoding, done) => {
			written += chunk;
			done();
		},
	});
	const {isTTY, columns} = terminal;
	const stream = Object.assign(output, {isTTY, columns});
	const log = inkLog.create(stream, {incremental});
	return (work: (log: LogUpdate) => void): string => {
		written = '';
		stream.columns = terminal.columns;
		work(log);
		return written;
	};
}

function create(terminal: Terminal, {incremental = false}: {incremental?: boolean} = {}): LogUpdate {
	const log = new Log(terminal, incremental);
	return Object.assign((text: string) => log.render(text), {
		clear: () => log.clear(),
		done: () => log.done(),
		reset: () => log.reset(),
		sync: (text: string) => log.sync(text),
		setCursorPosition: (cursor: CursorPosition | undefined) => log.setCursorPosition(cursor),
		isCursorDirty: () => log.isCursorDirty(),
		willRender: (text: string) => log.willRender(text),
		getCursorPosition: () => log.getCursorPosition(),
	});
}

export default {create};

// In the place of Ink's write-synchronized: a frame begins and ends by itself, in one write.
export const bsu = '';
export const esu = '';
export const shouldSynchronize = (): boolean => false;
