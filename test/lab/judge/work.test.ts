import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import {type TestContext, test} from 'node:test';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {Disk} from '../../../source/hardware/disk.js';
import {seededRandom} from '../../../source/lab/build/random.js';
import {sampleDisk} from '../../../source/lab/build/sample-disk.js';
import {defaultSpec} from '../../../source/lab/build/spec.js';
import {Lab} from '../../../source/lab/lab.js';
import {type Command, MODELS, POLICIES} from '../../../source/machine/command.js';
import type {Work} from '../../../source/machine/outcome.js';
import type {Comparable} from '../../../source/machine/workload.js';
import {UserError} from '../../../source/user-error.js';
import {type LabSetup, MIB, openTestLab, randomImage} from '../../helpers/lab.js';

function work(lab: Lab, count: number, writes = 0): Work {
	const outcome = lab.dispatch({do: 'work', count, writes});
	assert.ok(outcome.kind === 'work');
	return outcome.work;
}

/** Uses only the page cache, so a request takes a third of the time. */
function quickLab(t: TestContext, parts: LabSetup = {}): Lab {
	const machine = {...defaultSpec(64 * MIB), ...parts};
	const lab = new Lab(machine, {disk: Disk.open(sampleDisk(), {direct: false}), sample: true});
	t.after(() => lab.close());
	return lab;
}

/** A hash of all guest memory and the whole state. */
function fingerprint(lab: Lab): string {
	const hash = createHash('sha256').update(JSON.stringify(lab.state()));
	for (const {name, pages} of lab.state().vms) hash.update(lab.guestBytes(name, 0, pages * 4096));
	return hash.digest('hex');
}

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: the same commands give the same result, byte for byte`, t => {
		const commands: Command[] = [
			{do: 'work', count: 40},
			{do: 'policy', policy: 'bounce'},
			{do: 'work', count: 7},
			{do: 'destroy', vm: 'vm1'},
			{do: 'work', count: 20},
			{do: 'policy', policy: 'remove'},
			{do: 'work', count: 33},
		];
		const [first, second] = [0, 1].map(() => {
			const lab = quickLab(t, {iommu});
			return {
				outcomes: JSON.stringify(commands.map(command => lab.dispatch(command))),
				end: fingerprint(lab),
			};
		});
		assert.equal(first.outcomes, second.outcomes);
		assert.equal(first.end, second.end);
	});

	test(`${iommu}: keep loses nothing, and remove loses exactly vm0's reads with one segment`, t => {
		const keep = work(quickLab(t, {iommu, policy: 'keep'}), 300);
		assert.deepEqual(keep.tally, {delivered: 300, lost: 0, torn: 0, failed: 0, unchecked: 0});
		assert.deepEqual([keep.data, keep.landed, keep.lost, keep.faults], ['delivered', keep.bytes, 0, 0]);
		const lab = quickLab(t, {iommu, policy: 'remove'});
		for (let i = 0; i < 200; i++) work(lab, 1);
		const done = lab.state().transfers.slice(-200);
		for (const {command, data, landed, bytes, chain} of done) {
			assert.ok(command.do === 'read');
			const lost = command.vm === 'vm0' && command.segments === 1;
			assert.deepEqual([data, landed], lost ? ['lost', 0] : ['delivered', bytes]);
			assert.equal(
				chain.at(-1)?.full,
				lost ? 'untouched' : `all ${bytes.toLocaleString('en')} bytes arrived`,
			);
		}
		for (const vm of ['vm0', 'vm1'])
			for (const segments of [1, 2, 3, 4])
				assert.ok(done.some(({command: c}) => c.do === 'read' && c.vm === vm && c.segments === segments));
	});
}

test('one command with many requests has the same result as many commands with one', t => {
	const [lab, other] = [quickLab(t), quickLab(t)];
	const whole = work(lab, 150);
	const parts = Array.from({length: 150}, () => work(other, 1));
	for (const key of ['bytes', 'landed', 'lost', 'copied', 'faults', 'hits', 'misses'] as const)
		assert.equal(
			parts.reduce((sum, part) => sum + (part[key] ?? 0), 0),
			whole[key],
			key,
		);
	assert.deepEqual(lab.state().tally, other.state().tally);
	assert.deepEqual(lab.state().counters, other.state().counters);
	assert.equal(lab.state().faultLog.blocked, other.state().faultLog.blocked);
});

test('every request is counted, and a command’s last one is logged with its chain', t => {
	const lab = quickLab(t, {policy: 'keep'});
	const {transfers, tally} = lab.state();
	work(lab, 50);
	work(lab, 70);
	const after = lab.state();
	assert.equal(after.tally.delivered, tally.delivered + 120);
	assert.deepEqual(
		after.transfers.slice(transfers.length).map(({number}) => number),
		[transfers.length + 50, transfers.length + 120],
	);
	assert.ok((after.transfers.at(-1)?.chain.length ?? 0) > 3);
});

