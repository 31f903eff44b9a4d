// A machine that is looked at while things happen to it: its tables change, faults come, and plugs are pulled.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout} from 'node:timers/promises';
import {snapshotJson, snapshotLines} from '../../../source/explain/snapshot.js';
import {KernelLog} from '../../../source/live/kernel-log.js';
import {parseInterval} from '../../../source/live/observation.js';
import {QemuMachine} from '../../../source/live/qemu/machine.js';
import {openQemu} from '../../../source/live/qemu/open.js';
import type {MachineState} from '../../../source/machine/observed.js';
import {UserError} from '../../../source/user-error.js';
import {DOMAIN, FakeMachine, RID} from '../../helpers/fake-machine.js';
import {folder} from '../../helpers/lab.js';
import {linesText} from '../../helpers/lines.js';
import {openDashboard} from '../../helpers/terminal.js';
import {until} from '../../helpers/until.js';

async function started(t: TestContext, change: (fake: FakeMachine) => void = () => {}, log?: KernelLog) {
	const fake = new FakeMachine(t);
	fake.map(1, 7);
	change(fake);
	await fake.start();
	const machine = await QemuMachine.open(fake.socket, {every: 10, clock: () => '12:34:56', log});
	t.after(() => machine.close());
	return {fake, machine};
}

const mapped = ({domains}: MachineState): string =>
	(domains[0]?.mappings ?? []).map(({iova, hpa, pages}) => `${iova / 4096}→${hpa / 4096}×${pages}`).join(' ');

for (const shared of [true, false]) {
	test(`what the tables map is followed, ${shared ? 'in place' : 'through the monitor'}`, async t => {
		const {fake, machine} = await started(t, fake => {
			fake.shared = shared;
		});
		const {title, devices, domains, notes, revision} = machine.state();
		assert.equal(title, 'qemu vm1');
		assert.deepEqual(devices, [{rid: RID, name: 'nvme0', driver: '', domain: DOMAIN, untranslated: false}]);
		assert.equal(domains.length, 1);
		assert.equal(mapped(machine.state()), '1→7×1');
		assert.match(notes?.[0] ?? '', shared ? /memory is read from / : /monitor, which is slow.*add share=on/);
		let changes = 0;
		machine.watch(() => changes++);
		await setTimeout(50);
		assert.deepEqual([machine.state().revision, changes], [revision, 0]);
		assert.equal(machine.state().domains[0], domains[0]);
		fake.map(2, 8);
		fake.map(9, 3);
		await until(machine, state => mapped(state) === '1→7×2 9→3×1');
		fake.map(1, undefined);
		await until(machine, state => mapped(state) === '2→8×1 9→3×1');
		assert.ok(changes >= 2);
		assert.equal(machine.memory.page(0x5000)?.[4], 0x8003);
	});
}

test('a disabled IOMMU translates nothing; once enabled, its domains appear', async t => {
	const {fake, machine} = await started(t, ({registers}) => void registers.set(0x1c, 0));
	const {domains, devices, notes} = machine.state();
	assert.deepEqual([domains.length, devices[0].untranslated], [0, true]);
	assert.ok(notes?.some(note => note.startsWith('The guest has not enabled its IOMMU')));
	machine.watch(() => {});
	fake.registers.set(0x1c, 0x8000_0000);
	await until(machine, state => mapped(state) === '1→7×1');
});

test('a function in pass-through is in an identity domain', async t => {
	const {machine} = await started(t, fake => {
		const file = fs.openSync(fake.memory, 'r+');
		// P, and translation type 2.
		fs.writeSync(file, Uint8Array.of(0x09, 0, 0, 0), 0, 4, 0x2000 + 16 * RID);
		fs.closeSync(file);
	});
	const text = linesText(snapshotLines(machine));
	assert.match(text, /^DOMAIN 5 of nvme0, 1:1 without tables: 256 pages$/m);
});

