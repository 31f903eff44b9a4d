import assert from 'node:assert/strict';
import {test} from 'node:test';
import {hasCutTables} from '../../../source/live/host/page-tables.js';
import {rateLimited} from '../../../source/live/host/read-host.js';

function timed(took: number, enough?: (last: number) => boolean) {
	const clock = {now: 0, reads: 0};
	const read = rateLimited(
		() => clock.now,
		(add: number) => {
			clock.now += took;
			return ++clock.reads + add;
		},
		enough,
	);
	return {clock, read};
}

test('slow reads take a fiftieth of the time, and the last result is used in between', () => {
	const {clock, read} = timed(100);
	assert.equal(read(0), 1);
	for (; clock.now < 20_000; clock.now += 500) read(0);
	assert.equal(clock.reads, 4);
	clock.now = 20_300;
	assert.equal(read(5), 4);
});

test('instant reads happen every time, with their input', () => {
	const {read} = timed(0);
	assert.deepEqual([read(0), read(10), read(20)], [1, 12, 23]);
});

test('a final result is never read again', () => {
	const {clock, read} = timed(1, last => last === 2);
	for (; clock.now < 10_000; clock.now += 100) read(0);
	assert.equal(clock.reads, 2);
	assert.equal(hasCutTables([{id: '0000:00:02.0', why: 'unknown'}]), false);
	const cut = {id: '0000:00:03.0', root: 0x1000, pages: 1, entries: 1, mappings: [], cut: true};
	assert.equal(hasCutTables([cut]), true);
});
