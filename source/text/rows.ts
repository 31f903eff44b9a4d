// Text in tones: a row is made of spans.

import type {Tone} from './tones.js';

export type Span = string | readonly [text: string, tone: Tone];
export type Row = readonly Span[];
/** A row of a report; most are plain text. */
export type Line = string | Row;

export const spanText = (span: Span): string => (typeof span === 'string' ? span : span[0]);
export const rowText = (row: Row): string => row.map(spanText).join('');

/** Each line in this tone. */
export const toned = (tone: Tone, lines: readonly string[]): Row[] => lines.map(line => [[line, tone]]);

/** A part of a report: a blank line, a title, and the lines below it. */
export const section = (title: string, lines: readonly Line[]): Line[] => [
	'',
	...toned('title', [title]),
	...lines,
];
