// Long ways through time on the screen: slice by slice, with progress, and ways out.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {folder, MIB, openTestLab, randomImage} from '../helpers/lab.js';
import {differences} from '../helpers/same.js';
import {openDashboard} from '../helpers/terminal.js';

const line = (screen: string, n: number): string => screen.split('\n').at(n) ?? '';
const STEPS = 300;
const STEP_MS = 20;

/** A session that takes seconds to replay: its clock stands still, so the beginning is its only mark. */
function openLong(t: TestContext) {
	const lab = openTestLab(t, {hostMemory: 64 * MIB});
	const dashboard = openDashboard(t, lab, 100, 30);
	for (let i = 0; i < STEPS; i++) lab.dispatch({do: 'work', count: 1 + (i % 3)});
	const perform = lab.perform.bind(lab);
	lab.perform = command => {
		for (const start = performance.now(); performance.now() < start + STEP_MS; );
		return perform(command);
	};
	return {lab, ...dashboard};
}

test('a long replay shows how far it is, takes no other keys, and stops at a step', async t => {
	const {lab, type, screen, store} = openLong(t);
	await type('(');
	const on = await type(')');
	assert.match(line(on, -2), /^ Replaying step \d+ of 300 · Esc stops/);
	assert.match(line(on, -1), /^ Esc stop {2}q quit *$/);
	const steps: string[] = [];
	while (steps.length < 3) {
		const [, number = ''] = /Replaying step (\d+) of/.exec(await screen()) ?? [];
		if (number !== steps.at(-1)) steps.push(number);
		await sleep(5);
	}
	await type('p', 'enter', '2', ' ', ':', 'Q');
	assert.match(line(await screen(), -2), /Replaying/);
	const stopped = await type('escape');
	const {history} = lab;
	assert.ok(history && history.at > 0 && history.at < STEPS);
	assert.match(line(stopped, -2), new RegExp(`Stopped at step ${history.at}\\.`));
	assert.match(line(stopped, -3), new RegExp(`step ${history.at} of 300`));
	assert.equal(store.getState().state.tally.delivered > 0, true);
	assert.deepEqual([store.getState().view, store.getState().state.policy], ['overview', 'remove']);
	const fresh = openTestLab(t, {hostMemory: 64 * MIB});
	for (let i = 0; i < history.at; i++) fresh.dispatch({do: 'work', count: 1 + (i % 3)});
	assert.deepEqual(differences(lab, fresh), []);
	// From there it goes on, and what is done takes the place of the rest.
	await type('p');
	assert.equal(history.length, history.at);
});

test('keys are answered while a long replay goes on, and q leaves at once', async t => {
	const {type, done, lab} = openLong(t);
	await type('(', ')');
	await type('q');
	await done();
	const at = lab.history?.at ?? STEPS;
	await sleep(100);
	assert.equal(lab.history?.at, at, 'nothing goes on after the end');
	assert.ok(at < STEPS);
});

/** What is saved goes to a folder of the test's own. */
function ownState(t: TestContext): void {
	const before = process.env.XDG_STATE_HOME;
	process.env.XDG_STATE_HOME = folder(t);
	t.after(() => {
		if (before === undefined) delete process.env.XDG_STATE_HOME;
		else process.env.XDG_STATE_HOME = before;
	});
}

/** A disk that takes a while for each MiB, so that no machine is done before its keys are read; until it is `quick`. */
function openSlow(t: TestContext, writes = 4) {
	ownState(t);
	const {file, content} = randomImage(t, 64 * MIB);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, writable: true});
	const dashboard = openDashboard(t, lab, 120, 30);
	for (let i = 0; i < writes; i++)
		lab.dispatch({do: 'write', vm: 'vm1', lba: i * 24_000, sectors: 24_000, segments: 1, gpa: MIB});
	const slow = t.mock.method(fs, 'fdatasyncSync', () => {
		for (const start = performance.now(); performance.now() < start + 120; );
	});
	return {lab, file, content, quick: () => slow.mock.restore(), ...dashboard};
}

function openFailing(t: TestContext) {
	ownState(t);
	const {file, content} = randomImage(t, MIB);
	const lab = openTestLab(t, {hostMemory: 64 * MIB, disk: file, writable: true});
	const dashboard = openDashboard(t, lab, 120, 30);
	lab.dispatch({do: 'write', vm: 'vm1', lba: 0, sectors: 40, segments: 1, gpa: lab.defaultGpa});
	const real = fs.writeSync;
	const broken = t.mock.method(
		fs,
		'writeSync',
		(fd: number, ...rest: [Uint8Array, number, number, number]) => {
			if (fd === lab.disk.fd) throw new Error('EIO: i/o error, write');
			return real(fd, ...rest);
		},
	);
	return {lab, file, content, broken, ...dashboard};
}

