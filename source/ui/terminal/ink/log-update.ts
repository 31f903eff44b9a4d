// Replaces Ink's log-update. A frame that fills the terminal is sent as the cells that changed; other frames, and
// those of an app without `incrementalRendering`, are left to Ink's log-update. Each frame is one write.

import {Writable} from 'node:stream';
import inkLog, {type CursorPosition, type LogUpdate} from '../../../../node_modules/ink/build/log-update.js';
import {position, Screen} from './screen.js';

/** The part of process.stdout that is used. */
type Terminal = {
	readonly isTTY?: boolean;
	readonly columns?: number;
	readonly rows?: number;
	write: (data: string) => unknown;
};

/** Mode 2026: the terminal shows the whole frame at once. Terminals without this mode ignore it. */
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
const HIDE = '\x1b[?25l';
const SHOW = '\x1b[?25h';
/** Default style, home, erase to the end. Some terminals push the screen into their scrollback on 2J. */
const CLEAR = '\x1b[m\x1b[H\x1b[J';

class Log {
	readonly #terminal: Terminal;
	readonly #incremental: boolean;
	readonly #ink: (work: (log: LogUpdate) => void) => string;
	/** Set while the terminal shows a frame that fills it. */
	#screen: Screen | undefined;
	#text = '';
	#cursor: CursorPosition | undefined;
	/** The cursor for the next frame, once it is set. */
	#next: {cursor: CursorPosition | undefined} | undefined;
	#isHidden = false;

	constructor(terminal: Terminal, incremental: boolean) {
		this.#terminal = terminal;
		this.#incremental = incremental;
		this.#ink = collectedLog(terminal, incremental);
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
			const lines = text.split('\n');
			const data = this.#fills(lines) ? this.#full(lines) : this.#small(log => log(text));
			if (data !== '') this.#terminal.write(this.#terminal.isTTY ? BEGIN + data + END : data);
		}
		this.#finish(text);
		return changes;
	}

	/** Ink wrote this frame itself. */
	sync(text: string): void {
		const lines = text.split('\n');
		const next = this.#next?.cursor;
		this.#screen = undefined;
		let data = this.#cursor && !next ? HIDE : '';
		if (this.#fills(lines)) {
			this.#ink(log => log.reset());
			this.#screen = new Screen(this.#terminal.columns ?? 0, lines.length);
			data += this.#screen.adopt(lines) + cursorAt(next, lines.length);
		} else data += this.#small(log => log.sync(text));
		this.#send(data);
		this.#finish(text);
	}

	/** Erases the frame and moves the cursor to its start. */
	clear(): void {
		this.#send(this.#screen ? this.#leave() : this.#ink(log => log.clear()));
		this.#text = '';
		this.#cursor = undefined;
	}

	/** Shows the cursor, below the frame. */
	done(): void {
		const below = this.#screen && this.#cursor ? position((this.#terminal.rows ?? 1) - 1, 0) : '';
		this.#send(below + this.#ink(log => log.done()));
		this.#isHidden = false;
		this.reset();
	}

	/** Forgets the frame: another program had the terminal. */
	reset(): void {
		this.#ink(log => log.reset());
		this.#screen = undefined;
		this.#text = '';
		this.#cursor = undefined;
	}

	#fills(lines: readonly string[]): boolean {
		const {isTTY, columns, rows} = this.#terminal;
		return this.#incremental && isTTY === true && columns !== undefined && lines.length === rows;
	}

	/** @returns the bytes that show a frame that fills the terminal */
	#full(lines: readonly string[]): string {
		let data = this.#cursor || !this.#isHidden ? HIDE : '';
		this.#isHidden = true;
		const {columns = 0} = this.#terminal;
		if (!this.#screen?.hasSize(columns, lines.length)) {
			// Ink would write line by line, and so scroll up whatever is on the screen.
			if (!this.#screen) data += this.#ink(log => log.clear()) + '\n'.repeat(lines.length - 1);
			data += CLEAR;
			this.#screen = new Screen(columns, lines.length);
		}
		return data + this.#screen.show(lines) + cursorAt(this.#next?.cursor, lines.length);
	}

	/** @returns the bytes that show any other frame */
	#small(work: (log: LogUpdate) => void): string {
		const cleared = this.#leave();
		const data = this.#ink(log => {
			log.setCursorPosition(this.#next?.cursor);
			work(log);
		});
		return cleared + data;
	}

	#leave(): string {
		if (!this.#screen) return '';
		this.#screen = undefined;
		return (this.#cursor ? HIDE : '') + CLEAR;
	}

	#finish(text: string): void {
		this.#text = text;
		this.#cursor = this.#next?.cursor;
		this.#next = undefined;
	}

	#send(data: string): void {
		if (data !== '') this.#terminal.write(data);
	}
}

const cursorAt = (cursor: CursorPosition | undefined, rows: number): string =>
	cursor ? position(Math.min(Math.max(cursor.y, 0), rows - 1), Math.max(cursor.x, 0)) + SHOW : '';

/** @returns a function that runs `work` on a log-update of Ink's, and returns what that writes */
function collectedLog(terminal: Terminal, incremental: boolean) {
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

// Replaces Ink's write-synchronized, which would write BEGIN and END apart from the frame.
export const bsu = '';
export const esu = '';
export const shouldSynchronize = (): boolean => false;
