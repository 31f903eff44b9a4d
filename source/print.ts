// Where text leaves the program, but for the dashboard's frames. Nothing else writes lines: so nothing that comes from
// elsewhere reaches a terminal as more than characters, nor a file or a pipe that somebody shows on one later.

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
/** A line, or several. A line has no end inside: it would be written out, as all control characters are. */
export type Print = (lines: string | readonly Line[]) => void;

/** What of process.stdout is needed. */
export type Output = {
	readonly isTTY?: boolean;
	readonly errored?: Error | null;
	write: (text: string) => unknown;
};

/** `failed` is told at once of a stream that takes no more: what is printed next would be for nobody. */
export function printTo(stream: Output, failed: (error: Error) => void = () => {}): Print {
	const {NO_COLOR, TERM} = process.env;
	const coloured = stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
	return lines => {
		const all = typeof lines === 'string' ? [lines] : lines;
		stream.write(all.map(line => `${lineText(line, coloured)}\n`).join(''));
		if (stream.errored) failed(stream.errored);
	};
}

/** What is printed of a line. */
export function lineText(line: Line, coloured = false): string {
	if (typeof line === 'string') return printable(line);
	return line.map(span => spanText(span, coloured)).join('');
}

function spanText(span: Span, coloured: boolean): string {
	if (typeof span === 'string') return printable(span);
	const [text, colour] = span;
	return coloured ? `\x1b[${COLOURS[colour]}m${printable(text)}\x1b[m` : printable(text);
}

/** Lines of JSON, for people as well. */
export const jsonLines = (value: unknown): string[] => JSON.stringify(value, undefined, 2).split('\n');
