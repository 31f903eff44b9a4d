import assert from 'node:assert/strict';
import {test} from 'node:test';
import {BlockIf} from '../../../source/bhyve/block-if.js';
import {VirtioBlk} from '../../../source/bhyve/virtio-blk.js';
import {Vtblk} from '../../../source/guest/vtblk.js';
import {Disk} from '../../../source/hardware/disk.js';
import type {ProbeEvent} from '../../../source/hardware/probe.js';
import {OpenFile} from '../../../source/kernel/file.js';
import {Machine} from '../../../source/lab/build/machine.js';
import {defaultSpec} from '../../../source/lab/build/spec.js';
import {diskChain, pathOf} from '../../../source/lab/judge/chain.js';
import {MIB, randomImage} from '../../helpers/lab.js';

test('with a file as disk the chain has no driver, controller or IOMMU, and nothing is lost', t => {
	const {file, content} = randomImage(t, MIB);
	const disk = Disk.open(file, {direct: false});
	t.after(() => disk.close());
	const machine = new Machine({...defaultSpec(64 * MIB), policy: 'remove'}, disk);
	const [{vm, device: blk}] = machine.guests;
	const backing = new OpenFile(disk, machine.memory);
	const blockIf = new BlockIf(blk.ctx, backing, machine.pages, true, '4:0');
	const device = new VirtioBlk(blk.ctx, blockIf, 'file');
	const driver = new Vtblk(vm, device);
	const events: ProbeEvent[] = [];
	for (const layer of [backing, blockIf, device]) layer.probe = event => events.push(event);
	machine.listen(event => events.push(event));
	const segments = [
		{gpa: 0x200000, bytes: 4096},
		{gpa: 0x400000, bytes: 4096},
	];
	const answer = driver.request({op: 'read', sector: 8, segments, sectors: 16});
	assert.equal(pathOf(events), 'copied');
	assert.deepEqual(
		diskChain(events, {op: 'read', bytes: 8192, landed: 8192, answers: [answer]}).map(({place, full}) => [
			place,
			full,
		]),
		[
			['guest', '4 descriptors, 2 segments; status OK'],
			['bhyve', 'iovec with 2 segments; one call, copied by the kernel'],
			['preadv', 'returns 8,192 of 8,192'],
			['file', 'the CPU copies 8,192 bytes between the page cache and guest memory'],
			['memory', 'all 8,192 bytes arrived'],
		],
	);
	const there = Buffer.concat(segments.map(({gpa, bytes}) => vm.map.read(gpa, bytes)));
	assert.ok(there.equals(content.subarray(4096, 12288)));
});
