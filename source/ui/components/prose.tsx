// Sentences in a panel: they wrap at its edge.

import {stripVTControlCharacters} from 'node:util';
import {Box, Text, Transform} from 'ink';
import {createElement, Fragment, type ReactNode} from 'react';
import {masked} from '../../printable.js';
import type {Tone} from '../../text/tones.js';
import {useTheme} from '../hooks/use-theme.js';
import type {Style} from '../theme.js';

type Layout = {readonly tone?: Tone; readonly indent?: number};

export function Prose({tone = 'plain', indent = 1, children}: Layout & {readonly children: string}) {
	const theme = useTheme();
	return (
		<Box flexShrink={0} paddingLeft={indent} paddingRight={1}>
			<Wrapped style={theme[tone]}>{children}</Wrapped>
		</Box>
	);
}

/** Wrapped text, without the blanks that Ink leaves at the start of a line where the line before it was full. */
export const Wrapped = ({style, children}: {readonly style?: Style; readonly children: ReactNode}) => (
	<Transform transform={withoutBlanks}>
		<Text {...style}>{typeof children === 'string' ? masked(children) : children}</Text>
	</Transform>
);

function withoutBlanks(line: string, index: number): string {
	const blanks = index === 0 ? 0 : stripVTControlCharacters(line).search(/[^ ]|$/);
	let rest = line;
	for (let i = 0; i < blanks; i++) rest = rest.replace(' ', '');
	return rest;
}

/** Texts, each on lines of its own. */
export const Paragraphs = ({texts, ...layout}: Layout & {readonly texts: readonly string[]}) =>
	createElement(Fragment, null, ...texts.map(text => paragraph(text, layout)));

const paragraph = (text: string, layout: Layout): ReactNode => <Prose {...layout}>{text}</Prose>;

type LabelledProps = Layout & {
	readonly label: string;
	readonly labelTone?: Tone;
	/** Columns of the label. */
	readonly width: number;
	readonly texts: readonly string[];
};

/** The same beside a label. */
export function Labelled({
	label,
	labelTone = 'dim',
	width,
	tone = 'plain',
	indent = 1,
	texts,
}: LabelledProps) {
	const theme = useTheme();
	return (
		<Box flexShrink={0} paddingLeft={indent} paddingRight={1}>
			<Box flexShrink={0} width={width}>
				<Text {...theme[labelTone]}>{masked(label)}</Text>
			</Box>
			{createElement(
				Box,
				{flexDirection: 'column', flexGrow: 1, flexBasis: 0},
				...texts.map(text => paragraph(text, {tone, indent: 0})),
			)}
		</Box>
	);
}

/** What cannot be seen, and how to see it. */
export function Gap({what, how}: {readonly what: string; readonly how: string}) {
	return (
		<>
			<Prose tone="warn">{what}</Prose>
			<Prose indent={3}>{how}</Prose>
		</>
	);
}
