// What a host's kernel maps and unmaps, the newest first.

import type {TraceEvent} from '../../seam/traced.js';
import {grouped, plural} from '../../words.js';
import {type Content, list} from '../content.js';
import {fit, type Row, type Span, wrap} from '../rows.js';
import type {Ui} from '../store.js';

const NONE =
	'Nothing is traced. sudo dmascope host --trace shows what the kernel maps and unmaps, by a tracing instance of its own.';

export function eventsPanel({state: {traced}}: Ui, width: number): Content {
	const prose = (text: string): Row[] => wrap(text, width - 2).map(line => [[` ${line.trim()}`, 'dim']]);
	if (traced === undefined) return list('EVENTS', prose(NONE));
	const {events, total, lost, rates, ended} = traced;
	const rate = rates.at(-2) ?? rates.at(-1) ?? 0;
	const missed = lost > 0 ? ` · ${plural(lost, 'event')} lost: the kernel had no room for them` : '';
	const head = [
		...(ended === undefined ? [] : prose(ended)),
		[[`  seconds      task              event`, 'dim']] as Row,
	];
	return {
		title: `EVENTS ─ ${grouped(total)} · ${grouped(rate)} a second${missed}`,
		head,
		count: events.length,
		row: index => eventRow(events[events.length - 1 - index]),
	};
}

function eventRow(event: TraceEvent): Row {
	const task = fit(`${event.task}-${event.pid}`, 16);
	return [[` ${event.at.toFixed(6).padStart(12)} `, 'dim'], `${task}  `, ...eventSpans(event)];
}

function eventSpans(event: TraceEvent): Span[] {
	switch (event.is) {
		case 'map':
			return [['map    ', 'good'], [event.iova, 'key'], ` → ${event.paddr}  ${grouped(event.bytes)} bytes`];
		case 'unmap': {
			const less = event.unmapped === event.bytes ? '' : `, ${grouped(event.unmapped)} of them were mapped`;
			return [['unmap  ', 'warn'], [event.iova, 'key'], `  ${grouped(event.bytes)} bytes${less}`];
		}
		case 'attach':
		case 'detach':
			return [[`${event.is} `, 'title'], event.device];
		case 'group':
			return [
				['group  ', 'title'],
				`${event.device} ${event.joined ? 'joins' : 'leaves'} group ${event.group}`,
			];
		case 'fault':
			return [
				['fault  ', 'bad'],
				`${event.driver} ${event.device} `,
				[event.iova, 'key'],
				` flags ${event.flags}`,
			];
	}
}
