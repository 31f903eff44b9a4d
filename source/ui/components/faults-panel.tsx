// Refused accesses, newest first, repeats in one row, with what hardware and kernel recorded; and the chosen one
// explained. They come from hardware's fault records, or from the log of a kernel.

import path from 'node:path';
import {type BoxProps, Text} from 'ink';
import {memo, useCallback, useMemo} from 'react';
import {
	coalesceFaults,
	explainFault,
	type FaultRow,
	faultCountText,
	faultLogText,
} from '../../explain/faults.js';
import {explainWalk} from '../../explain/walk.js';
import {hex} from '../../formats/address.js';
import type {FaultLog, LogFault, Logged} from '../../machine/fault.js';
import type {HostFacts} from '../../machine/host.js';
import {type Column, columnsFor} from '../../text/columns.js';
import type {Row} from '../../text/rows.js';
import {widthOf} from '../../text/width.js';
import {grouped} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useParts, useStore, useUi} from '../hooks/use-ui.js';
import {canWalk, openWalk} from '../state/access.js';
import {chosenOf, type Key} from '../state/list.js';
import {type Access, focusOn, type Store, show} from '../state/store.js';
import {toneOfGuest} from '../theme.js';
import {ListPanel} from './list-panel.js';
import {Gap, Labelled, Paragraphs, Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

export const FaultsPanel = memo(function FaultsPanel(layout: BoxProps) {
	const {logged, host} = useParts(({state: {logged, host}}) => ({logged, host}));
	if (logged?.faults.length === 0) return <NothingLogged logged={logged} {...layout} />;
	if (logged) return <LoggedFaults logged={logged} {...layout} />;
	if (host) return <FaultsUnseen host={host} {...layout} />;
	return <RecordedFaults {...layout} />;
});

/** The chosen fault, explained. */
export const FaultPanel = memo(function FaultPanel(layout: BoxProps) {
	const logged = useUi(({state}) => state.logged);
	return logged ? <LogExplanation logged={logged} {...layout} /> : <Explanation {...layout} />;
});

const NEAR = 2 << 20;

const columnsOf = (rows: readonly FaultRow[], guests: readonly string[]): readonly Column<FaultRow>[] => [
	{title: '#', width: 4, right: true, cell: ({last}) => [`${last}`, 'dim']},
	{title: 'device', width: 7, cell: ({device}) => device},
	{title: 'access', width: 6, cell: ({write}) => (write ? 'write' : 'read')},
	{title: 'address', width: 11, cell: ({lowest}) => [hex(lowest), 'key']},
	{
		title: 'to',
		width: 11,
		from: 110,
		cell: ({lowest, highest}) => (highest === lowest ? '' : [hex(highest), 'key']),
	},
	{
		title: 'owner',
		width: rows.reduce((most, {owner = ''}) => Math.max(most, owner.length), 'owner'.length),
		from: 58,
		cell: ({owner = ''}) => [owner, toneOfGuest(owner, guests)],
	},
	{
		title: 'times',
		width: 5,
		right: true,
		from: 42,
		cell: ({count}) => [grouped(count), count > 1 ? 'warn' : 'plain'],
	},
	{title: 'reason', from: 70, cell: ({reason, text}) => `${text} (${reason})`},
];

const keyOf = ({rid, write, reason, owner, lowest}: FaultRow): Key =>
	`${rid} ${write} ${reason} ${owner ?? Math.floor(lowest / NEAR)}`;

const accessOf = ({rid, lowest, write}: FaultRow): Access => ({rid, iova: lowest, write});

/** The recorded faults in rows, newest first. */
function useFaultRows(): readonly FaultRow[] {
	const faults = useUi(({state}) => state.faults);
	return useMemo(() => coalesceFaults(faults).toReversed(), [faults]);
}

/** The access of the chosen fault, where there are tables to walk. */
export function useFaultAccess(): Access | undefined {
	const rows = useFaultRows();
	const {recorded, logged} = useParts(({places: {faults: place}, state, kind}) => ({
		recorded: state.logged ? undefined : chosenOf(rows, keyOf, place),
		logged: canWalk({kind, state})
			? chosenOf(state.logged?.faults ?? [], ({number}) => number, place)
			: undefined,
	}));
	return useMemo(() => (recorded ? accessOf(recorded) : logged?.access), [recorded, logged]);
}

function RecordedFaults(layout: BoxProps) {
	const store = useStore();
	const size = useMeasured();
	const rows = useFaultRows();
	const {count, log, lab, vms} = useParts(({kind, tables: {vms}, state: {faults, faultLog}}) => ({
		vms,
		count: faultCountText(faultLog, faults),
		log: faultLogText(faultLog),
		lab: kind === 'lab',
	}));
	const {width} = size;
	const list = useMemo(() => {
		const {head, row} = columnsFor(
			columnsOf(
				rows,
				vms.map(({name}) => name),
			),
			width,
		);
		const title = `FAULTS ─ ${count} · ${log}`;
		// That nobody logs the faults matters: it is never cut.
		const fits = widthOf(title) <= width - 2;
		const lines = widthOf(log) < width ? [log] : log.split(' · ');
		const below = lines.map((line): Row => [[` ${line}`, 'dim']]);
		const none: Row = [[lab ? ' No access has been refused.' : ' No refused access can be read.', 'dim']];
		return {
			title: fits ? title : `FAULTS ─ ${count}`,
			head: [...(fits ? [] : below), rows.length === 0 ? none : head],
			count: rows.length,
			row: (index: number) => row(rows[index]),
			key: (index: number) => keyOf(rows[index]),
			selects: true,
		};
	}, [rows, count, log, lab, vms, width]);
	const enter = useCallback((index: number) => openWalk(store, accessOf(rows[index])), [store, rows]);
	return <ListPanel id="faults" list={list} size={size} enter={enter} {...layout} />;
}

function Explanation(layout: BoxProps) {
	const store = useStore();
	const rows = useFaultRows();
	const row = useUi(({places}) => chosenOf(rows, keyOf, places.faults));
	const {memory, tables, log, kind} = useParts(({machine, tables, state, kind}) => ({
		...{memory: machine.memory, tables, log: state.faultLog, kind},
	}));
	const words = useMemo(() => row && explainFault(memory, tables, row), [memory, tables, row]);
	const enter = useMemo(() => row && (() => openWalk(store, accessOf(row))), [store, row]);
	return (
		<ScrollPanel id="fault" title="EXPLANATION" enter={enter} about={row && keyOf(row)} {...layout}>
			{words ? (
				<>
					<Prose>{words.sentence}</Prose>
					<Prose tone="key">{words.check}</Prose>
					<KernelLog log={log} />
				</>
			) : (
				<Prose tone="dim">
					{kind === 'lab'
						? 'No access has been refused. Under policy remove, a read of the raw disk by vm0 will be.'
						: 'No refused access can be read.'}
				</Prose>
			)}
		</ScrollPanel>
	);
}

/** The kernel's log lines about faults; nothing where its log cannot be seen. */
function KernelLog({log: {kernelLines, kernelLogged}}: {readonly log: FaultLog}) {
	if (kernelLogged === undefined) return null;
	if (kernelLines.length === 0) return <Prose tone="dim">The kernel’s log has no line about it.</Prose>;
	return (
		<>
			<Prose tone="dim">The kernel’s log:</Prose>
			<Paragraphs indent={3} texts={kernelLines.slice(-20).map(line => line.trim())} />
		</>
	);
}

/** A host's faults are in its kernel's log alone. */
function FaultsUnseen({host, ...layout}: BoxProps & {readonly host: HostFacts}) {
	const gaps = host.notSeen.filter(({what}) => what.startsWith('faults'));
	return (
		<ScrollPanel id="faults" title="FAULTS ─ not seen" {...layout}>
			{gaps.map(({what, how}) => (
				<Gap key={what} what={what} how={how} />
			))}
		</ScrollPanel>
	);
}

type LoggedProps = BoxProps & {readonly logged: Logged};

/** The narrowest panel whose columns have titles. */
const WITH_HEAD = 60;

function LoggedFaults({logged: {from, total, faults}, ...layout}: LoggedProps) {
	const store = useStore();
	const size = useMeasured();
	const walks = useUi(canWalk);
	const {width} = size;
	const list = useMemo(() => {
		const times = ({count}: LogFault): string => (count > 1 ? `×${grouped(count)}` : '');
		const widest = faults.reduce((most, fault) => Math.max(most, times(fault).length), 0);
		const columns: readonly Column<LogFault>[] = [
			{title: '', width: widest, right: true, cell: fault => [times(fault), 'warn']},
			{title: 'fault', cell: ({brief}) => brief},
			{title: 'how often', width: 34, from: 110, cell: ({often}) => [often, 'dim']},
		];
		const {head, row} = columnsFor(columns, width);
		const seen = `FAULTS ─ ${grouped(total)} in `;
		return {
			// The end of a long path tells the most.
			title: `${seen}${widthOf(seen + from) <= width - 2 ? from : path.basename(from)}`,
			head: width < WITH_HEAD ? [] : [head],
			count: faults.length,
			row: (index: number) => row(faults[index]),
			key: (index: number) => faults[index].number,
			selects: true,
		};
	}, [from, total, faults, width]);
	const enter = useCallback(
		(index: number) => openLogged(store, walks ? faults[index].access : undefined),
		[store, walks, faults],
	);
	return <ListPanel id="faults" list={list} size={size} enter={enter} {...layout} />;
}

function NothingLogged({logged: {from, closing}, ...layout}: LoggedProps) {
	return (
		<ScrollPanel id="faults" title={`FAULTS ─ none in ${from}`} {...layout}>
			<Paragraphs tone="dim" texts={closing} />
		</ScrollPanel>
	);
}

/** The walk of what was refused, where there are tables to walk; else the explanation. */
function openLogged(store: Store, access: Access | undefined): void {
	if (access) openWalk(store, access);
	else {
		show(store, 'faults');
		focusOn(store, 'fault');
	}
}

const LABEL = 9;

function LogExplanation({logged: {faults, closing}, ...layout}: LoggedProps) {
	const store = useStore();
	const fault = useUi(({places}) => chosenOf(faults, ({number}) => number, places.faults));
	const now = useTablesNow(fault?.access);
	const walks = useUi(canWalk);
	const access = walks ? fault?.access : undefined;
	const enter = useMemo(() => access && (() => openWalk(store, access)), [store, access]);
	const [what, ...further] = fault?.parts ?? [];
	const parts = what ? [what, ...now, ...further] : [];
	return (
		<ScrollPanel id="fault" title="EXPLANATION" enter={enter} about={fault?.number} {...layout}>
			{fault ? <Prose tone="title">{fault.title}</Prose> : null}
			{parts.map(({label, texts}) => (
				<Labelled
					key={label}
					label={label}
					width={LABEL}
					tone={label === 'look' ? 'key' : 'plain'}
					texts={texts}
				/>
			))}
			<Text> </Text>
			<Paragraphs tone="dim" texts={closing} />
		</ScrollPanel>
	);
}

/** What the tables say of an access now, where there are any. */
function useTablesNow(access: Access | undefined): LogFault['parts'] {
	const {memory, tables} = useParts(({machine, tables}) => ({memory: machine.memory, tables}));
	return useMemo(() => {
		if (access === undefined || tables.unit === undefined) return [];
		const {end} = explainWalk(memory, tables, access.rid, access.iova, access.write);
		return [{label: 'tables', texts: [`Now: ${end.sentence}`]}];
	}, [memory, tables, access]);
}
