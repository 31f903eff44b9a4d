// The transfers, newest first; and the chain of the chosen one, station by station.

import {Box, type BoxProps, Text, useWindowSize} from 'ink';
import {createElement, Fragment, memo, useCallback, useMemo} from 'react';
import {explainLoss} from '../../explain/loss.js';
import {hex, PAGE_SIZE, pageOf} from '../../formats/address.js';
import type {ObservedMachine} from '../../machine/observed.js';
import type {Part, Stage, Transfer} from '../../machine/transfer.js';
import {masked} from '../../printable.js';
import {type Column, columnsFor} from '../../text/columns.js';
import {memoryRow} from '../../text/hex.js';
import {grouped, partOf, plural} from '../../words.js';
import {commandWords} from '../command-words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts, useStore, useUi} from '../hooks/use-ui.js';
import {accessOfTransfer, openWalk} from '../state/access.js';
import {cursorOf} from '../state/list.js';
import {focusOn, type Ui} from '../state/store.js';
import {Line} from './line.js';
import {ListPanel} from './list-panel.js';
import {Panel} from './panel.js';
import {Labelled, Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';
import {Bar, DATA_TONES, verdictSentence} from './verdict.js';

const COLUMNS: readonly Column<Transfer>[] = [
	{title: '#', width: 4, right: true, cell: ({number}) => [`${number}`, 'dim']},
	{title: 'what', cell: ({command}) => commandWords(command)},
	{title: 'verdict', width: 9, cell: ({data}) => [data, DATA_TONES[data]]},
	{title: 'path', width: 7, from: 70, cell: ({path}) => path},
	{
		title: 'bytes arrived',
		width: 22,
		right: true,
		from: 100,
		cell: ({landed, bytes}) => partOf(landed, bytes),
	},
	{title: 'copied', width: 10, right: true, from: 130, cell: ({copied}) => grouped(copied)},
	{
		title: 'faults',
		width: 6,
		right: true,
		from: 70,
		cell: ({faults}) => [grouped(faults), faults > 0 ? 'bad' : 'plain'],
	},
	{title: 'policy', width: 6, cell: ({policy}) => [policy, 'dim']},
];

export const TransfersPanel = memo(function TransfersPanel(layout: BoxProps) {
	const store = useStore();
	const size = useMeasured();
	const {transfers, tally} = useParts(({state}) => ({transfers: state.transfers, tally: state.tally}));
	const {width} = size;
	const list = useMemo(() => {
		const {head, row} = columnsFor(COLUMNS, width);
		const counts = Object.entries(tally)
			.filter(([, count]) => count > 0)
			.map(([word, count]) => `${grouped(count)} ${word}`);
		const at = (index: number) => transfers[transfers.length - 1 - index];
		return {
			title: `TRANSFERS ─ ${counts.join(' · ') || 'none yet'}`,
			head: [head],
			count: transfers.length,
			row: (index: number) => row(at(index)),
			key: (index: number) => at(index).number,
			selects: true,
		};
	}, [transfers, tally, width]);
	const enter = useCallback(() => focusOn(store, 'chain'), [store]);
	return <ListPanel id="transfers" list={list} size={size} enter={enter} {...layout} />;
});

/** The transfer that is chosen in the list. */
export function chosenTransfer({state: {transfers}, places}: Ui): Transfer | undefined {
	const count = transfers.length;
	const key = (index: number) => transfers[count - 1 - index].number;
	return transfers[count - 1 - cursorOf({count, key}, places.transfers)];
}

export const ChainPanel = memo(function ChainPanel(layout: BoxProps) {
	const store = useStore();
	const transfer = useUi(chosenTransfer);
	const devices = useUi(({tables}) => tables.devices);
	const tall = useWindowSize().rows >= TALL;
	const enter = useMemo(() => {
		const access = transfer && accessOfTransfer(transfer, devices);
		return access && (() => openWalk(store, access));
	}, [store, transfer, devices]);
	if (transfer === undefined)
		return (
			<Panel id="chain" title="CHAIN" {...layout}>
				<Text> No transfer yet. Enter on the overview runs one; Space starts the guests’ own.</Text>
			</Panel>
		);
	const {number, chain, note, owners} = transfer;
	return (
		<ScrollPanel
			id="chain"
			title={`CHAIN of #${number} ─ ${commandWords(transfer.command)}`}
			enter={enter}
			about={number}
			{...layout}
		>
			<Outcome transfer={transfer} />
			{owners?.length ? (
				<Prose>{`The memory belongs to ${owners.map(({owner, bytes}) => (owners.length > 1 ? `${owner} (${grouped(bytes)} bytes)` : owner)).join(', ')}.`}</Prose>
			) : null}
			{note ? <Prose tone="warn">{note}</Prose> : null}
			<Box flexDirection="column" flexShrink={0} rowGap={tall ? 1 : 0} marginTop={tall ? 1 : 0}>
				{chain.map(stage => (
					<Station key={stage.place} stage={stage} vm={transfer.vm ?? ''} tall={tall} />
				))}
			</Box>
		</ScrollPanel>
	);
});

function Outcome({transfer}: {readonly transfer: Transfer}) {
	const theme = useTheme();
	const why = useUi(({state}) => explainLoss(state, transfer)?.why);
	const {data, policy} = transfer;
	return (
		<>
			<Bar style={theme[DATA_TONES[data]]} reversed>
				{`${data.toUpperCase()}  ${verdictSentence(transfer)} Policy ${policy}.`}
			</Bar>
			{why ? <Labelled label="Why:" labelTone="title" width={5} texts={[why]} /> : null}
		</>
	);
}

/** Rows of a screen on which stations stand apart, and parts have more bytes. */
const TALL = 50;
/** Columns of a station's name. */
const PLACE = 8;

type StationProps = {readonly stage: Stage; readonly vm: string; readonly tall: boolean};

function Station({stage, vm, tall}: StationProps) {
	const theme = useTheme();
	const {place, full, trouble, parts = []} = stage;
	return (
		<Box flexDirection="column" flexShrink={0}>
			<Box paddingX={1}>
				<Box width={PLACE} flexShrink={0}>
					<Text {...theme.title}>{masked(place)}</Text>
				</Box>
				<Box width={2} flexShrink={0}>
					<Text {...theme[trouble ? 'bad' : 'good']}>{trouble ? '✗' : '✓'}</Text>
				</Box>
				<Box flexGrow={1} flexBasis={0}>
					<Text {...theme[trouble ? 'bad' : 'plain']}>{masked(full)}</Text>
				</Box>
			</Box>
			{createElement(Fragment, null, ...parts.map(part => createElement(PartLines, {part, vm, tall})))}
		</Box>
	);
}

const KINDS: Record<Part['kind'], string> = {
	gpa: 'GPA',
	pointer: 'bhyve',
	hpa: 'HPA',
	refused: 'refused',
};
/** Bytes in the line of a part; on tall screens, in rows below it. */
const SHOWN = 8;
const SHOWN_TALL = 64;
const PER_ROW = 16;

type PartProps = {readonly part: Part; readonly vm: string; readonly tall: boolean};

/** A piece of memory that a stage names, and its first bytes now. */
function PartLines({part: {kind, address, bytes}, vm, tall}: PartProps) {
	const length = Math.min(bytes, tall ? SHOWN_TALL : SHOWN);
	// As text, so that bytes which stay the same draw nothing.
	const text = useUi(({machine}) =>
		[...bytesAt(machine, kind, address, length, vm)]
			.map(byte => byte.toString(16).padStart(2, '0'))
			.join(' '),
	);
	const now = Uint8Array.from(text === '' ? [] : text.split(' '), byte => Number.parseInt(byte, 16));
	const starts = tall ? Array.from({length: Math.ceil(now.length / PER_ROW)}, (_, i) => i * PER_ROW) : [];
	return (
		<>
			<Line
				row={[
					[`           ${KINDS[kind].padEnd(8)}`, 'dim'],
					[hex(address), 'key'],
					` ${plural(bytes, 'byte')}`,
					[now.length === 0 ? '' : tall ? ', now:' : `  now ${text} …`, 'dim'],
				]}
			/>
			{starts.map(start => (
				<Line
					key={start}
					row={['          ', ...memoryRow(now.subarray(start, start + PER_ROW), address + start)]}
				/>
			))}
		</>
	);
}

function bytesAt(
	{lab, memory}: ObservedMachine,
	kind: Part['kind'],
	address: number,
	length: number,
	vm: string,
): Uint8Array {
	if (kind === 'gpa') return lab?.guestBytes(vm, address, length) ?? new Uint8Array(0);
	const words = kind === 'pointer' ? undefined : memory.page(pageOf(address));
	if (words === undefined) return new Uint8Array(0);
	const offset = address - pageOf(address);
	return new Uint8Array(words.buffer, words.byteOffset + offset, Math.min(length, PAGE_SIZE - offset));
}
