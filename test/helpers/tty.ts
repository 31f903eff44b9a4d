// A terminal in this process: its output goes to an emulator, and its keys come from a test.

import {PassThrough, Writable} from 'node:stream';
import xterm from '@xterm/headless';

const ESC = '\x1b';
/** Mode 25 (DECTCEM) shows and hides the cursor. */
const CURSOR = new RegExp(`${ESC}\\[\\?25[hl]`, 'g');

export class Screen extends Writable {
	readonly isTTY = true;
	readonly terminal: xterm.Terminal;
	/** Whether the cursor is shown. */
	hasCursor = true;

	constructor(
		public columns: number,
		public rows: number,
	) {
		super({decodeStrings: false});
		this.terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true, convertEol: true});
	}

	override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
		const last = `${chunk}`.match(CURSOR)?.at(-1);
		if (last !== undefined) this.hasCursor = last.endsWith('h');
		this.terminal.write(chunk, done);
	}

	/** Resolves when all output is shown. */
	settled(): Promise<void> {
		return new Promise(resolve => this.write('', () => resolve()));
	}

	resize({columns, rows}: {columns: number; rows: number}): void {
		this.columns = columns;
		this.rows = rows;
		this.terminal.resize(columns, rows);
		this.emit('resize');
	}

	text(): string {
		const {active} = this.terminal.buffer;
		return Array.from(
			{length: this.rows},
			(_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '',
		).join('\n');
	}
}

export class Keyboard extends PassThrough {
	readonly isTTY = true;
	isRaw = false;
	setRawMode(on: boolean): this {
		this.isRaw = on;
		return this;
	}
	ref(): this {
		return this;
	}
	unref(): this {
		return this;
	}
}