test('a disk that cannot be put back: the screen says so until it is, and what can be done', async t => {
	const {type, screen, store, lab, file, content, broken} = openFailing(t);
	const failed = await type('(');
	assert.match(
		line(failed, -3),
		/step 1 of 1 DISK NEITHER OLD NOR NEW: 0 of 5 blocks restored; EIO: .* retries · u saves/,
	);
	const saved = lab.history?.unsettled?.file ?? '';
	assert.ok(fs.existsSync(saved));
	assert.equal(store.getState().message.text, `The disk’s old blocks are saved: ${saved}`);
	assert.match(
		line(await type('enter'), -2),
		/The disk is only partly restored: 0 of 5 blocks; go back in time again/,
	);
	// Guests start to work, and stop at their first request.
	await type(' ');
	while (lab.workload.running) await sleep(10);
	assert.match(
		line(await screen(), -2),
		/The disk is only partly restored: 0 of 5 blocks; go back in time again/,
	);
	const mine = path.join(folder(t), 'mine.sh');
	const named = await type('u', ...Array.from('undo.sh', () => 'backspace'), ...mine, 'enter');
	assert.match(line(named, -2), /Saved\. sh .*mine\.sh DISK restores the old blocks/);
	assert.match(line(await type(']'), -3), /DISK NEITHER OLD NOR NEW/);
	broken.mock.restore();
	const back = await type('(');
	assert.match(line(back, -3), /step 0 of 1 ●/);
	assert.match(line(back, -2), /The beginning/);
	assert.ok(fs.readFileSync(file).equals(content));
	assert.deepEqual([fs.existsSync(saved), fs.existsSync(mine)], [false, true]);
});

test('leaving what is in memory alone is asked for twice', async t => {
	const {type, done, lab} = openFailing(t);
	process.env.XDG_STATE_HOME = '/proc/none';
	const full = t.mock.method(fs, 'mkdirSync', () => {
		throw new Error('no space left');
	});
	assert.match(line(await type('('), -2), /The disk’s old blocks cannot be saved: no space left.*press u/);
	assert.match(line(await type('q'), -2), /in memory alone: u saves them, q again loses them/);
	assert.equal(lab.history?.at, 1);
	await type('q');
	await done();
	full.mock.restore();
});

test('a disk is put back before q leaves', async t => {
	const {type, done, file, content, lab, quick} = openSlow(t);
	const on = await type('(');
	assert.match(line(on, -2), /^ Restoring the disk: [\d,]+ of 12,000 blocks/);
	await type('escape');
	assert.notEqual(lab.history?.unsettled, undefined);
	quick();
	await type('q');
	await done();
	assert.equal(lab.history?.unsettled, undefined);
	assert.ok(fs.readFileSync(file).equals(content));
});

test('whoever leaves twice leaves at once, and what the disk held is saved', async t => {
	const {type, done, file, content, lab} = openSlow(t);
	await type('(', 'q', 'q');
	await done();
	assert.ok(!fs.readFileSync(file).equals(content));
	const [, done1, command = ''] =
		/is only partly restored: ([\d,]+) of 12,000 blocks\. To restore its old blocks: (.*)$/.exec(
			lab.history?.rescue() ?? '',
		) ?? [];
	assert.notEqual(done1, '0');
	execFileSync('sh', ['-c', command]);
	assert.ok(fs.readFileSync(file).equals(content));
});

test('Escape lets a disk be put back, and stops then', async t => {
	const {type, screen, lab, file, content} = openSlow(t, 1);
	lab.dispatch({do: 'policy', policy: 'keep'});
	lab.dispatch({do: 'policy', policy: 'bounce'});
	lab.history?.go(0);
	lab.history?.go(3);
	await type('[', '[');
	assert.match(await screen(), /step 1 of 3/);
	const on = await type('[');
	assert.match(line(on, -2), /Restoring the disk/);
	await type('escape');
	while (lab.history?.unsettled !== undefined) await sleep(10);
	assert.ok(fs.readFileSync(file).equals(content));
	assert.match(line(await screen(), -3), /step 0 of 3/);
});

test('where the first steps are forgotten, the timeline tells how far back it reaches', async t => {
	const lab = openTestLab(t, {hostMemory: 64 * MIB});
	const {press, screen} = openDashboard(t, lab, 120, 30);
	let now = 0;
	const history = lab.keepHistory(() => (now += 100), 16 * MIB);
	while (history.first < 5) lab.dispatch({do: 'start', machine: lab.spec});
	for (const policy of ['keep', 'bounce', 'remove'] as const) lab.dispatch({do: 'policy', policy});
	const steps = history.length - history.first;
	await press('[');
	assert.match(
		line(await screen(), -3),
		new RegExp(
			`step ${history.length - 1} of ${history.length} .* reaches back \\d s · ${steps} steps · policy bounce`,
		),
	);
	const first = await press('(');
	assert.match(line(first, -3), new RegExp(`step ${history.first} of .* earlier steps are forgotten`));
	assert.match(
		line(first, -2),
		new RegExp(`Forgotten before this: ${history.first} steps; \\] goes on from here`),
	);
});
