// A terminal that nobody sees: what Ink writes goes to an emulator, whose cells can be looked at.

import {PassThrough, Writable} from 'node:stream';
import xterm from '@xterm/headless';

export class HiddenScreen extends Writable {
	readonly terminal: xterm.Terminal;
	/** How often something was written; Ink writes nothing to learn that all is shown. */
	writes = 0;

	constructor(
		public columns: number,
		public rows: number,
		/** Where Ink has hidden a terminal's cursor, it shows the process's own at the end. */
		readonly isTTY = true,
	) {
		super({decodeStrings: false});
		// Where it is no terminal to Ink, each frame ends with a line feed.
		const height = isTTY ? rows : rows + 1;
		this.terminal = new xterm.Terminal({
			cols: columns,
			rows: height,
			allowProposedApi: true,
			convertEol: true,
		});
	}

	override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
		if (chunk.length > 0) this.writes++;
		this.terminal.write(chunk, done);
	}

	/** Resolves when all output is shown. */
	settled(): Promise<void> {
		return new Promise(resolve => this.write('', () => resolve()));
	}
}

export class HiddenKeyboard extends PassThrough {
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
