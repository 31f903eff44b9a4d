// What a host's kernel maps and unmaps: the rates, and the events, newest first.

import type {BoxProps} from 'ink';
import {memo, useMemo} from 'react';
import {eventText, eventWords} from '../../explain/trace-text.js';
import type {Trace, TraceEvent} from '../../machine/trace.js';
import {type Column, columnsFor} from '../../text/columns.js';
import {sparkline} from '../../text/graph.js';
import type {Row} from '../../text/rows.js';
import type {Tone} from '../../text/tones.js';
import {grouped, plural, sizeText} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useUi} from '../hooks/use-ui.js';
import {filterOf, filterRows, matchesWords} from '../state/text-filter.js';
import {ListPanel} from './list-panel.js';
import {Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

const TONES: Record<TraceEvent['is'], Tone> = {
	map: 'good',
	unmap: 'warn',
	attach: 'title',
	detach: 'title',
	group: 'title',
	fault: 'bad',
};

const COLUMNS: readonly Column<TraceEvent>[] = [
	{title: 'seconds', width: 12, right: true, cell: ({at}) => [at.toFixed(6), 'dim']},
	{title: 'task', width: 16, from: 70, cell: ({task, pid}) => `${task}-${pid}`},
	{title: 'event', width: 6, cell: ({is}) => [is, TONES[is]]},
	{title: 'where', width: 18, cell: event => [eventWords(event).where, 'key']},
	{title: 'what', cell: event => eventWords(event).more},
];

export const EventsPanel = memo(function EventsPanel(layout: BoxProps) {
	const trace = useUi(({state}) => state.trace);
	if (trace) return <Events trace={trace} {...layout} />;
	return (
		<ScrollPanel id="events" title="EVENTS ─ not traced" {...layout}>
			<Prose>sudo dmascope host --trace shows what the kernel maps and unmaps.</Prose>
			<Prose tone="dim">It uses a tracing instance of its own and removes it at the end.</Prose>
		</ScrollPanel>
	);
});

function Events({trace, ...layout}: BoxProps & {readonly trace: Trace}) {
	const size = useMeasured();
	const filter = useUi(ui => filterOf(ui, 'events'));
	const {events: all, total, lost, maps, unmaps, mapped, unmapped, ended} = trace;
	const events = useMemo(() => {
		if (filter.trim() === '') return all;
		const fits = matchesWords(filter);
		return all.filter(event => fits(eventText(event)));
	}, [all, filter]);
	const {width} = size;
	const list = useMemo(() => {
		const {head, row} = columnsFor(COLUMNS, width);
		const missed = lost > 0 ? ` · ${plural(lost, 'event')} lost: the kernel’s buffer was full` : '';
		return {
			title: `EVENTS ─ ${grouped(total)}${missed}`,
			head: [
				...(ended === undefined ? [] : [endedRow(ended)]),
				rateRow('map', maps, mapped, width),
				rateRow('unmap', unmaps, unmapped, width),
				head,
				...filterRows(filter, events.length, all.length),
			],
			count: events.length,
			row: (index: number) => row(events[events.length - 1 - index]),
		};
	}, [events, all, total, lost, maps, unmaps, mapped, unmapped, ended, filter, width]);
	return <ListPanel id="events" list={list} size={size} {...layout} />;
}

const endedRow = (why: string): Row => [[` ${why}`, 'warn']];

const NAME = 7;
const VALUE = 24;

function rateRow(name: string, counts: readonly number[], bytes: number, width: number): Row {
	const line = sparkline(counts, Math.max(0, width - NAME - VALUE - 3));
	const words = `${grouped(counts.at(-1) ?? 0)}/s, ${sizeText(bytes)} in all`;
	return [[` ${name.padEnd(NAME)}`, 'dim'], [line, 'graph'], ` ${words.padStart(VALUE)} `];
}
