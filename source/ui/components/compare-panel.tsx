// One transfer, or the guests' own requests, under every policy side by side, each on a machine of its own.

import {Box, type BoxProps, Text, useWindowSize} from 'ink';
import {createElement, Fragment, memo} from 'react';
import {POLICIES, type Policy} from '../../machine/command.js';
import type {Comparison} from '../../machine/workload.js';
import type {Tone} from '../../text/tones.js';
import {grouped, sizeText} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useKeySign, useTheme} from '../hooks/use-theme.js';
import {useUi} from '../hooks/use-ui.js';
import {Labelled, Prose, Wrapped} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';
import {DATA_TONES} from './verdict.js';

type Figure = {
	label: string;
	text: (one: Comparison) => string;
	/** As its bar shows it. */
	value: (one: Comparison) => number;
	tone?: (one: Comparison) => Tone;
};

/** all 4 KiB, 1.3 of 2.1 MiB, 512 B of 4 KiB */
function arrivedText({landed, bytes}: Comparison): string {
	if (landed === undefined) return `? of ${sizeText(bytes)}`;
	if (landed === bytes) return `all ${sizeText(bytes)}`;
	const [some, unit] = sizeText(landed).split(' ');
	const whole = sizeText(bytes);
	return whole.endsWith(` ${unit}`) ? `${some} of ${whole}` : `${some} ${unit} of ${whole}`;
}

const badIf = (trouble: boolean): Tone => (trouble ? 'bad' : 'plain');

const FIGURES: readonly Figure[] = [
	{
		label: 'bytes arrived',
		text: arrivedText,
		tone: ({landed, bytes}) => badIf(landed !== undefined && landed < bytes),
		value: ({landed = 0}) => landed,
	},
	{
		label: 'copied by the CPU',
		text: ({copied}) => sizeText(copied),
		tone: ({copied}) => (copied > 0 ? 'warn' : 'plain'),
		value: ({copied}) => copied,
	},
	{
		label: 'faults',
		text: ({faults}) => grouped(faults),
		tone: ({faults}) => badIf(faults > 0),
		value: ({faults}) => faults,
	},
	{
		label: 'time, measured here',
		text: ({measuredMs}) => `${measuredMs.toFixed(2)} ms`,
		value: ({measuredMs}) => measuredMs,
	},
	{
		label: 'host pages missing',
		text: ({missing}) => grouped(missing),
		tone: ({missing}) => badIf(missing > 0),
		value: ({missing}) => missing,
	},
	{
		label: 'guest pages in reach',
		text: ({hostReach}) => grouped(hostReach),
		value: ({hostReach}) => hostReach,
	},
];

const EFFECTS: Record<Policy, string> = {
	remove:
		'vmm takes the pages of a guest with a passthru device out of the host domain: disk DMA is refused, yet reported as success.',
	keep: 'The pages stay in the host domain. Disk DMA arrives, and host devices can reach the guest’s memory.',
	bounce:
		'The pages leave the host domain. bhyve copies each transfer through its own buffer: the data arrives, later.',
};

/** Columns of a label and of a value, and the narrowest panel with bars beside the values. */
const LABEL = 23;
const VALUE = 16;
const WIDE = 110;
/** The narrowest panel with blanks around its verdicts. */
const AMPLE = 70;
/** The rows of a screen on which the lines stand apart, and on which thick bars stand below the values. */
const AIRY = 40;
const TALL = 50;
/** What the bars share with each other is the screen without these rows. */
const BESIDE_BARS = 29;