test('a fault counts once, even after the guest has handled it', async t => {
	const {fake, machine} = await started(t);
	machine.watch(() => {});
	const record = (iova: number, high: number) => {
		fake.registers.set(0x220, iova);
		fake.registers.set(0x228, RID);
		fake.registers.set(0x22c, high);
	};
	record(0xdea0000, 0xc000_0006);
	await until(machine, ({faultLog}) => faultLog.used === 1);
	record(0xdea0000, 0x4000_0006);
	const {faults} = await until(machine, ({faultLog}) => faultLog.used === 0);
	assert.equal(faults.length, 1);
	// Once more, and caught before it is taken; then another.
	record(0xdea0000, 0xc000_0006);
	await until(machine, state => state.faults.length === 2 && state.faultLog.used === 1);
	record(0xdeb0000, 0x0000_0005);
	const {faults: more, faultLog} = await until(machine, state => state.faults.length === 3);
	assert.deepEqual(
		more.map(({number, device, iova, write, reason}) => [number, device, iova, write, reason]),
		[
			[1, 'nvme0', 0xdea0000, false, 6],
			[2, 'nvme0', 0xdea0000, false, 6],
			[3, 'nvme0', 0xdeb0000, true, 5],
		],
	);
	assert.equal(faultLog.blocked, undefined);
	assert.match(linesText(snapshotLines(machine)), /^FAULTS: 3 faults seen · 0 of 1 fault registers in use$/m);
	const json = snapshotJson(machine);
	assert.equal(json.domains[0].ranges[0].owner, null);
	assert.equal(json.faults.length, 3);
});

test('a paused guest is shown as paused, until it runs again', async t => {
	const {fake, machine} = await started(t);
	machine.watch(() => {});
	fake.status = 'postmigrate';
	await until(machine, ({title}) => title === 'qemu vm1 (postmigrate)');
	fake.status = 'running';
	await until(machine, ({title}) => title === 'qemu vm1');
});

test('memory hidden by firmware is read once a kernel puts its tables there', async t => {
	const low = '0000000000000000-000000000000ffff (prio 0, ram): m0';
	const {fake, machine} = await started(t, fake => {
		fake.registers.set(0x20, 0);
		fake.registers.set(0x1c, 0);
		fake.answer = (_, report) => report.replace('0000000000000000-00000000000fffff (prio 0, ram): m0', low);
	});
	assert.deepEqual(
		machine.state().owned.map(({pages}) => pages),
		[16],
	);
	machine.watch(() => {});
	fake.answer = (_, report) => report;
	fake.registers.set(0x20, 0x1000);
	fake.registers.set(0x1c, 0x8000_0000);
	const {owned} = await until(machine, state => mapped(state) === '1→7×1');
	assert.deepEqual(
		owned.map(({pages}) => pages),
		[256],
	);
});

test('the guest’s kernel log is followed, and its faults are explained from log and tables', async t => {
	const file = path.join(folder(t), 'serial.log');
	fs.writeFileSync(file, '');
	const {machine} = await started(t, undefined, new KernelLog(file));
	machine.watch(() => {});
	await until(machine, ({logged}) => logged?.closing.length);
	fs.appendFileSync(
		file,
		'DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x2000 [fault reason 0x06] PTE Read access is not set\r\n',
	);
	const {logged} = await until(machine, ({logged}) => logged?.faults.length);
	assert.deepEqual(logged?.faults[0]?.access, {rid: RID, iova: 0x2000, write: false});
	assert.match(
		linesText(snapshotLines(machine)),
		/^FAULTS IN .*serial\.log\n {2}00:02\.0: DMA read refused$/m,
	);
	assert.deepEqual(
		snapshotJson(machine).logged?.map(({rid, iova, access}) => [rid, iova, access]),
		[['0:2:0', '0x00002000', 'read']],
	);
	const {store, press} = openDashboard(t, machine, 120, 40);
	assert.match(await press('7'), /tables +Now: nvme0 \(0:2:0\) cannot read 0x00002000 in domain 5/);
	await press('enter');
	assert.equal(store.getState().view, 'walk');
});

test('a fault’s device has QEMU’s name', async t => {
	const fake = new FakeMachine(t);
	fake.map(1, 7);
	await fake.start();
	const file = path.join(folder(t), 'serial.log');
	fs.writeFileSync(
		file,
		'DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0x0 [fault reason 0x05] PTE Write access is not set\n',
	);
	const machine = await openQemu([fake.socket], {log: file});
	t.after(() => machine.close());
	await machine.readLog();
	assert.equal(machine.state().logged?.faults[0]?.title, '00:02.0 nvme0: DMA write refused');
});

test('a missing log is a note, and the register faults are still shown', async t => {
	const {machine} = await started(t, undefined, new KernelLog('/no/such.log'));
	machine.watch(() => {});
	const {logged} = await until(machine, ({notes}) =>
		notes?.includes('/no/such.log does not exist; check the path.'),
	);
	assert.equal(logged, undefined);
});

