// What every observed machine has in common: identity, revisions, and a machine that is lost and comes back.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {KernelLog} from '../../source/live/kernel-log.js';
import {type LastView, Observation} from '../../source/live/observation.js';
import type {MachineState} from '../../source/machine/observed.js';
import type {Domain} from '../../source/machine/tables.js';
import {UserError} from '../../source/user-error.js';
import {folder} from '../helpers/lab.js';

const DOMAIN: Domain = {id: 1, role: 'os', format: 'vt-d', root: 0x1000, levels: 4};

function observe(t: TestContext, first: Partial<MachineState>, log?: KernelLog) {
	const machine = {shows: first, gone: false};
	const view = async () => {
		if (machine.gone) throw new UserError('The machine is gone.');
		return machine.shows;
	};
	const subject = {view, withoutLog: (trouble: string) => ({notes: [trouble]})};
	let time = 0;
	const observation = new Observation({}, subject, {now: () => (time += 10), clock: () => `${time} ms`, log});
	t.after(() => observation.close());
	return {machine, observation};
}

test('an unchanged view changes nothing; an equal part keeps its identity', async t => {
	const {machine, observation} = observe(t, {title: 'a', domains: [DOMAIN], notes: ['note']});
	assert.equal(await observation.refresh(), true);
	const before = observation.state;
	assert.deepEqual([before.revision, before.tables], [1, 1]);
	machine.shows = {title: 'a', domains: [DOMAIN], notes: ['note'], lost: undefined};
	assert.equal(await observation.refresh(), false);
	assert.equal(observation.state, before);
	machine.shows = {title: 'b', domains: [DOMAIN], notes: ['note']};
	assert.equal(await observation.refresh(), true);
	const {revision, tables, domains, notes} = observation.state;
	assert.deepEqual([revision, tables], [2, 1], 'the tables are the same');
	assert.equal(domains, before.domains);
	assert.equal(notes, before.notes);
	machine.shows = {domains: [{...DOMAIN, root: 0x2000}]};
	await observation.refresh();
	assert.deepEqual([observation.state.revision, observation.state.tables], [3, 2]);
});

test('a lost machine keeps its last state, counts its failures and comes back', async t => {
	const {machine, observation} = observe(t, {title: 'a'});
	await observation.refresh();
	const pauses: LastView[] = [];
	const states: MachineState[] = [];
	const pause = (last: LastView) => {
		pauses.push(last);
		machine.gone = pauses.length < 3;
		if (pauses.length === 4) observation.close();
		return 1;
	};
	await observation.watch(pause, () => states.push(observation.state));
	assert.deepEqual(
		pauses.map(({failures}) => failures),
		[0, 1, 2, 0],
	);
	assert.ok(pauses.slice(1).every(({took}) => took === 10));
	assert.deepEqual(
		states.map(({title, lost}) => [title, lost?.why]),
		[
			['a', 'The machine is gone.'],
			['a', undefined],
		],
		'a second failure is nothing new',
	);
	assert.equal(states[0]?.lost?.lastSeen, '0 ms');
});

test('a log that cannot be read is explained once', async t => {
	const log = new KernelLog(path.join(folder(t), 'kern.log'));
	const {observation} = observe(t, {}, log);
	let changes = 0;
	await observation.readLog(true, () => changes++);
	assert.equal(changes, 1);
	assert.match(observation.state.notes?.join() ?? '', /kern\.log/);
	assert.equal(observation.state.logged, undefined);
});

test('closing ends the watch of a log', async t => {
	const file = path.join(folder(t), 'kern.log');
	fs.writeFileSync(file, '');
	const {observation} = observe(t, {}, new KernelLog(file));
	let done: Promise<void> = Promise.resolve();
	await new Promise<void>(resolve => {
		done = observation.readLog(true, resolve);
	});
	assert.equal(observation.state.logged?.faults.length, 0);
	observation.close();
	await done;
});
