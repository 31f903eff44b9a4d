import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {parseMemoryMap, ramBlocks} from '../../../source/live/qemu/layout.js';
import {GuestRam} from '../../../source/live/qemu/memory.js';
import {Qmp} from '../../../source/live/qemu/qmp.js';
import {UserError} from '../../../source/user-error.js';
import {fakeQemu, GREETING} from '../../helpers/fake-qemu.js';
import {folder} from '../../helpers/lab.js';

/** As QEMU 7.2 prints a q35 of 3 GiB, shortened. */
const MTREE = `FlatView #0
 AS "nvme", root: bus master container
 Root memory region: vtd-01.0-dmar
  0000000000000000-ffffffffffffffff (prio 0, i/o): vtd-01.0-dmar

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-00000000000c2fff (prio 0, ram): m0 KVM
  00000000000c3000-00000000000e7fff (prio 0, rom): m0 @00000000000c3000 KVM
  00000000000e8000-000000007fffffff (prio 0, ram): m0 @00000000000e8000 KVM
  00000000b0000000-00000000bfffffff (prio 0, i/o): pcie-mmcfg-mmio
  00000000fed90000-00000000fed9022f (prio 0, i/o): intel_iommu
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
  0000000100000000-000000013fffffff (prio 0, ram): m0 @0000000080000000 KVM

FlatView #2
 AS "cpu-smm-0", root: memory
  0000000000000000-00000000000bffff (prio 0, ram): m0

`;

test('RAM is where QEMU lists it: below the hole and above 4 GiB', () => {
	const regions = parseMemoryMap(MTREE.replaceAll('\n', '\r\n'));
	assert.deepEqual(ramBlocks(regions, 'm0'), [
		{gpa: 0, bytes: 0x8000_0000, offset: 0},
		{gpa: 0x1_0000_0000, bytes: 0x4000_0000, offset: 0x8000_0000},
	]);
	assert.deepEqual(regions.find(({name}) => name === 'intel_iommu')?.gpa, 0xfed90000);
	assert.throws(() => parseMemoryMap('unknown command'), UserError);
});

type Backend = {share: boolean; type: string; file: string};

async function openRam(t: TestContext, {share, type, file}: Backend): Promise<GuestRam> {
	const mtree = MTREE.replace('007fffffff', '00000fffff').replace('@0000000080000000', '@0000000000100000');
	const answers: Record<string, unknown> = {type, 'mem-path': file};
	const socket = await fakeQemu(t, GREETING, ({execute, arguments: {property}}) => {
		const value =
			execute === 'query-memdev'
				? [{size: 4096}, {id: 'm0', share}]
				: execute === 'qom-get'
					? answers[String(property)]
					: mtree;
		return JSON.stringify({return: value});
	});
	const qmp = await Qmp.connect(socket);
	t.after(() => qmp.close());
	return GuestRam.open(qmp);
}

test('pages come only from their position in the file', async t => {
	const file = path.join(folder(t), 'ram');
	const words = new Uint32Array(0x200000 / 4).map((_, i) => i);
	fs.writeFileSync(file, words);
	const ram = await openRam(t, {share: true, type: 'memory-backend-file', file});
	t.after(() => ram.close());
	assert.equal(ram.page(0x5000)?.[1], 0x5000 / 4 + 1);
	assert.equal(ram.page(0x1_0000_5000)?.[1], 0x105000 / 4 + 1);
	assert.equal(ram.page(0xff000)?.length, 1024);
	for (const gpa of [0x100000, 0xfed90000, 0x1_0010_0000, 0x1_4000_0000, 2 ** 50]) {
		assert.equal(ram.page(gpa), undefined);
	}
	assert.equal(ram.read(0xff800, new Uint8Array(4096)), false);
});

test('a file that ends early is a sentence, not a signal; a closed one has no pages', async t => {
	const file = path.join(folder(t), 'ram');
	fs.writeFileSync(file, new Uint8Array(0x200000));
	const ram = await openRam(t, {share: true, type: 'memory-backend-file', file});
	fs.truncateSync(file, 0x10000);
	assert.equal(ram.read(0xf000, new Uint8Array(4096)), true);
	assert.throws(() => ram.read(0x10000, new Uint8Array(4096)), /is shorter than the guest's memory/);
	assert.equal(ram.page(0x10000), undefined);
	ram.close();
	assert.equal(ram.page(0xf000), undefined);
});

test('unreadable memory is a sentence that says how to fix it', async t => {
	const file = path.join(folder(t), 'none');
	const refused = (backend: Partial<Backend>, pattern: RegExp) =>
		assert.rejects(
			openRam(t, {share: true, type: 'memory-backend-file', file, ...backend}),
			(error: unknown) => error instanceof UserError && pattern.test(error.message),
		);
	await refused({type: 'memory-backend-ram'}, /not in a file; start QEMU with -object memory-backend-file/);
	await refused({share: false}, /add share=on\.$/);
	await refused({}, /cannot be read: ENOENT/);
	const fifo = path.join(path.dirname(file), 'fifo');
	execFileSync('mkfifo', [fifo]);
	await refused(
		{file: fifo},
		/fifo is a FIFO, not a regular file; start QEMU with -object memory-backend-file/,
	);
	await refused({file: '/dev/zero'}, /\/dev\/zero is a character device, not a regular file/);
});