for (const model of MODELS) {
	for (const policy of POLICIES) {
		test(`${model} under ${policy}: a read is reported as delivered exactly if the buffer matches the disk`, t => {
			const {file, content} = randomImage(t, 4 * MIB);
			const guest = {name: 'vm0', memory: 16 * MIB, wired: true, model, disk: 'ada0', passthru: ['ppt0']};
			const lab = openTestLab(t, {disk: file, policy, guests: [guest], hostMemory: 64 * MIB});
			for (let i = 0; i < 60; i++) {
				work(lab, 1);
				const done = lab.state().transfers.at(-1);
				assert.ok(done?.command.do === 'read');
				const {lba, gpa, sectors, segments} = done.command;
				assert.equal(done.data, policy === 'remove' && segments === 1 ? 'lost' : 'delivered');
				// NVMe's segments are a page apart.
				const bytes = model === 'nvme' && segments > 1 ? 4096 : sectors * 512;
				const same = content.subarray(lba * 512, lba * 512 + bytes).equals(lab.guestBytes('vm0', gpa, bytes));
				assert.equal(same, done.data === 'delivered');
			}
		});
	}
}

test('pages removed from the host domain are lost under keep too, because the bytes decide', t => {
	const lab = quickLab(t, {policy: 'keep', guests: [defaultSpec(64 * MIB).guests[0]]});
	const unmapped = {
		do: 'unmap',
		from: 'host',
		vm: 'vm0',
		gpa: 8 * MIB,
		pages: 2048,
		invalidate: true,
	} as const;
	lab.dispatch(unmapped);
	const {tally, lost, landed, bytes} = work(lab, 200);
	assert.ok(tally.lost > 100 && tally.delivered > 20, JSON.stringify(tally));
	assert.equal(lost + (landed ?? 0), bytes);
});

test('a workload with writes spares the partition tables', t => {
	const {file, content} = randomImage(t, 8 * MIB);
	const lab = openTestLab(t, {disk: file, writable: true, policy: 'keep'});
	assert.equal(work(lab, 100, 100).data, 'delivered');
	const now = fs.readFileSync(file);
	assert.ok(now.includes("written by a guest's workload"));
	assert.ok(now.subarray(0, MIB).equals(content.subarray(0, MIB)));
	assert.ok(now.subarray(-34 * 512).equals(content.subarray(-34 * 512)));
	lab.dispatch({do: 'policy', policy: 'remove'});
	const {tally} = work(lab, 100, 100);
	assert.ok(tally.lost > 0 && tally.delivered > 0 && tally.failed === 0);
});

test('a workload without writes does not change a writable disk', t => {
	const {file, content} = randomImage(t, 4 * MIB);
	work(openTestLab(t, {disk: file, writable: true, policy: 'keep'}), 100);
	assert.ok(fs.readFileSync(file).equals(content));
});

test('a workload runs on a disk of one sector', t => {
	const {file} = randomImage(t, 512);
	assert.equal(work(openTestLab(t, {disk: file, policy: 'keep'}), 20).landed, 20 * 512);
});

test('an impossible workload is refused with a message', t => {
	const lab = quickLab(t);
	const refused = (command: Comparable, message: RegExp, ...entries: (typeof lab.check)[]) => {
		for (const enter of entries) assert.throws(() => enter(command), {constructor: UserError, message});
	};
	const check = lab.check.bind(lab);
	const dispatch = lab.dispatch.bind(lab);
	refused({do: 'work', count: 0}, /count is 0; expected an integer from 1 to 10000/, check);
	refused({do: 'work', count: 10_001}, /count/, check);
	refused({do: 'work', count: 1, writes: 101}, /writes is 101; expected an integer from 0 to 100/, check);
	refused({do: 'work', count: 1, writes: 1}, /open read-only/, check, dispatch);
	for (const vm of ['vm0', 'vm1']) lab.dispatch({do: 'destroy', vm});
	refused({do: 'work', count: 1}, /There is no guest to work/, check, dispatch);
});

test('memory use does not grow with the length of a workload', t => {
	setFlagsFromString('--expose-gc');
	const gc: () => void = runInNewContext('gc');
	const lab = quickLab(t);
	const random = seededRandom(1);
	const used = () => {
		gc();
		const {heapUsed, external} = process.memoryUsage();
		return heapUsed + external;
	};
	lab.workload.start({rate: 1000});
	const run = (ms: number) => {
		for (let passed = 0; passed < ms; ) {
			const step = 5 + random() * 10;
			lab.workload.tick(step);
			passed += step;
		}
	};
	// Until the log of transfers is full.
	run(11_000);
	const before = used();
	run(6_000);
	const grown = used() - before;
	assert.ok(grown < MIB, `${grown} bytes more`);
});
