import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {entriesOf, type TarEntry, tarOf} from '../../../source/live/host/tar.js';
import {UserError} from '../../../source/user-error.js';
import {folder} from '../../helpers/lab.js';

const LONG = `/sys/devices/${'pci0000:00/'.repeat(20)}vendor`;
const ENTRIES: TarEntry[] = [
	{path: '/proc/1/fd', kind: 'file', text: '', readable: false},
	{path: '/sys/class/iommu', kind: 'directory', text: '', readable: true},
	{path: '/sys/kernel/iommu_groups/1/devices/0000:00:01.0', kind: 'link', text: '../a', readable: true},
	{path: '/sys/link', kind: 'link', text: LONG, readable: true},
	{path: LONG, kind: 'file', text: '0x8086\n', readable: true},
	{path: '/block', kind: 'file', text: 'x'.repeat(512), readable: true},
];

test('what is put in comes out', () => {
	assert.deepEqual(entriesOf(tarOf(ENTRIES)), ENTRIES);
});

test('the system’s tar unpacks it, and what that packs is read', t => {
	const place = folder(t);
	const file = path.join(place, 'a.tar');
	fs.writeFileSync(file, tarOf(ENTRIES));
	const out = path.join(place, 'out');
	fs.mkdirSync(out);
	execFileSync('tar', ['xf', file, '-C', out]);
	assert.equal(fs.readFileSync(path.join(out, LONG), 'utf8'), '0x8086\n');
	assert.equal(fs.readlinkSync(path.join(out, 'sys/link')), LONG);
	assert.equal(fs.statSync(path.join(out, 'proc/1/fd')).mode & 0o777, 0);
	for (const format of ['ustar', 'gnu']) {
		const short = format === 'ustar' ? ['block', 'sys/class'] : ['.'];
		execFileSync('tar', [`--format=${format}`, '-cf', file, '-C', out, ...short]);
		const found = entriesOf(fs.readFileSync(file));
		assert.equal(found.find(({path}) => path === '/block')?.text, 'x'.repeat(512));
		assert.equal(found.find(({path}) => path === '/sys/class/iommu')?.kind, 'directory');
		if (format === 'gnu') assert.equal(found.find(({path}) => path === '/sys/link')?.text, LONG);
	}
});

test('what is no tar file, or a damaged one, is refused with a sentence or read as far as it goes', () => {
	assert.throws(() => entriesOf(Buffer.alloc(2048, 'not a tar file ')), UserError);
	assert.deepEqual(entriesOf(Buffer.alloc(0)), []);
	const good = tarOf(ENTRIES);
	assert.throws(() => entriesOf(good.subarray(0, good.length - 1536)), UserError);
	fc.assert(
		fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
			const bad = Buffer.from(good);
			bad[at] = byte;
			try {
				entriesOf(bad);
			} catch (error) {
				assert.ok(error instanceof UserError, String(error));
			}
		}),
		{seed: 20261122, numRuns: 500},
	);
});
