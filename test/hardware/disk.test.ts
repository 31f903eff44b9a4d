import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {Disk} from '../../source/hardware/disk.js';
import {UserError} from '../../source/user-error.js';
import {folder, randomImage} from '../helpers/lab.js';

/** The sentence that opening a path gives. */
function refusal(file: string, writable = false): string {
	try {
		Disk.open(file, {writable}).close();
	} catch (error) {
		assert.ok(error instanceof UserError, String(error));
		return error.message;
	}
	return '';
}

test('what is no disk is refused with one sentence that names it', t => {
	const dir = folder(t);
	const file = (name: string, bytes: number) => {
		fs.writeFileSync(path.join(dir, name), Buffer.alloc(bytes));
		return path.join(dir, name);
	};
	assert.match(refusal(path.join(dir, 'missing')), /^There is no .*missing; check/);
	assert.match(refusal(path.join(file('f', 512), 'below')), /^There is no/);
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

const loop = (...args: string[]) => execFileSync('losetup', args, {encoding: 'utf8', stdio: 'pipe'}).trim();

/** Loop devices need root and a kernel that has them; without, this says so and is skipped. */
function loopDevice(file: string): string | undefined {
	try {
		return loop('--show', '-f', file);
	} catch {
		return undefined;
	}
}

test('a block device is read whole; mounted, it is never opened for writing, nor the image behind it', t => {
	const dir = folder(t);
	const image = path.join(dir, 'fs.img');
	fs.writeFileSync(image, Buffer.alloc(4 * 1024 * 1024));
	const device = loopDevice(image);
	if (device === undefined) return t.skip('no loop device can be had here');
	t.after(() => loop('-d', device));
	execFileSync('mkfs.ext4', ['-q', device], {stdio: 'pipe'});
	const disk = Disk.open(device);
	assert.equal(disk.bytes, 4 * 1024 * 1024);
	disk.close();

	assert.match(refusal(image, true), new RegExp(`the image behind ${device}`));
	const mount = path.join(dir, 'mnt');
	fs.mkdirSync(mount);
	execFileSync('mount', [device, mount]);
	try {
		assert.match(refusal(device, true), /is mounted at .*mnt, and a disk in use is never written/);
		assert.equal(refusal(device), '');
	} finally {
		execFileSync('umount', [mount]);
	}
	assert.equal(refusal(device, true), '');
});
