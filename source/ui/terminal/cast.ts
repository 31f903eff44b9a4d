// Records what goes to the terminal as an asciicast v2: a line of JSON for each write, with its time.

import fs from 'node:fs';
import {StringDecoder} from 'node:string_decoder';
import {checkNew, openNew} from '../../files.js';
import {messageOf, UserError} from '../../user-error.js';

/** What is needed of process.stdout. */
type Terminal = {
	readonly columns: number;
	readonly rows: number;
	write: (text: string) => boolean;
	on(event: 'resize', listener: () => void): unknown;
	off(event: 'resize', listener: () => void): unknown;
};

export const castHeader = (width: number, height: number): string =>
	`${JSON.stringify({version: 2, width, height, title: 'dmascope', env: {TERM: 'xterm-256color'}})}\n`;

/** `o`: output; `r`: another size, as COLUMNSxROWS. `at`: in milliseconds. */
export const castEvent = (at: number, kind: 'o' | 'r', data: string): string =>
	`${JSON.stringify([Math.round(at) / 1000, kind, data])}\n`;

/**
 * From now on all that is written to a terminal goes into a new file, too, which is made with the first of it.
 * `now`: a clock in milliseconds.
 * @returns what ends it: a sentence where not all could be written. @throws UserError where the file cannot be made
 */
export function recordCast(file: string, terminal: Terminal, now: () => number): () => string | undefined {
	checkNew(file);
	const header = castHeader(terminal.columns, terminal.rows);
	const start = now();
	const decoder = new StringDecoder('utf8');
	let descriptor: number | undefined;
	let problem: string | undefined;
	const put = (line: string) => {
		if (problem !== undefined) return;
		try {
			if (descriptor === undefined) descriptor = openNew(file, header + line);
			else fs.writeSync(descriptor, line);
		} catch (error) {
			problem =
				error instanceof UserError
					? `No recording: ${error.message}`
					: `The recording ${file} ends early: ${messageOf(error)}.`;
		}
	};
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
			if (text !== '') put(castEvent(now() - start, 'o', text));
			return Reflect.apply(write, terminal, what);
		},
	});
	const resized = () => put(castEvent(now() - start, 'r', `${terminal.columns}x${terminal.rows}`));
	terminal.on('resize', resized);
	return () => {
		terminal.off('resize', resized);
		terminal.write = write;
		if (descriptor !== undefined) fs.closeSync(descriptor);
		return problem;
	};
}
