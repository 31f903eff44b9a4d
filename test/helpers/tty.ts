// A terminal in this process: its output goes to an emulator, and its keys come from a test.

import {HiddenScreen} from '../../source/ui/terminal/hidden.js';

export {HiddenKeyboard as Keyboard} from '../../source/ui/terminal/hidden.js';

const ESC = '\x1b';
/** Mode 25 (DECTCEM) shows and hides the cursor. */
const CURSOR = new RegExp(`${ESC}\\[\\?25[hl]`, 'g');

export class Screen extends HiddenScreen {
	/** Whether the cursor is shown. */
	hasCursor = true;

	override _write(chunk: string | Buffer, encoding: BufferEncoding, done: () => void): void {
		const last = `${chunk}`.match(CURSOR)?.at(-1);
		if (last !== undefined) this.hasCursor = last.endsWith('h');
		super._write(chunk, encoding, done);
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
