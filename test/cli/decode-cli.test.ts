// dmascope decode as a program: pipes, exit codes, signals. It needs dist/ (npm run build).

import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {folder} from '../helpers/lab.js';
import {CLI} from '../helpers/program.js';

const LINE =
	'[    1.587809] DMAR: [DMA Write NO_PASID] Request device [05:00.0] fault addr 0x69974000 [fault reason 0x05] PTE Write access is not set\n';

const run = (args: string[], input = '') =>
	spawnSync(process.execPath, [CLI, 'decode', ...args], {encoding: 'utf8', input, maxBuffer: 2 ** 26});

test('a log from a pipe: exit 0, no colour, all of it on stdout', () => {
	const {stdout, stderr, status} = run([], LINE);
	assert.deepEqual([status, stderr], [0, '']);
	assert.match(stdout, /^05:00\.0: DMA write refused\n/);
	assert.ok(!stdout.includes('\x1b'));
	assert.equal(run([], 'hello\n').status, 0);
});

test('the same log prints the same bytes', () => {
	assert.equal(run(['--json'], LINE.repeat(100)).stdout, run(['--json'], LINE.repeat(100)).stdout);
});

test('what is wrong: one sentence, exit 2', () => {
	for (const args of [['/nope'], ['a', 'b'], ['--follow=yes']]) {
		const {status, stderr, stdout} = run(args);
		assert.deepEqual([status, stdout], [2, '']);
		assert.match(stderr, /^dmascope: [^\n]+\n$/);
	}
});

test('a reader that closes the pipe early causes no error', () => {
	const lines = Array.from({length: 2000}, (_, i) =>
		LINE.replace(
			'05:00.0',
			`${(i & 0xff).toString(16).padStart(2, '0')}:${(i >> 8).toString(16).padStart(2, '0')}.0`,
		),
	);
	const {stderr, status} = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" decode | head -n 1`], {
		encoding: 'utf8',
		input: lines.join(''),
	});
	assert.deepEqual([status, stderr], [0, '']);
});

test('followed, ^C ends it with what there was: exit 0', async t => {
	const file = path.join(folder(t), 'kern.log');
	fs.writeFileSync(file, LINE);
	const child = spawn(process.execPath, [CLI, 'decode', '--follow', file], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let out = '';
	child.stdout.setEncoding('utf8');
	const ended = new Promise<number | null>(resolve => child.on('close', resolve));
	for await (const piece of child.stdout) {
		if (out === '') child.kill('SIGINT');
		out += piece;
	}
	assert.equal(await ended, 0);
	assert.match(out, /\n1 fault of 1 kind\.\n$/);
});
