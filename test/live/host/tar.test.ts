import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {entriesOf, isCapture, type TarEntry, tarOf} from '../../../source/live/host/tar.js';
import {UserError} from '../../../source/user-error.js';
import {folder} from '../../helpers/lab.js';
import {soon} from '../../helpers/soon.js';

const LONG = `/sys/devices/${'pci0000:00/'.repeat(20)}vendor`;
const ENTRIES: TarEntry[] = [
	{path: '/proc/1/fd', kind: 'file', text: '', readable: false},
	{path: '/sys/class/iommu', kind: 'directory', text: '', readable: true},
	{path: '/sys/kernel/iommu_groups/1/devices/0000:00:01.0', kind: 'link', text: '../a', readable: true},
	{path: '/sys/link', kind: 'link', text: LONG, readable: true},
	{path: LONG, kind: 'file', text: '0x8086\n', readable: true},
	{path: '/block', kind: 'file', text: 'x'.repeat(512), readable: true},
];

test('entries survive a round trip', () => {
	assert.deepEqual(entriesOf(tarOf(ENTRIES)), ENTRIES);
});

test('the system’s tar unpacks a capture, and its own archives are read', t => {
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

/** A tar file with two entries of the given flags and contents, and sums that are right. */
function made(...parts: readonly {flag: string; content: string; name?: string}[]): Buffer {
	return Buffer.concat([
		...parts.map(({flag, content, name = 'proc/cmdline'}) => {
			const [whole] = [tarOf([{path: `/${name}`, kind: 'file', text: content, readable: true}])];
			whole.write(flag, 156, 'latin1');
			whole.write('        ', 148, 'latin1');
			const sum = whole.subarray(0, 512).reduce((total, byte) => total + byte, 0);
			whole.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
			return whole.subarray(0, -1024);
		}),
		Buffer.alloc(1024),
	]);
}

test('a tar file that is cut anywhere is refused', () => {
	for (const name of ['intel.tar', 'amd.tar']) {
		const whole = fs.readFileSync(path.join(import.meta.dirname, name));
		// As --capture ends it: with two blocks of zeros, and no more.
		const end = whole.findLastIndex(byte => byte !== 0) + 1;
		const closed = Math.ceil(end / 512) * 512 + 1024;
		assert.ok(entriesOf(whole.subarray(0, closed)).length > 100);
		const blocks = Array.from({length: closed / 512}, (_, i) => [512 * i, 512 * i + 511]).flat();
		const others = Array.from({length: 200}, (_, i) => (i * 104_729) % closed);
		for (const at of [...blocks, ...others])
			assert.throws(() => entriesOf(whole.subarray(0, at)), UserError, `${name} cut at ${at}`);
	}
});

test('anything after the end of a tar file, or in place of it, is refused', () => {
	const good = tarOf(ENTRIES);
	assert.equal(entriesOf(Buffer.concat([good, Buffer.alloc(8192)])).length, ENTRIES.length);
	assert.throws(() => entriesOf(Buffer.concat([good, good])), /cut short at byte/);
	assert.throws(
		() => entriesOf(Buffer.alloc(0), 'a.tar'),
		/^Error: a\.tar is empty; name a file written by --capture/,
	);
	for (const bytes of [511, 512, 1023])
		assert.throws(() => entriesOf(Buffer.alloc(bytes)), /damaged or cut short/);
	assert.throws(() => entriesOf(Buffer.alloc(2048, 'not a tar file ')), /is not a tar file/);
});

test('names written by pax(1) are read, and other kinds of files are refused', () => {
	const long = `sys/${'a'.repeat(150)}`;
	const record = `${`00 path=${long}\n`.length + 1} path=${long}\n`;
	const [entry] = entriesOf(
		made({flag: 'x', content: `19 mtime=1.5000000\n${record}`}, {flag: '0', content: 'y'}),
	);
	assert.deepEqual([entry.path, entry.text], [`/${long}`, 'y']);
	assert.throws(() => entriesOf(made({flag: '1', content: ''})), /not a file, folder or symbolic link/);
	for (const content of ['9', '99999 path=x', '4 a=\n', '-1 path=x\n', '12 =\n', '0 path=\n'.repeat(50)])
		assert.throws(
			() => entriesOf(made({flag: 'x', content}, {flag: '0', content: ''})),
			/cut short at byte 0/,
			content,
		);
});

test('paths have a limit, and so have entries', () => {
	const name = (bytes: number) =>
		entriesOf(made({flag: 'L', content: 'a'.repeat(bytes)}, {flag: '0', content: ''}));
	assert.equal(name(4096)[0].path.length, 4097);
	soon(8000, () => {
		for (const bytes of [4098, 65_536, 10_000_000])
			assert.throws(
				() => name(bytes),
				/has a path longer than 4,096 bytes at byte 0; capture the host again/,
			);
		assert.throws(
			() =>
				entriesOf(made({flag: 'x', content: `5000 path=${'a'.repeat(4989)}\n`}, {flag: '0', content: ''})),
			/has a path longer/,
		);
		const one = made({flag: '0', content: ''}).subarray(0, 512);
		const many = Buffer.concat([...Array.from({length: 2 ** 17 + 1}, () => one), Buffer.alloc(1024)]);
		assert.throws(() => entriesOf(many), /has more than 131,072 files; name a capture of one host/);
	});
});

test('a capture is recognised by its beginning', () => {
	assert.equal(isCapture(tarOf(ENTRIES).subarray(0, 1024)), true);
	assert.equal(isCapture(tarOf([{...ENTRIES[0], path: '/etc/passwd'}])), false);
	assert.equal(isCapture(Buffer.alloc(1024)), false);
	assert.equal(isCapture(Buffer.from('proc/')), false);
	const theirs = made({flag: '0', content: ''});
	theirs.write('00001750', 108);
	assert.equal(isCapture(theirs), false);
});

test('a damaged tar file is refused with a sentence, or read', () => {
	const good = tarOf(ENTRIES);
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