export const ComparePanel = memo(function ComparePanel(layout: BoxProps) {
	const sign = useKeySign();
	const {rows} = useWindowSize();
	const size = useMeasured();
	const compared = useUi(ui => ui.compared);
	const results = POLICIES.map(policy => compared?.results.find(one => one.policy === policy));
	const wide = size.width >= WIDE;
	const tall = wide && rows >= TALL;
	const cell = Math.floor((size.width - LABEL) / POLICIES.length) - 2;
	const thick = Math.max(2, Math.floor((rows - BESIDE_BARS) / FIGURES.length));
	const room = tall ? cell : wide ? cell - VALUE : 0;
	return (
		<ScrollPanel id="compare" title={`COMPARE ─ ${compared?.what ?? 'the three policies'}`} {...layout}>
			<Box ref={size.ref} flexDirection="column" rowGap={rows >= AIRY ? 1 : 0}>
				<Line label="" cells={POLICIES.map(policy => ({text: policy, tone: 'title'}))} />
				<Line label="verdict" cells={results.map(one => verdictCell(one, size.width >= AMPLE))} />
				<Line label="path" cells={results.map(one => pathCell(one, compared?.command.do === 'work'))} />
				{FIGURES.map(({label, text, value, tone}) => {
					const most = Math.max(...results.map(one => (one ? value(one) : 0)));
					return (
						<Line
							key={label}
							label={label}
							cells={results.map(one => ({
								text: one ? text(one) : '–',
								tone: one ? tone?.(one) : 'dim',
								bar: one && most > 0 ? Math.ceil((value(one) / most) * room) : 0,
								below: tall ? thick : undefined,
							}))}
						/>
					);
				})}
			</Box>
			<Text> </Text>
			{wide ? <Line label="" cells={POLICIES.map(policy => ({text: EFFECTS[policy], tone: 'dim'}))} /> : null}
			{wide
				? null
				: POLICIES.map(policy => (
						<Labelled key={policy} label={policy} width={8} tone="dim" texts={[EFFECTS[policy]]} />
					))}
			{wide ? <Text> </Text> : null}
			{compared ? <Prose tone="dim">Times were just measured here; the rest is deterministic.</Prose> : null}
			<Prose tone="key">{sign('⏎ compares the form’s transfer, w 200 requests by the guests.')}</Prose>
		</ScrollPanel>
	);
});

type Cell = {
	text: string;
	tone?: Tone;
	reversed?: boolean;
	/** The columns of its bar, which stands beside the text; or below it, so many rows thick. */
	bar?: number;
	below?: number;
};

const verdictCell = (one: Comparison | undefined, ample: boolean): Cell =>
	one
		? {
				text: ample ? ` ${one.data.toUpperCase()} ` : one.data.toUpperCase(),
				tone: DATA_TONES[one.data],
				reversed: true,
			}
		: {text: '–', tone: 'dim'};

/** The path of most requests: the others may have been copied. */
function pathCell(one: Comparison | undefined, work: boolean): Cell {
	if (one === undefined) return {text: '–', tone: 'dim'};
	const {path, copied} = one;
	const some = work && path === 'direct' && copied > 0;
	return {text: some ? 'partly copied' : path};
}

function Line({label, cells}: {readonly label: string; readonly cells: readonly Cell[]}) {
	const theme = useTheme();
	return (
		<Box flexShrink={0} paddingLeft={1}>
			<Box width={LABEL - 1} flexShrink={0}>
				<Text {...theme.dim}>{label}</Text>
			</Box>
			{createElement(Fragment, null, ...cells.map(cell => createElement(CellBox, cell)))}
		</Box>
	);
}

function CellBox({text, tone = 'plain', reversed = false, bar = 0, below}: Cell) {
	const theme = useTheme();
	return (
		<Box flexGrow={1} flexBasis={0} paddingRight={2} flexDirection={below ? 'column' : 'row'}>
			<Box width={bar > 0 && !below ? VALUE : undefined} flexShrink={bar > 0 ? 0 : 1}>
				{reversed ? (
					<Text wrap="truncate" {...theme[tone]} bold inverse>
						{text}
					</Text>
				) : (
					<Wrapped style={theme[tone]}>{text}</Wrapped>
				)}
			</Box>
			<Text wrap="truncate" {...theme[tone === 'plain' ? 'graph' : tone]}>
				{Array.from({length: below ?? 1}, () => '█'.repeat(bar)).join('\n')}
			</Text>
		</Box>
	);
}
