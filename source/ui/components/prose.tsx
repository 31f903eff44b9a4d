import {Box, Text} from 'ink';
import {useTheme} from '../hooks/use-theme.js';
import {printable} from '../rows.js';
import type {Tone} from '../theme.js';

type ProseProps = {readonly tone?: Tone; readonly indent?: number; readonly children: string};

/** Text that wraps at the panel's edge. */
export function Prose({tone = 'plain', indent = 1, children}: ProseProps) {
	return (
		<Box flexShrink={0} paddingLeft={indent} paddingRight={1}>
			<Text {...useTheme()[tone]}>{printable(children)}</Text>
		</Box>
	);
}

type LabelledProps = ProseProps & {readonly label: string; readonly width: number};

/** The same with a label before it. */
export function Labelled({label, width, tone = 'plain', indent = 1, children}: LabelledProps) {
	const theme = useTheme();
	return (
		<Box flexShrink={0} paddingLeft={indent} paddingRight={1}>
			<Box flexShrink={0} width={width}>
				<Text {...theme.dim}>{label}</Text>
			</Box>
			<Box flexGrow={1} flexBasis={0}>
				<Text {...theme[tone]}>{printable(children)}</Text>
			</Box>
		</Box>
	);
}
