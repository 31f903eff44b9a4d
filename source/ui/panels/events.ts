// What a host's kernel maps and unmaps: how much each second, and event by event, the newest first.

import {eventText, eventWords, type TraceEvent} from '../../machine/trace.js';
import {grouped, plural, sizeText} from '../../words.js';
import {graph} from '../graph.js';
import {fit, type Row, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';
import {filterOf, filterRows, matchesWords} from '../state/text-filter.js';
import type {Tone} from '../theme.js';

const NONE =
	'Nothing is traced. sudo dmascope host --trace shows what the kernel maps and unmaps, by a tracing instance of its own.';
const NAME = 8;
const VALUE = 26;

export function eventsPanel(ui: Ui, width: number): List {
	const {trace} = ui.state;
	const prose = (text: string): Row[] => wrap(text, width - 2).map(line => [[` ${line.trim()}`, 'dim']]);
	if (trace === undefined) return list('EVENTS', prose(NONE));
	const events = eventsShown(ui, trace.events);
	const {total, lost, maps, unmaps, mapped, unmapped, ended} = trace;
	const missed = lost > 0 ? ` · ${plural(lost, 'event')} lost: the kernel had no room for them` : '';
	return {
		title: `EVENTS ─ ${grouped(total)}${missed}`,
		head: [
			...(ended === undefined ? [] : prose(ended)),
			rateRow('map', maps, mapped, width),
			rateRow('unmap', unmaps, unmapped, width),
			[['      seconds  task              event', 'dim']],
			...filterRows(filterOf(ui, 'events'), events.length, trace.events.length),
		],
		count: events.length,
		row: index => eventRow(events[events.length - 1 - index]),
	};
}

let latest: {events: readonly TraceEvent[]; filter: string; shown: readonly TraceEvent[]} | undefined;

/** Filtered anew only when there are others, or another filter. */
function eventsShown(ui: Ui, events: readonly TraceEvent[]): readonly TraceEvent[] {
	const filter = filterOf(ui, 'events');
	if (filter.trim() === '') return events;
	if (latest?.events !== events || latest.filter !== filter) {
		const fits = matchesWords(filter);
		latest = {events, filter, shown: events.filter(event => fits(eventText(event)))};
	}
	return latest.shown;
}

function rateRow(name: string, counts: readonly number[], bytes: number, width: number): Row {
	const [line = ''] = graph(counts, {width: width - NAME - VALUE - 2, height: 1});
	const words = `${grouped(counts.at(-1) ?? 0)} a second, ${sizeText(bytes)}`;
	return [[` ${name.padEnd(NAME)}`, 'dim'], [line, 'graph'], ` ${words.padStart(VALUE)}`];
}

const TONES: Record<TraceEvent['is'], Tone> = {
	map: 'good',
	unmap: 'warn',
	attach: 'title',
	detach: 'title',
	group: 'title',
	fault: 'bad',
};

function eventRow(event: TraceEvent): Row {
	const task = fit(`${event.task}-${event.pid}`, 16);
	const {where, more} = eventWords(event);
	return [
		[` ${event.at.toFixed(6).padStart(12)}  `, 'dim'],
		`${task}  `,
		[event.is.padEnd(8), TONES[event.is]],
		[where, 'key'],
		more === '' ? '' : `  ${more}`,
	];
}
