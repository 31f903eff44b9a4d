import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {Disk} from '../../source/hardware/disk.js';
import {folder, MIB, randomImage} from '../helpers/lab.js';
import {Loops} from '../helpers/loops.js';
import {refusal} from '../helpers/refusal.js';

test('anything but a disk is refused with one sentence that names it', t => {
	const dir = folder(t);
	const file = (name: string, bytes: number) => {
		fs.writeFileSync(path.join(dir, name), Buffer.alloc(bytes));
		return path.join(dir, name);
	};
	assert.match(refusal(path.join(dir, 'missing')), /missing does not exist; check/);
	assert.match(refusal(path.join(file('f', 512), 'below')), /does not exist/);
	assert.match(refusal(dir), /is a directory; give a disk image/);
	assert.match(refusal('/dev/null'), /neither a file nor a block device/);
	assert.match(refusal(file('empty', 0)), /is empty; give an image/);
	assert.match(refusal(file('odd', 1000)), /1000 bytes, not a whole number.*truncate -s %512/);
});

test('a disk that is read-only stays closed to writes', t => {
	const {file} = randomImage(t, 8192);
	const disk = Disk.open(file);
	t.after(() => disk.close());
	assert.throws(() => disk.writev([new Uint8Array(512)], 0), {code: 'EBADF'});
});

test('transfers that O_DIRECT would refuse for their alignment are made all the same', t => {
	const {file, content} = randomImage(t, 65536);
	const disk = Disk.open(file);
	t.after(() => disk.close());
	const memory = new Uint8Array(new WebAssembly.Memory({initial: 1}).buffer);
	for (const [at, length] of [
		[0, 4096],
		[512, 512],
		[2, 1024],
		[4096, 32768],
	]) {
		memory.fill(0);
		assert.equal(disk.readv([memory.subarray(at, at + length)], 512), length);
		assert.equal(Buffer.compare(memory.subarray(at, at + length), content.subarray(512, 512 + length)), 0);
	}
});

test('a block device is read whole', t => {
	const loops = Loops.on(t);
	if (loops === undefined) return;
	const disk = Disk.open(loops.loop(loops.image('disk.img', 4 * MIB)));
	assert.equal(disk.bytes, 4 * MIB);
	disk.close();
});
