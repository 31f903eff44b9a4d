import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {libc} from '../../source/system/libc.js';
import {folder, MIB, randomImage} from '../helpers/lab.js';

const DIST = path.resolve(import.meta.dirname, '../../dist');

/** The built program, as `npm pack` lays it out. */
function dmascope(dist: string, ...args: string[]) {
	const {stderr, status} = spawnSync(process.execPath, [path.join(dist, 'cli.js'), '--json', ...args], {
		encoding: 'utf8',
		maxBuffer: 2 ** 26,
	});
	return {stderr, status};
}

test('the built program finds koffi, and writes a disk', t => {
	const {file} = randomImage(t, MIB);
	assert.deepEqual(dmascope(DIST, '--disk', file, '--writable'), {stderr: '', status: 0});
});

test('without koffi, --writable says what to install; everything else works', t => {
	const {file} = randomImage(t, MIB);
	const alone = path.join(folder(t), 'dist');
	fs.cpSync(DIST, alone, {recursive: true});
	fs.writeFileSync(path.join(alone, 'package.json'), '{"type": "module"}');
	assert.deepEqual(dmascope(alone, '--disk', file, '--writable'), {
		stderr: `dmascope: --writable needs the package koffi to lock --disk ${file}; run npm install koffi, or use --overlay.\n`,
		status: 2,
	});
	for (const args of [[], ['--writable'], ['--disk', file], ['--disk', file, '--overlay']])
		assert.deepEqual(dmascope(alone, ...args), {stderr: '', status: 0}, args.join(' '));
});

test('a failed system call throws the name of its errno', () => {
	assert.throws(() => libc()?.flock(-1, 2), {code: 'EBADF'});
	assert.throws(() => libc()?.fcntl(-1, 1, 0), {code: 'EBADF'});
	const stdin = 0;
	assert.throws(() => libc()?.ioctl(stdin, 0x4c05, new BigUint64Array(29)), {code: /^E(NOTTY|BADF|INVAL)$/});
});
