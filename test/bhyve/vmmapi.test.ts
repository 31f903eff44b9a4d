import assert from 'node:assert/strict';
import {test} from 'node:test';
import {NULL} from '../../source/bhyve/vmmapi.js';
import {GIB} from '../../source/formats/address.js';
import {Disk} from '../../source/hardware/disk.js';
import {Machine} from '../../source/lab/build/machine.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import {MIB, randomImage} from '../helpers/lab.js';

test('a GPA has a pointer if its whole range is memory: below 3 GiB, or from 4 GiB on', t => {
	const disk = Disk.open(randomImage(t, MIB).file);
	t.after(() => disk.close());
	const [guest] = new Machine({...defaultSpec(16 * GIB), policy: 'keep'}, disk).guests;
	const {ctx} = guest.device;
	for (const [gpa, bytes] of [
		[0, 0],
		[0, 3 * GIB],
		[3 * GIB - 1, 1],
		[3 * GIB - 1, 0],
		[4 * GIB, GIB],
		[5 * GIB - 512, 512],
	]) {
		const pointer = ctx.mapGpa(gpa, bytes);
		assert.notEqual(pointer, NULL, `${gpa}+${bytes}`);
		assert.equal(ctx.gpaOf(pointer), gpa);
	}
	for (const [gpa, bytes] of [
		[3 * GIB, 0],
		[3 * GIB - 1, 2],
		[4 * GIB - 1, 1],
		[4 * GIB, GIB + 1],
		[5 * GIB, 0],
		[0, 2 ** 32 - 1],
		[2 ** 64 - 512, 512],
	]) {
		assert.equal(ctx.mapGpa(gpa, bytes), NULL, `${gpa}+${bytes}`);
	}
	assert.equal(ctx.gpaOf(NULL), undefined);
});