test('a QEMU that is gone keeps its last state, and is found again when it is back', async t => {
	const {fake, machine} = await started(t);
	const seen: (string | undefined)[] = [];
	machine.watch(() => seen.push(machine.state().lost?.why));
	fake.kill();
	const gone = await until(machine, ({lost}) => lost);
	assert.equal(gone.lost?.lastSeen, '12:34:56');
	assert.equal(mapped(gone), '1→7×1');
	assert.equal(machine.memory.page(0x5000)?.[2], 0x7003);
	await until(machine, ({lost}) => / does not exist; |nothing is listening/.test(lost?.why ?? ''));
	fake.map(1, 9);
	await fake.start();
	await until(machine, state => state.lost === undefined && mapped(state) === '1→9×1');
	assert.equal(seen.at(-1), undefined);
});

test('truncated memory is a sentence, and returns with the file', async t => {
	const {fake, machine} = await started(t);
	machine.watch(() => {});
	const whole = fs.readFileSync(fake.memory);
	fs.truncateSync(fake.memory, 0x3000);
	const {lost} = await until(machine, state => state.lost);
	assert.match(
		lost?.why ?? '',
		/ram is shorter than the guest's memory; do not truncate it while QEMU runs\.$/,
	);
	assert.equal(mapped(machine.state()), '1→7×1');
	fs.writeFileSync(fake.memory, whole);
	await until(machine, state => state.lost === undefined);
});

test('an invalid answer is a sentence, whenever it comes', async t => {
	const {fake, machine} = await started(t);
	machine.watch(() => {});
	const says = async (report: string, pattern: RegExp) => {
		fake.answer = (_, true_) => report || true_;
		await until(machine, ({lost}) => pattern.test(lost?.why ?? ''));
		fake.answer = (_, true_) => true_;
		await until(machine, ({lost}) => lost === undefined);
	};
	await says('\x1b[2J', /is not a QMP socket/);
	await says(
		'{"return": "\\u001b[2J is no word"}',
		/^QEMU cannot print memory at 0xfed90000: .\[2J is no word$/,
	);
	await says('[]', /cannot print/);
	await says(
		'{"error": {"desc": "\\u001b[31mno"}}',
		/^QEMU refuses (query-status|human-monitor-command): .\[31mno\.$/,
	);
});

test('a machine that cannot be viewed is refused at the start', async t => {
	const refused = (change: (fake: FakeMachine) => void, pattern: RegExp) =>
		assert.rejects(started(t, change), error => error instanceof UserError && pattern.test(error.message));
	await refused(({registers}) => void registers.set(0x20, 0x1400), /scalable mode, which is not supported/);
	await refused(fake => {
		fake.answer = () => undefined;
	}, /closed the connection/);
	await refused(fake => {
		fake.answer = (_, report) => report.replaceAll('intel_iommu', 'hpet');
	}, /This machine has no IOMMU; start QEMU with/);
});

test('a file other than the one QEMU has open is not read', async t => {
	const {fake, machine} = await started(t, fake => {
		const other = `${fake.memory}2`;
		fs.writeFileSync(other, new Uint8Array(0x100000));
		fake.answer = ({execute, arguments: {property}}, report) =>
			execute === 'qom-get' && property === 'mem-path' ? JSON.stringify({return: other}) : report;
	});
	assert.ok(fake);
	assert.match(machine.state().notes?.[0] ?? '', /monitor.*is not the one that QEMU has open\.$/);
	assert.equal(mapped(machine.state()), '1→7×1');
});

test('closing takes no time, even while QEMU does not answer', async t => {
	const {fake, machine} = await started(t);
	let asked = false;
	fake.answer = () => {
		asked = true;
		return '';
	};
	machine.watch(() => assert.fail('nothing is shown any more'));
	while (!asked) await setTimeout(5);
	machine.close();
	await setTimeout(20);
	assert.equal(machine.state().lost?.lastSeen, '12:34:56');
});

test('--every is a time', () => {
	assert.deepEqual(['50ms', '0.5s', '2s'].map(parseInterval), [50, 500, 2000]);
	for (const wrong of ['', '2', '2 s', '10ms', '2h', '1e3s', '3601s', '-1s'])
		assert.throws(() => parseInterval(wrong), UserError);
});
