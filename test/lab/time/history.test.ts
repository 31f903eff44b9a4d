import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {seededRandom} from '../../../source/lab/build/random.js';
import {sampleDisk} from '../../../source/lab/build/sample-disk.js';
import type {Lab} from '../../../source/lab/lab.js';
import {parseScenario} from '../../../source/lab/scenario/parse.js';
import {Marks} from '../../../source/lab/time/marks.js';
import type {Command} from '../../../source/machine/command.js';
import type {Outcome} from '../../../source/machine/outcome.js';
import {UserError} from '../../../source/user-error.js';
import {folder, MIB, openTestLab, randomImage, read, testSetting, transfer} from '../../helpers/lab.js';
import {differences} from '../../helpers/same.js';
import {play, stepsOf} from '../../helpers/session.js';

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
		assert.ok(history);
		assert.equal(history.length, 1000);
		const again = fresh();
		const outcomes = stepsOf(history).map(({command}): Outcome => again.dispatch(command));
		assert.deepEqual(
			outcomes.map(({report}) => report),
			stepsOf(history).map(({report}) => report),
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
			for (const {command} of stepsOf(history).slice(0, at)) again.dispatch(command);
			assert.deepEqual(differences(lab, again), [], `at ${at}`);
		}
	});
}

test('a new step in the past replaces the later steps', t => {
	const lab = openTestLab(t, {hostMemory: 64 * MIB});
	const history = lab.keepHistory(steps(20));
	for (const policy of ['keep', 'bounce', 'remove', 'keep', 'bounce'] as const)
		lab.dispatch({do: 'policy', policy});
	history.go(2);
	assert.equal(lab.state().policy, 'bounce');
	read(lab, 'vm0');
	assert.deepEqual(
		stepsOf(history).map(({text}) => text),
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

test('back, forward and onto other branches: the machine matches a replay of the remaining steps', t => {
	const {file} = randomImage(t, 8 * MIB, 3);
	const setup = {hostMemory: 64 * MIB, disk: file, overlay: true};
	const lab = openTestLab(t, setup);
	const history = lab.keepHistory(steps(6));
	const random = seededRandom(21);
	for (let i = 0; i < 40; i++) {
		play(lab, random, 1 + Math.floor(random() * 12));
		history.go(Math.floor(history.length * random()));
		history.go(Math.ceil(history.length * (0.7 + 0.3 * random())));
	}
	history.go(history.length);
	const again = openTestLab(t, setup);
	for (const {command} of stepsOf(history)) again.dispatch(command);
	assert.ok(history.length > 10);
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
	assert.equal(lab.history?.length, 1);
});

test('with little memory the first steps are forgotten, and every other step can be reached', t => {
	const {file} = randomImage(t, 8 * MIB, 3);
	const setup = {hostMemory: 64 * MIB, disk: file, overlay: true};
	const lab = openTestLab(t, setup);
	const most = 16 * MIB;
	const history = lab.keepHistory(steps(3), most);
	const random = seededRandom(4);
	const done: Command[] = [];
	const dispatch = lab.dispatch.bind(lab);
	lab.dispatch = command => {
		const outcome = dispatch(command);
		done.push(command);
		// What the largest step writes, and what a new machine takes: a mark of each.
		assert.ok(history.bytes < most + 3 * MIB, `${history.bytes} bytes after step ${history.length}`);
		return outcome;
	};
	const firsts = [];
	for (let i = 0; i < 4; i++) {
		play(lab, random, 100);
		for (let j = 0; j < 3; j++) lab.dispatch({do: 'work', count: 300, writes: 30});
		firsts.push(history.first);
		const at = history.first + Math.floor(random() * (history.length - history.first + 1));
		for (const place of [i % 2 === 0 ? at : -1, history.length]) {
			history.go(place);
			assert.equal(history.at, Math.max(history.first, place));
			const again = openTestLab(t, setup);
			for (const command of done.slice(0, history.at)) again.dispatch(command);
			assert.deepEqual(differences(lab, again), [], `at ${place}`);
		}
	}
	assert.ok(firsts[3] > firsts[1] && firsts[1] > 0, `${firsts}`);
	assert.equal(history.length, done.length);
	assert.equal(history.step(history.first), undefined);
	assert.deepEqual(
		stepsOf(history).map(({command}) => JSON.stringify(command)),
		done.slice(history.first).map(command => JSON.stringify(command)),
	);
});

test('marks come and go behind and ahead of a place in the past, and every place is reached all the same', t => {
	const {file} = randomImage(t, 8 * MIB, 3);
	const setup = {hostMemory: 64 * MIB, disk: file, overlay: true};
	const lab = openTestLab(t, setup);
	const history = lab.keepHistory(steps(10));
	// Between two switches of the policy pages differ that are the same again after them.
	const commands = Array.from({length: 60}, (_, i): Command => {
		if (i % 10 === 4 || i % 10 === 6) return {do: 'policy', policy: i % 10 === 4 ? 'keep' : 'remove'};
		return {do: 'work', count: 20 + i, writes: 40};
	});
	for (const command of commands) lab.dispatch(command);
	const marks: unknown = Reflect.get(history, 'marks');
	assert.ok(marks instanceof Marks);
	const count = () => marks.nearest(Number.POSITIVE_INFINITY) + 1;
	for (const at of [30, 12, 46, 60, 0, 31, 6, 60, 26, 60, 45, 0, 60]) {
		history.go(at);
		const before = count();
		marks.thin(() => count() <= before - 4);
		assert.ok(count() < before || before < 8, `${before} marks`);
		if (marks.inPast) marks.add(at, 0);
		const fresh = openTestLab(t, setup);
		for (const command of commands.slice(0, at)) fresh.dispatch(command);
		assert.deepEqual(differences(lab, fresh), [], `at ${at}`);
	}
});

test('a session whose first steps are forgotten is saved from the last start of a machine, or not at all', t => {
	const lab = openTestLab(t, {hostMemory: 64 * MIB, overlay: true});
	const history = lab.keepHistory(steps(20), 16 * MIB);
	while (history.first === 0) lab.dispatch({do: 'work', count: 200, writes: 50});
	const file = path.join(folder(t), 'rest.yaml');
	assert.throws(() => history.write(file, true), {
		constructor: UserError,
		message: /^The first \d+ steps are forgotten, and no machine was started since; start one and write/,
	});
	assert.equal(fs.existsSync(file), false);
	lab.dispatch({do: 'start', machine: {...lab.spec, policy: 'keep'}});
	lab.dispatch({do: 'work', count: 10});
	assert.equal(history.write(file, true), history.length - 1);
	const {machine, story, steps: left} = parseScenario(file, fs.readFileSync(file, 'utf8'), testSetting(t));
	assert.equal(machine.policy, 'keep');
	assert.deepEqual(
		left.map(({text, expect}) => [text, expect.data]),
		[['work 10 requests', 'delivered']],
	);
	assert.match(story, /It begins after step \d+, which started the machine/);
});

test('a written disk is restored when going back, and written again when going forward', t => {
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

test('a change to the disk by another program is noticed', t => {
	const {file} = randomImage(t, 4 * MIB);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, policy: 'keep'});
	const history = lab.keepHistory(steps(0));
	lab.dispatch({do: 'boot', vm: 'vm0'});
	assert.equal(history.go(0), undefined);
	fs.copyFileSync(sampleDisk(), file);
	assert.match(history.go(1) ?? '', /Step 1 gave a different result/);
});

test('a session is written as a scenario that runs the same, with its outcomes as expectations', t => {
	const {lab} = session(t, 'vt-d', 13);
	const {history} = lab;
	assert.ok(history);
	const file = path.join(folder(t), 'session.yaml');
	history.write(file, true);
	const text = fs.readFileSync(file, 'utf8');
	const scenario = parseScenario(file, text, testSetting(t, {disk: lab.disk.path, writable: true}));
	assert.deepEqual(
		scenario.steps.map(({command}) => ({requests: 1, writes: 0, ...command})),
		stepsOf(history).map(({command}) => ({requests: 1, writes: 0, ...command})),
	);
	assert.ok(
		scenario.steps.every(({expect, command}) => command.do === 'policy' || Object.keys(expect).length > 0),
	);
	assert.throws(() => history.write(file, true), /session\.yaml exists; choose another name\.$/);
	const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {code: 'ENOSPC'});
	t.mock.method(fs, 'fsyncSync', () => {
		throw full;
	});
	assert.throws(() => history.write(`${file}2`, true), /session\.yaml2 does not fit on its file system/);
	t.mock.restoreAll();
	history.add({do: 'unload'}, 'long '.repeat(2 ** 19));
	assert.throws(() => history.write(`${file}3`, true), /session\.yaml3 would exceed 2 MiB/);
	assert.deepEqual(fs.readdirSync(path.dirname(file)), ['session.yaml']);
});
