import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {seededRandom} from '../../../source/lab/build/random.js';
import {sampleDisk} from '../../../source/lab/build/sample-disk.js';
import type {Lab} from '../../../source/lab/lab.js';
import {parseScenario} from '../../../source/lab/scenario/parse.js';
import {LabHistory} from '../../../source/lab/time/history.js';
import type {Outcome} from '../../../source/machine/outcome.js';
import {UserError} from '../../../source/user-error.js';
import {folder, MIB, openTestLab, randomImage, read, testSetting, transfer} from '../../helpers/lab.js';
import {differences} from '../../helpers/same.js';
import {play} from '../../helpers/session.js';

/** A clock that strikes at each look: a mark every so many steps. */
function steps(a: number): () => number {
	let now = 0;
	return () => (now += a);
}

function session(t: TestContext, iommu: 'vt-d' | 'amd-vi', seed: number): {lab: Lab; fresh: () => Lab} {
	const {file} = randomImage(t, 8 * MIB, 3);
	const setup = {hostMemory: 64 * MIB, iommu, disk: file, overlay: true} as const;
	const lab = openTestLab(t, setup);
	lab.keepHistory(steps(2));
	play(lab, seededRandom(seed), 1000);
	return {lab, fresh: () => openTestLab(t, setup)};
}

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`a session of 1,000 commands, replayed, comes out the same (${iommu})`, t => {
		const {lab, fresh} = session(t, iommu, 11);
		const {history} = lab;
		assert.equal(history?.entries.length, 1000);
		const again = fresh();
		const outcomes = history.entries.map(({command}): Outcome => again.dispatch(command));
		assert.deepEqual(
			outcomes.map(({report}) => report),
			history.entries.map(({report}) => report),
		);
		assert.deepEqual(differences(lab, again), []);
	});

	test(`rewound to any step, the whole machine is that of a fresh replay (${iommu})`, t => {
		const {lab, fresh} = session(t, iommu, 12);
		const {history} = lab;
		assert.ok(history);
		const random = seededRandom(5);
		const places = [
			1000,
			0,
			999,
			500,
			501,
			499,
			...Array.from({length: 6}, () => Math.floor(random() * 1001)),
		];
		for (const at of places) {
			assert.equal(history.go(at), undefined);
			assert.equal(history.at, at);
			const again = fresh();
			for (const {command} of history.entries.slice(0, at)) again.dispatch(command);
			assert.deepEqual(differences(lab, again), [], `at ${at}`);
		}
	});
}

test('what is done in the past takes the place of what came after', t => {
	const lab = openTestLab(t, {hostMemory: 64 * MIB});
	const history = lab.keepHistory(steps(20));
	for (const policy of ['keep', 'bounce', 'remove', 'keep', 'bounce'] as const)
		lab.dispatch({do: 'policy', policy});
	history.go(2);
	assert.equal(lab.state().policy, 'bounce');
	read(lab, 'vm0');
	assert.deepEqual(
		history.entries.map(({text}) => text),
		['policy keep', 'policy bounce', 'read vm0 LBA 0, 8 sectors, 1 segment'],
	);
	history.go(1);
	assert.equal(lab.state().policy, 'keep');
	assert.equal(
		lab.state().transfers.filter(({command}) => command.do === 'read' && command.lba === 0).length,
		2,
	);
	history.go(3);
	assert.equal(lab.state().transfers.at(-1)?.path, 'bounced');
});

test('to and fro, and off on other ways in between: the machine is that of what is left', t => {
	const {file} = randomImage(t, 8 * MIB, 3);
	const setup = {hostMemory: 64 * MIB, disk: file, overlay: true};
	const lab = openTestLab(t, setup);
	const history = lab.keepHistory(steps(6));
	const random = seededRandom(21);
	for (let i = 0; i < 40; i++) {
		play(lab, random, 1 + Math.floor(random() * 12));
		history.go(Math.floor(history.entries.length * random()));
		history.go(Math.ceil(history.entries.length * (0.7 + 0.3 * random())));
	}
	history.go(history.entries.length);
	const again = openTestLab(t, setup);
	for (const {command} of history.entries) again.dispatch(command);
	assert.ok(history.entries.length > 10);
	assert.deepEqual(differences(lab, again), []);
});

test('a command that is refused leaves the machine as it was, also where it was half done', t => {
	const setup = {hostMemory: 64 * MIB};
	const lab = openTestLab(t, setup);
	lab.keepHistory(steps(1));
	lab.dispatch({do: 'policy', policy: 'keep'});
	// The partitions are looked for before it is found that there is no such one.
	const guest = {memory: 8 * MIB, wired: true, model: 'virtio-blk', passthru: []} as const;
	assert.throws(() => lab.dispatch({do: 'create', name: 'vm2', disk: 'ada0p9', ...guest}), UserError);
	const fresh = openTestLab(t, setup);
	fresh.dispatch({do: 'policy', policy: 'keep'});
	assert.deepEqual(differences(lab, fresh), []);
	assert.equal(lab.history?.entries.length, 1);
});

