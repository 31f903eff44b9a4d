// A host that changes while it is observed: groups change hands, faults arrive, and it disappears.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {HostMachine} from '../../../source/live/host/machine.js';
import {openHost} from '../../../source/live/host/open.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {Tree} from '../../../source/live/host/tree.js';
import {KernelLog} from '../../../source/live/kernel-log.js';
import {UserError} from '../../../source/user-error.js';
import {type Machine as Files, filesOf, group, pci, VTD} from '../../helpers/host-tree.js';
import {folder} from '../../helpers/lab.js';

const CARD: Files = {...VTD, ...group(7), ...pci('0000:01:00.0', {driver: 'e1000e', group: 7})};
const TAKEN: Files = {...CARD, ...pci('0000:01:00.0', {driver: 'vfio-pci', group: 7}), '/proc/1/fd/': ''};

async function until(there: () => boolean, what = 'it'): Promise<void> {
	for (let waited = 0; !there(); waited += 5) {
		assert.ok(waited < 10_000, `${what} does not happen`);
		await sleep(5);
	}
}

async function observe(t: TestContext, first: Files) {
	const now = {files: first, gone: false};
	const machine = await HostMachine.open({
		title: 'host',
		read: async () => {
			if (now.gone) throw new UserError('/tmp/x does not exist.');
			return readHost(new Tree(filesOf(now.files)));
		},
		now: () => 0,
		pause: () => 5,
		clock: () => '12:34:56',
		gaps: [{what: 'faults', how: 'with --log'}],
	});
	t.after(() => machine.close());
	return {now, machine};
}

const verdicts = (machine: HostMachine): string[] =>
	machine.state().host?.groups.map(({brief}) => brief) ?? [];

test('a group that changes hands is a new state; an unchanged host is not', async t => {
	const {now, machine} = await observe(t, CARD);
	let changes = 0;
	machine.watch(() => changes++);
	const before = machine.state();
	assert.deepEqual(verdicts(machine), ['host']);
	assert.equal(before.iommu, 'vt-d');
	assert.ok(before.notes?.includes('faults: with --log'));
	await sleep(60);
	assert.equal(machine.state(), before);
	assert.equal(changes, 0);
	now.files = TAKEN;
	await until(() => verdicts(machine)[0] === 'ready for a VM');
	assert.equal(changes, 1);
	assert.equal(machine.state().revision, before.revision + 1);
});

test('a large host is read in pieces, and less often the longer it takes', async t => {
	const slots = Array.from({length: 200}, (_, i) => (0x10 + i).toString(16));
	const files = Object.assign({}, CARD, ...slots.map(slot => pci(`0000:${slot}:00.0`, {group: 7})));
	const pauses: number[] = [];
	let time = 0;
	let turns = 0;
	const machine = await HostMachine.open({
		title: 'host',
		read: () => readHost(new Tree(filesOf(files))),
		now: () => (time += 300),
		pause: took => {
			pauses.push(took);
			return 1;
		},
		clock: () => '12:34:56',
		gaps: [],
	});
	t.after(() => machine.close());
	const turn = () => {
		turns++;
		if (pauses.length < 2) setImmediate(turn);
	};
	machine.watch(() => {});
	turn();
	await until(() => pauses.length >= 2);
	assert.deepEqual(pauses.slice(0, 2), [0, 300]);
	assert.ok(turns > 200, `${turns} turns`);
});

test('a lost host keeps its last state, and comes back', async t => {
	const {now, machine} = await observe(t, CARD);
	machine.watch(() => {});
	now.gone = true;
	await until(() => machine.state().lost !== undefined);
	assert.deepEqual(machine.state().lost, {why: '/tmp/x does not exist.', lastSeen: '12:34:56'});
	assert.deepEqual(verdicts(machine), ['host']);
	now.gone = false;
	await until(() => machine.state().lost === undefined);
});

test('logged faults name the device as the host knows it; a log that cannot be read is a gap', async t => {
	const place = folder(t);
	const log = path.join(place, 'kern.log');
	fs.writeFileSync(log, '');
	const root = path.resolve(import.meta.dirname, 'intel.tar');
	const machine = await openHost({root, log, trace: false});
	t.after(() => machine.close());
	machine.watch(() => {});
	await until(() => machine.state().logged?.closing.length === 1);
	assert.equal(machine.state().logged?.faults.length, 0);
	fs.appendFileSync(
		log,
		'DMAR: [DMA Read NO_PASID] Request device [02:00.0] fault addr 0x2000 [fault reason 0x06] PTE Read access is not set\n',
	);
	await until(() => machine.state().logged?.faults.length === 1, 'the fault');
	const title = machine.state().logged?.faults[0]?.title ?? '';
	assert.equal(
		title,
		'02:00.0 vfio-pci Red Hat, Inc. QEMU NVM Express Controller [1b36:0010]: DMA read refused',
	);

	fs.rmSync(log);
	const without = await HostMachine.open({
		title: 'host',
		read: () => readHost(new Tree(filesOf(CARD))),
		now: () => 0,
		clock: () => '12:34:56',
		log: new KernelLog(log),
		gaps: [],
	});
	t.after(() => without.close());
	await without.readLog();
	assert.equal(without.state().logged, undefined);
	assert.match(
		without.state().notes?.join('\n') ?? '',
		/^faults in the kernel log: .*kern\.log does not exist/m,
	);
	await assert.rejects(
		() => openHost({root, log, trace: false}),
		/kern\.log does not exist; check the path\./,
	);
});
