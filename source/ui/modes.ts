// What Ink may do to the terminal: switch its modes, which are the alternate screen, the cursor, and how a paste comes.
// Its frames are empty, and the erasing and scrolling that belong to them would spoil the painter's.

import {Writable} from 'node:stream';

const ESC = '\x1b';
/** DECSET and DECRST; those of mode 2026 go with frames. */
const MODE = new RegExp(`${ESC}\\[\\?(?!2026)\\d+[hl]`, 'g');

/** What of process.stdout is needed. */
type Terminal = {readonly columns?: number; readonly rows?: number; write: (data: string) => unknown};

/** An output for Ink's `stdout`. Modes are written at once: at the end of the process there is no later. */
export function modesAlone(terminal: Terminal) {
	const output = new Writable({
		decodeStrings: false,
		write: (chunk: string | Buffer, _encoding, done) => {
			for (const [mode] of `${chunk}`.matchAll(MODE)) terminal.write(mode);
			done();
		},
	});
	return Object.assign(output, {isTTY: true, columns: terminal.columns, rows: terminal.rows});
}
