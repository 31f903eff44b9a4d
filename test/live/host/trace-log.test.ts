import assert from 'node:assert/strict';
import {test} from 'node:test';
import {type EventSource, TraceLog} from '../../../source/live/host/trace-log.js';
import type {TraceEvent} from '../../../source/machine/trace.js';

const map = (at: number, bytes = 4096): TraceEvent => ({
	at,
	task: 'kworker/0:1',
	pid: 23,
	is: 'map',
	iova: {lo: 0x1000, hi: 0},
	paddr: 0x2000,
	bytes,
});
const unmap = (at: number, unmapped = 4096): TraceEvent => ({
	at,
	task: 'fio',
	pid: 7,
	is: 'unmap',
	iova: {lo: 0x1000, hi: 0},
	bytes: 4096,
	unmapped,
});

function trace() {
	const time = {now: 100.5};
	let waiting: TraceEvent[] = [];
	const source: EventSource & {missed: number; lost?: string} = {
		poll: () => waiting.splice(0),
		missed: 0,
		close: () => {},
	};
	const log = new TraceLog(source, () => time.now);
	const poll = (now: number, ...events: TraceEvent[]) => {
		time.now = now;
		waiting = events;
		return log.poll();
	};
	return {source, poll};
}

test('events are counted per second, and their bytes are added up', () => {
	const {poll} = trace();
	const first = poll(100.7, map(100.6), map(100.65, 8192), unmap(100.66, 0));
	assert.deepEqual([first.total, first.maps, first.mapped, first.unmapped], [3, [], 12288, 0]);
	const second = poll(102.1, unmap(101.5));
	assert.deepEqual([second.maps, second.unmaps, second.unmapped], [[2, 0], [1, 1], 4096]);
	assert.deepEqual(
		second.events.map(({is}) => is),
		['map', 'map', 'unmap', 'unmap'],
	);
});

test('a quiet trace changes only while its graphs still move', () => {
	const {poll, source} = trace();
	const idle = poll(100.9);
	assert.equal(poll(105), idle);
	const busy = poll(105.2, map(105.1));
	assert.equal(poll(105.9), busy);
	const later = poll(106.1);
	assert.equal(later.maps.at(-1), 1);
	assert.deepEqual(poll(107.1).maps.slice(-2), [1, 0]);
	// Two minutes on it has left the graph.
	const gone = poll(300);
	assert.deepEqual([gone.maps.length, gone.maps.reduce((a, b) => a + b, 0)], [120, 0]);
	assert.equal(poll(301.5), gone);
	source.lost = 'The trace is gone.';
	assert.equal(poll(301.6).ended, 'The trace is gone.');
	source.missed = 12;
	assert.equal(poll(301.6).lost, 12);
});

test('only a storm’s newest events stay', () => {
	const {poll} = trace();
	const events = Array.from({length: 3000}, (_, i) => map(100 + i / 10_000));
	const {events: kept, total} = poll(101, ...events);
	assert.deepEqual([kept.length, total, kept.at(-1)?.at], [2000, 3000, 100 + 2999 / 10_000]);
});