test('where little may be kept, marks go, and every place is reached all the same', t => {
	const {file} = randomImage(t, 8 * MIB, 3);
	const setup = {hostMemory: 64 * MIB, disk: file, overlay: true};
	const lab = openTestLab(t, setup);
	const history = new LabHistory(lab, steps(20), {mostKept: 300, quick: 250});
	lab.history = history;
	play(lab, seededRandom(4), 300);
	for (const at of [150, 290, 3, 40]) {
		history.go(at);
		const again = openTestLab(t, setup);
		for (const {command} of history.entries.slice(0, at)) again.dispatch(command);
		assert.deepEqual(differences(lab, again), [], `at ${at}`);
	}
});

test('a disk that is written is put back on the way to the past, and written again on the way forth', t => {
	const {file, content} = randomImage(t, MIB);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, writable: true});
	const history = lab.keepHistory(steps(20));
	const write = (lba: number) =>
		lab.dispatch({do: 'write', vm: 'vm1', lba, sectors: 8, segments: 1, gpa: lab.defaultGpa});
	write(0);
	write(100);
	lab.dispatch({do: 'delete', vm: 'vm1', lba: 4, sectors: 8, segments: 1, gpa: lab.defaultGpa});
	const written = fs.readFileSync(file);
	history.go(0);
	assert.equal(Buffer.compare(fs.readFileSync(file), content), 0);
	history.go(3);
	assert.equal(Buffer.compare(fs.readFileSync(file), written), 0);
});

test('a disk that cannot be put back is said, and the session starts anew from there', t => {
	const {file} = randomImage(t, MIB);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, writable: true});
	const history = lab.keepHistory(steps(20));
	lab.dispatch({do: 'write', vm: 'vm1', lba: 0, sectors: 8, segments: 1, gpa: lab.defaultGpa});
	const full = t.mock.method(fs, 'writeSync', () => {
		throw new Error('no space left');
	});
	assert.throws(
		() => history.go(0),
		(error: unknown) =>
			error instanceof UserError && /no space left. The session starts anew/.test(error.message),
	);
	full.mock.restore();
	assert.deepEqual([history.entries.length, history.at], [0, 0]);
	assert.equal(read(lab, 'vm1').data, 'delivered');
	assert.equal(history.go(0), undefined);
	assert.equal(lab.state().tally.delivered > 0, true);
});

test('an overlay leaves the disk alone', t => {
	const {file, content} = randomImage(t, MIB);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, overlay: true});
	const done = transfer(lab, {
		do: 'write',
		vm: 'vm1',
		lba: 3,
		sectors: 9,
		segments: 1,
		gpa: lab.defaultGpa,
	});
	assert.equal(done.data, 'delivered');
	assert.equal(read(lab, 'vm1', {lba: 3, sectors: 9, gpa: lab.defaultGpa + 65536}).data, 'delivered');
	assert.equal(
		Buffer.compare(
			lab.guestBytes('vm1', lab.defaultGpa, 9 * 512),
			lab.guestBytes('vm1', lab.defaultGpa + 65536, 9 * 512),
		),
		0,
	);
	assert.equal(Buffer.compare(fs.readFileSync(file), content), 0);
});

test('a disk that somebody else changes meanwhile is noticed', t => {
	const {file} = randomImage(t, 4 * MIB);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, policy: 'keep'});
	const history = lab.keepHistory(steps(0));
	lab.dispatch({do: 'boot', vm: 'vm0'});
	assert.equal(history.go(0), undefined);
	fs.copyFileSync(sampleDisk(), file);
	assert.match(history.go(1) ?? '', /Step 1 came out otherwise/);
});

test('a session is written as a scenario that runs the same, with its outcomes as expectations', t => {
	const {lab} = session(t, 'vt-d', 13);
	const {history} = lab;
	const file = path.join(folder(t), 'session.yaml');
	history?.write(file, true);
	const text = fs.readFileSync(file, 'utf8');
	const scenario = parseScenario(file, text, testSetting(t, {disk: lab.disk.path, writable: true}));
	assert.deepEqual(
		scenario.steps.map(({command}) => ({requests: 1, writes: 0, ...command})),
		history?.entries.map(({command}) => ({requests: 1, writes: 0, ...command})),
	);
	assert.ok(
		scenario.steps.every(({expect, command}) => command.do === 'policy' || Object.keys(expect).length > 0),
	);
	assert.throws(() => history?.write(file, true), /session\.yaml exists; choose another name\.$/);
	const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {code: 'ENOSPC'});
	t.mock.method(fs, 'fsyncSync', () => {
		throw full;
	});
	assert.throws(() => history?.write(`${file}2`, true), /session\.yaml2 does not fit on its file system/);
	t.mock.restoreAll();
	const [first] = history?.entries ?? [];
	first.note = 'long '.repeat(2 ** 19);
	assert.throws(() => history?.write(`${file}3`, true), /session\.yaml3 would exceed 2 MiB/);
	assert.deepEqual(fs.readdirSync(path.dirname(file)), ['session.yaml']);
});
