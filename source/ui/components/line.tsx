import {Text} from 'ink';
import {createElement, memo, type ReactNode} from 'react';
import {masked} from '../../printable.js';
import {type Row, rowText, type Span, spanText} from '../../text/rows.js';
import type {Tone} from '../../text/tones.js';
import {fit} from '../../text/width.js';
import {useTheme} from '../hooks/use-theme.js';
import type {Theme} from '../theme.js';

type Props = {
	readonly row: Row;
	/** Fills so many columns in one tone: a chosen row, or one that has just changed. */
	readonly whole?: Tone;
	readonly width?: number;
};

const piece = (span: Span, theme: Theme): ReactNode =>
	typeof span === 'string' ? masked(span) : createElement(Text, theme[span[1]], masked(span[0]));

/** A row of a list: pieces of text in their tones, cut at the edge. */
export const Line = memo(LineOf, (one, other) => {
	return one.whole === other.whole && one.width === other.width && sameRow(one.row, other.row);
});

/** Rows are made anew with their list; most of them read as before. */
const sameRow = (one: Row, other: Row): boolean =>
	one === other || (one.length === other.length && one.every((span, i) => sameSpan(span, other[i])));

const sameSpan = (one: Span, other: Span): boolean =>
	one === other || (spanText(one) === spanText(other) && toneOf(one) === toneOf(other));

const toneOf = (span: Span): Tone | undefined => (typeof span === 'string' ? undefined : span[1]);

/** What a screen reader says of such a row. */
const SPOKEN: Partial<Record<Tone, string>> = {chosen: 'selected'};

function LineOf({row, whole, width = 0}: Props) {
	const theme = useTheme();
	if (whole)
		return (
			<Text aria-label={`(${SPOKEN[whole] ?? whole}) ${masked(rowText(row))}`} {...theme[whole]}>
				{fit(rowText(row), width)}
			</Text>
		);
	if (row.length === 0) return <Text> </Text>;
	return createElement(Text, {wrap: 'truncate', ...theme.plain}, ...row.map(span => piece(span, theme)));
}

/** Text in a tone of the theme. */
export function Toned({tone, children}: {readonly tone: Tone; readonly children: ReactNode}) {
	return <Text {...useTheme()[tone]}>{children}</Text>;
}
