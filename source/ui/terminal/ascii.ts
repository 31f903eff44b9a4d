// A terminal that shows no more than ASCII.

import {asciiOf} from '../../text/glyphs.js';

/** What of process.stdout is needed. */
type Terminal = {write: (text: string) => boolean};

/** Translates what is written to a terminal from now on, one column for one column. @returns what ends it */
export function writeAscii(terminal: Terminal): () => void {
	const {write} = terminal;
	Object.defineProperty(terminal, 'write', {
		configurable: true,
		writable: true,
		value: (chunk: unknown, ...rest: unknown[]) =>
			Reflect.apply(write, terminal, [typeof chunk === 'string' ? asciiOf(chunk) : chunk, ...rest]),
	});
	return () => {
		terminal.write = write;
	};
}
