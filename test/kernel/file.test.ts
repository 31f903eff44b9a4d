import assert from 'node:assert/strict';
import fs from 'node:fs';
import {type TestContext, test} from 'node:test';
import {Disk} from '../../source/hardware/disk.js';
import type {ProbeEvent} from '../../source/hardware/probe.js';
import {OpenFile} from '../../source/kernel/file.js';
import {Machine} from '../../source/lab/build/machine.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import {MIB, randomImage} from '../helpers/lab.js';

/** An open file, and a guest under `remove`, whose pages no host device can reach. */
function setUp(t: TestContext, writable = false) {
	const {file, content} = randomImage(t, 2 * MIB + 100 * 512);
	const disk = Disk.open(file, {writable, direct: false});
	t.after(() => disk.close());
	const machine = new Machine({...defaultSpec(64 * MIB), policy: 'remove'}, disk);
	const {map} = machine.guests[0].vm;
	const open = new OpenFile(disk, machine.memory);
	const events: ProbeEvent[] = [];
	machine.listen(event => events.push(event));
	open.probe = event => events.push(event);
	return {open, map, file, content, events};
}

test('one call fills scattered buffers of any length, without IOMMU or device', t => {
	const {open, map, content, events} = setUp(t);
	// More parts than one real system call takes.
	const iovec = Array.from({length: 1500}, (_, i) => ({
		pointer: 0x100000 + i * 8000,
		bytes: 1 + ((i * 37) % 1399),
	}));
	const total = iovec.reduce((sum, {bytes}) => sum + bytes, 0);
	assert.deepEqual(open.transfer(map, iovec, 77, false), {bytes: total});
	const there = Buffer.concat(iovec.map(({pointer, bytes}) => map.read(pointer, bytes)));
	assert.ok(there.equals(content.subarray(77, 77 + total)));
	assert.deepEqual(events, [
		{at: 'file', bytes: total},
		{at: 'syscall', name: 'preadv', offset: 77, bytes: total, result: total, error: undefined},
	]);
});

test('a read ends at the end of the file, or at an address outside memory', t => {
	const {open, map, content} = setUp(t);
	const end = content.length;
	const segment = (pointer: number, bytes = 4096) => ({pointer, bytes});
	assert.deepEqual(open.transfer(map, [segment(0x100000), segment(0x200000)], end - 5000, false), {
		bytes: 5000,
	});
	assert.ok(content.subarray(-904).equals(map.read(0x200000, 904)));
	// Nothing is moved past the end of the file, so the last address is not checked.
	assert.deepEqual(open.transfer(map, [segment(0x100000), segment(16 * MIB)], end - 4096, false), {
		bytes: 4096,
	});
	assert.deepEqual(open.transfer(map, [segment(0x100000)], end, false), {bytes: 0});
	assert.deepEqual(open.transfer(map, [segment(0x100000)], 2 ** 60, false), {bytes: 0});
	assert.deepEqual(open.transfer(map, [segment(0x100000)], -512, false), {bytes: 0, errno: 'EINVAL'});
	assert.deepEqual(open.transfer(map, [segment(0x100000), segment(16 * MIB)], 512, false), {
		bytes: 4096,
		errno: 'EFAULT',
	});
	assert.ok(content.subarray(512, 512 + 4096).equals(map.read(0x100000, 4096)));
});

test('a write changes only its range and never the size of the file', t => {
	const {open, map, file, content} = setUp(t, true);
	map.write(0x100000, new Uint8Array(700).fill(7));
	assert.deepEqual(open.transfer(map, [{pointer: 0x100000, bytes: 700}], 1000, true), {bytes: 700});
	assert.equal(
		open.transfer(map, [{pointer: 0x100000, bytes: 700}], content.length - 699, true).errno,
		'ENOSPC',
	);
	assert.equal(open.flush(), undefined);
	assert.equal(open.canDelete, false, 'stable/13 has no fspacectl');
	assert.equal(open.delete(512 * 8, 1024), undefined);
	assert.equal(open.delete(-1, 1024), 'EINVAL');
	const want = Buffer.from(content).fill(7, 1000, 1700).fill(0, 4096, 5120);
	assert.ok(fs.readFileSync(file).equals(want));
});

test('a file opened read-only cannot be flushed, and a shrunken file ends earlier', t => {
	const {open, map, file} = setUp(t);
	assert.equal(open.flush(), 'ENOTCAPABLE');
	fs.truncateSync(file, 4096);
	assert.deepEqual(open.transfer(map, [{pointer: 0x100000, bytes: 8192}], 1024, false), {bytes: 3072});
});
