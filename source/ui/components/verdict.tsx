import {Box, Text} from 'ink';
import {memo} from 'react';
import {explainLoss} from '../../explain/loss.js';
import type {Data, Transfer} from '../../machine/transfer.js';
import type {Tone} from '../../text/tones.js';
import {grouped, partOf} from '../../words.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts} from '../hooks/use-ui.js';
import {inkOn, type Style} from '../theme.js';
import {BigText} from './big-text.js';
import {Wrapped} from './prose.js';

export const DATA_TONES: Record<Data, Tone> = {
	delivered: 'good',
	lost: 'bad',
	torn: 'bad',
	failed: 'warn',
	unchecked: 'warn',
};

/** What became of the bytes, as a sentence. */
export function verdictSentence({data, bytes, landed}: Transfer): string {
	const counted = `${partOf(landed, bytes)} bytes arrived`;
	const sentences: Record<Data, string> = {
		delivered: `${counted}.`,
		lost: `Every layer reported success; ${counted}.`,
		torn: `Every layer reported success; ${counted}.`,
		failed: `An error reached the guest; ${counted}.`,
		unchecked: 'Every layer reported success; the disk cannot be read back to compare.',
	};
	return sentences[data];
}

type Props = {readonly transfer: Transfer; readonly large?: boolean};

/** The verdict as a reversed bar; under a loss, why and what to press next. */
export const Verdict = memo(function Verdict({transfer, large = false}: Props) {
	const theme = useTheme();
	const {state, verdictAt, packet, history, again} = useParts(({state, verdictAt, packet, machine}) => ({
		state,
		packet,
		verdictAt: verdictAt[transfer.vm ?? ''],
		history: machine.lab?.history,
		// A guest that really runs reads again when it boots again.
		again: machine.lab?.guest === undefined ? 'Enter' : 'r',
	}));
	if (packet === transfer.number) return <Box height={large ? 5 : 1} flexShrink={0} />;
	const stale = verdictAt !== undefined && verdictAt.tables !== state.tables;
	const steps = history && verdictAt ? history.at - verdictAt.step : 0;
	const ago = steps > 0 ? `, ${grouped(steps)} step${steps === 1 ? '' : 's'} ago` : '';
	const loss = explainLoss(state, transfer);
	const tone = theme[stale ? 'dim' : DATA_TONES[transfer.data]];
	const next = loss?.byPolicy
		? state.policy === transfer.policy
			? `Next: p, then ${again}.`
			: `Next: ${again}.`
		: undefined;
	return (
		<Box flexDirection="column" flexShrink={0}>
			{large ? <BigText text={transfer.data} style={tone} /> : null}
			<Bar style={tone} reversed={!stale}>
				{`${transfer.data.toUpperCase()} ${stale ? `under ${transfer.policy}${ago}:` : ''} ${verdictSentence(transfer)}`}
			</Bar>
			{loss ? (
				<Box paddingLeft={1} paddingRight={1}>
					<Wrapped>
						<Text {...theme.title}>Why: </Text>
						{loss.why}
						{next ? <Text {...theme.key}>{`  ${next}`}</Text> : null}
					</Wrapped>
				</Box>
			) : null}
		</Box>
	);
});

/** A bar as wide as the panel. Without colours it is reversed by the terminal. */
export function Bar({
	style,
	reversed,
	children,
}: {
	readonly style: Style;
	readonly reversed: boolean;
	readonly children: string;
}) {
	if (!reversed)
		return (
			<Text wrap="truncate" {...style}>
				{` ${children}`}
			</Text>
		);
	if (style.color === undefined)
		return (
			<Text bold inverse>
				{` ${children} `}
			</Text>
		);
	return (
		<Box backgroundColor={style.color} paddingX={1}>
			<Wrapped style={{bold: true, color: inkOn(style.color)}}>{children}</Wrapped>
		</Box>
	);
}
