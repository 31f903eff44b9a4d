import assert from 'node:assert/strict';
import fs from 'node:fs';
import {test} from 'node:test';
import type {Lab} from '../../../source/lab/lab.js';
import type {DiskCommand} from '../../../source/machine/command.js';
import type {Comparable} from '../../../source/machine/workload.js';
import {UserError} from '../../../source/user-error.js';
import {type LabSetup, MIB, openTestLab, randomImage} from '../../helpers/lab.js';

const GUEST = 16384;
const SMALL: LabSetup = {hostMemory: 64 * MIB};

const readOf = (lab: Lab, more: Partial<DiskCommand> = {}): DiskCommand => ({
	do: 'read',
	vm: 'vm0',
	lba: 0,
	sectors: 64,
	segments: 1,
	gpa: lab.defaultGpa,
	...more,
});

/** The comparison without the measured time, which is checked. */
const all = (lab: Lab, command: Comparable) => [...lab.compare(command)];
const compared = (lab: Lab, command: Comparable) =>
	all(lab, command).map(({measuredMs, ...rest}) => {
		assert.ok(measuredMs > 0 && measuredMs < 10_000, `${measuredMs}`);
		return rest;
	});

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: a read of one segment is lost under remove, direct under keep, and bounced under bounce`, t => {
		const lab = openTestLab(t, {iommu});
		const same = {bytes: 32768, landed: 32768, copied: 0, faults: 0};
		const removed = {hostReach: GUEST, missing: GUEST};
		assert.deepEqual(compared(lab, readOf(lab)), [
			{policy: 'remove', ...removed, ...same, data: 'lost', path: 'direct', landed: 0, faults: 8},
			{policy: 'keep', hostReach: 2 * GUEST, missing: 0, ...same, data: 'delivered', path: 'direct'},
			{policy: 'bounce', ...removed, ...same, data: 'delivered', path: 'bounced', copied: 32768},
		]);
	});

	test(`${iommu}: a workload has the same result each time under each policy`, t => {
		const lab = openTestLab(t, {...SMALL, iommu});
		const [remove, keep, bounce] = compared(lab, {do: 'work', count: 100});
		assert.deepEqual([remove.data, keep.data, bounce.data], ['lost', 'delivered', 'delivered']);
		assert.deepEqual([remove.bytes, bounce.bytes], [keep.bytes, keep.bytes]);
		assert.ok((remove.landed ?? 0) < (keep.landed ?? 0) && remove.faults > 0 && keep.faults === 0);
		assert.ok(keep.copied < bounce.copied && bounce.copied === bounce.bytes);
		assert.deepEqual([keep.path, bounce.path], ['direct', 'bounced']);
		assert.deepEqual(compared(lab, {do: 'work', count: 100}), [remove, keep, bounce]);
	});
}

test('a read of four segments is bounced under every policy', t => {
	const lab = openTestLab(t, SMALL);
	for (const {data, path, copied} of compared(lab, readOf(lab, {segments: 4})))
		assert.deepEqual([data, path, copied], ['delivered', 'bounced', 32768]);
});

test("under every policy the CPU copies a file, and a passthru device's own DMA arrives", t => {
	const guest = {name: 'vm0', memory: 16 * MIB, wired: true, passthru: ['ppt0']};
	const lab = openTestLab(t, {...SMALL, guests: [{...guest, model: 'virtio-blk', disk: 'file'}]});
	for (const {data, path, copied} of compared(lab, readOf(lab)))
		assert.deepEqual([data, path, copied], ['delivered', 'copied', 32768]);
	const dma = {do: 'dma', device: 'ppt0', access: 'write', gpa: MIB, bytes: 8192} as const;
	for (const {data, faults} of compared(lab, dma)) assert.deepEqual([data, faults], ['delivered', 0]);
});

test('the comparison uses the current guests and devices', t => {
	const lab = openTestLab(t, SMALL);
	lab.dispatch({do: 'unbind', vm: 'vm0', device: 'ppt0'});
	lab.dispatch({do: 'destroy', vm: 'vm1'});
	const policies = compared(lab, readOf(lab));
	assert.deepEqual(new Set(policies.map(({data}) => data)), new Set(['delivered']));
	assert.deepEqual(
		policies.map(({hostReach, missing}) => [hostReach, missing]),
		Array.from({length: 3}, () => [4096, 0]),
	);
	assert.throws(() => all(lab, readOf(lab, {vm: 'vm1'})), UserError);
});

test('a comparison does not change the current machine', t => {
	const lab = openTestLab(t, SMALL);
	const [before, held] = [lab.state(), lab.guestBytes('vm0', 0, 16 * MIB)];
	all(lab, readOf(lab));
	all(lab, {do: 'work', count: 50});
	assert.equal(lab.state(), before);
	assert.ok(Buffer.from(lab.guestBytes('vm0', 0, 16 * MIB)).equals(held));
	const [left, right] = [lab, openTestLab(t, SMALL)].map(each => each.dispatch({do: 'work', count: 50}));
	assert.deepEqual(left, right);
});

test('a write is compared only on a writable disk, and does not change it', t => {
	const {file, content} = randomImage(t, 2 * MIB);
	const only = openTestLab(t, {...SMALL, disk: file});
	assert.throws(() => only.compare(readOf(only, {do: 'write'})), {message: /open read-only/});
	const lab = openTestLab(t, {...SMALL, disk: file, writable: true});
	const words = (command: DiskCommand) => compared(lab, command).map(({data, path}) => `${data} ${path}`);
	assert.deepEqual(words(readOf(lab, {do: 'write', lba: 100})), [
		'lost direct',
		'delivered direct',
		'delivered bounced',
	]);
	assert.equal(all(lab, readOf(lab, {do: 'delete', lba: 200}))[0].data, 'delivered');
	assert.ok(fs.readFileSync(file).equals(content));
	assert.throws(() => all(lab, {do: 'work', count: 5, writes: 5}), {
		message: /with writes cannot be compared/,
	});
});

test('without an IOMMU all pages are reachable and all bytes arrive', t => {
	const lab = openTestLab(t, {
		...SMALL,
		iommu: 'none',
		guests: [{name: 'vm0', memory: 16 * MIB, wired: true, model: 'virtio-blk', disk: 'ada0', passthru: []}],
	});
	for (const {data, hostReach, missing} of compared(lab, readOf(lab)))
		assert.deepEqual([data, hostReach, missing], ['delivered', 4096, 0]);
	assert.equal(lab.state().counters, undefined);
});
