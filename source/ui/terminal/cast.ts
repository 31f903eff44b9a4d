// Records what goes to the terminal as an asciicast v2: a line of JSON for each write, with its time.

import fs from 'node:fs';
import {StringDecoder} from 'node:string_decoder';
import {errnoOf, messageOf, UserError} from '../../user-error.js';

type Terminal = NodeJS.WriteStream;

export const castHeader = (width: number, height: number): string =>
	`${JSON.stringify({version: 2, width, height, title: 'dmascope', env: {TERM: 'xterm-256color'}})}\n`;

/** `o`: output; `r`: another size, as COLUMNSxROWS. `at`: in milliseconds. */
export const castEvent = (at: number, kind: 'o' | 'r', data: string): string =>
	`${JSON.stringify([Math.round(at) / 1000, kind, data])}\n`;

/** What a player must not do to whoever watches: set the clipboard. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence is made of them
const CLIPBOARD = /\x1b\]52;[^\x07\x1b]*(\x07|\x1b\\)/g;

/**
 * From now on all that is written to a terminal goes into `file`, too, which must not be there yet.
 * `now`: a clock in milliseconds.
 * @returns what ends it: a sentence where not all could be written. @throws UserError where the file cannot be made
 */
export function recordCast(file: string, terminal: Terminal, now: () => number): () => string | undefined {
	const fd = create(file);
	const start = now();
	const decoder = new StringDecoder('utf8');
	let problem: string | undefined;
	const put = (line: string) => {
		if (problem !== undefined) return;
		try {
			fs.writeSync(fd, line);
		} catch (error) {
			problem = `The recording ${file} ends early: ${messageOf(error)}.`;
		}
	};
	put(castHeader(terminal.columns, terminal.rows));
	const write = terminal.write;
	Object.defineProperty(terminal, 'write', {
		configurable: true,
		writable: true,
		value: (...what: unknown[]) => {
			const [chunk] = what;
			const text =
				typeof chunk === 'string'
					? chunk
					: chunk instanceof Uint8Array
						? decoder.write(Buffer.from(chunk))
						: '';
			const shown = text.replace(CLIPBOARD, '');
			if (shown !== '') put(castEvent(now() - start, 'o', shown));
			return Reflect.apply(write, terminal, what);
		},
	});
	const resized = () => put(castEvent(now() - start, 'r', `${terminal.columns}x${terminal.rows}`));
	terminal.on('resize', resized);
	return () => {
		terminal.off('resize', resized);
		terminal.write = write;
		fs.closeSync(fd);
		return problem;
	};
}

function create(file: string): number {
	try {
		return fs.openSync(file, 'wx');
	} catch (error) {
		if (errnoOf(error) === 'EEXIST')
			throw new UserError(`There is a file ${file} already; give --cast another name.`);
		throw new UserError(`--cast ${file} cannot be made: ${messageOf(error)}; give another name.`);
	}
}
