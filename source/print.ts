// Text leaves the program here, but for the dashboard's frames. Nothing else writes lines, so text from elsewhere reaches
// a terminal as characters alone; and a file or a pipe too, which somebody may show on a terminal later.

import {printable} from './printable.js';

/** Select Graphic Rendition, by what is coloured (ECMA-48, 8.3.117). */
const COLOURS = {
	title: '1',
	dim: '2',
	good: '32',
	bad: '91',
	warn: '33',
	fault: '1;33',
	command: '36',
} as const;
export type Colour = keyof typeof COLOURS;

export type Span = string | readonly [text: string, colour: Colour];
export type Line = string | readonly Span[];
/** Prints a line, or several. A line end inside one is written out, as all control characters are. */
export type Print = (lines: string | readonly Line[]) => void;
/** Prints plain lines alone. */
export type PrintLine = (line: string) => void;

/** The part of process.stdout that is used. */
export type Output = {
	readonly isTTY?: boolean;
	readonly errored?: Error | null;
	write: (text: string) => unknown;
};

/** Calls `failed` at once where a stream takes no more: nobody would read what is printed next. */
export function printTo(stream: Output, failed: (error: Error) => void = () => {}): Print {
	const {NO_COLOR, TERM} = process.env;
	const coloured = stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
	return lines => {
		const all = typeof lines === 'string' ? [lines] : lines;
		stream.write(all.map(line => `${lineText(line, coloured)}\n`).join(''));
		if (stream.errored) failed(stream.errored);
	};
}

/** A line as it is printed. */
export function lineText(line: Line, coloured = false): string {
	if (typeof line === 'string') return printable(line);
	return line.map(span => spanText(span, coloured)).join('');
}

function spanText(span: Span, coloured: boolean): string {
	if (typeof span === 'string') return printable(span);
	const [text, colour] = span;
	return coloured ? `\x1b[${COLOURS[colour]}m${printable(text)}\x1b[m` : printable(text);
}

/** Raised when a field of what --json prints is removed, renamed, or means something else. */
export const SCHEMA_VERSION = 1;

/** With the version of its schema first. */
export const versioned = <T extends object>(value: T): {schemaVersion: number} & T => ({
	schemaVersion: SCHEMA_VERSION,
	...value,
});

/** Lines of JSON, for people as well. */
export const jsonLines = (value: unknown): string[] => JSON.stringify(value, undefined, 2).split('\n');
