// All text except the dashboard's frames leaves the program here, so text from elsewhere cannot control the terminal.
// The same holds for a file or a pipe, which may be shown on a terminal later.

import {Chalk} from 'chalk';
import {printable} from '../printable.js';
import type {Line} from './rows.js';
import {depthOf, type Environment, themeOf} from './terminal.js';
import {LOOKS, type Tone} from './tones.js';

/** Prints a line, or several. Line ends inside a line are escaped, like all control characters. */
export type Print = (lines: string | readonly Line[]) => void;
/** Prints plain lines alone. */
export type PrintLine = (line: string) => void;

/** The part of process.stdout that is used. */
export type Output = {
	readonly isTTY?: boolean;
	readonly errored?: Error | null;
	write: (text: string) => unknown;
};

type Paint = (text: string, tone: Tone) => string;

/** Prints in colour on a terminal. Calls `failed` at once if the stream is broken: nobody would read the rest. */
export function printTo(stream: Output, failed: (error: Error) => void = () => {}): Print {
	const paint = stream.isTTY === true ? painterFor(process.env) : unpainted;
	return lines => {
		const all = typeof lines === 'string' ? [lines] : lines;
		stream.write(all.map(line => `${lineText(line, paint)}\n`).join(''));
		if (stream.errored) failed(stream.errored);
	};
}

const unpainted: Paint = text => text;

/** Paints in the colours of the dashboard; under NO_COLOR, and where there are no colours, not at all. */
function painterFor(env: Environment): Paint {
	const theme = themeOf(env);
	if (theme === 'plain') return unpainted;
	const level = depthOf(env);
	const chalk = new Chalk({level});
	return (text, tone) => {
		const {text: colour, ground, bold, underline, inverse} = LOOKS[theme][tone];
		let style = chalk;
		if (colour) style = level > 1 ? style.hex(colour[0]) : style[colour[1]];
		if (ground) style = style.bgHex(ground[0]);
		if (bold) style = style.bold;
		if (underline) style = style.underline;
		if (inverse) style = style.inverse;
		return style(text);
	};
}

/** A line as it is printed. */
export function lineText(line: Line, paint: Paint = unpainted): string {
	if (typeof line === 'string') return printable(line);
	return line
		.map(span => (typeof span === 'string' ? printable(span) : paint(printable(span[0]), span[1])))
		.join('');
}

/** Raised when a field of an output is removed, is renamed, or changes its meaning. */
export const SCHEMA_VERSION = 1;

/** With the version of its schema first. */
export const versioned = <T extends object>(value: T): {schemaVersion: number} & T => ({
	schemaVersion: SCHEMA_VERSION,
	...value,
});

/** Lines of JSON, for people as well. */
export const jsonLines = (value: unknown): string[] => JSON.stringify(value, undefined, 2).split('\n');
