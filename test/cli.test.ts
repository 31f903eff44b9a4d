import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import pty from '@lydell/node-pty';
import {folder} from './helpers/lab.js';

const CLI = path.resolve(import.meta.dirname, '../dist/cli.js');

function run(...args: string[]) {
	const {stdout, stderr, status} = spawnSync(process.execPath, [CLI, ...args], {
		encoding: 'utf8',
		maxBuffer: 2 ** 26,
	});
	return {stdout, stderr, status};
}

test('in a pipe: a snapshot as text, as JSON, and a scenario', () => {
	const text = run();
	assert.equal(text.status, 0);
	assert.match(text.stdout, /^dmascope lab · vt-d · policy remove/);
	const json = run('--json', '--policy', 'keep');
	assert.equal(json.status, 0);
	assert.deepEqual(
		JSON.parse(json.stdout).domains.map(({id, mappedPages}: {id: number; mappedPages: number}) => [
			id,
			mappedPages,
		]),
		[
			[1, 65536],
			[2, 16384],
		],
	);
	const scenario = run('run', 'pr-260178', '--json');
	assert.deepEqual([scenario.status, scenario.stderr], [0, '']);
	assert.equal(run('run', 'pr-260178', '--json').stdout, scenario.stdout);
});

test('a broken expectation: exit 1, and which, on stderr', t => {
	const file = path.join(folder(t), 's.yaml');
	fs.writeFileSync(file, 'steps:\n  - read: {vm: vm0}\n    expect: {data: delivered}\n');
	const {status, stderr, stdout} = run('run', file);
	assert.equal(status, 1);
	assert.equal(stderr, `${file}:2: step 1, read vm0 LBA 0 ×8 in 1: data was to be delivered and is lost\n`);
	assert.match(stdout, /0 of 1 expectations held/);
});

const WRONG: [string[], RegExp][] = [
	[['--colour'], /There is no flag --colour; dmascope --help/],
	[['-x'], /There is no flag -x/],
	[['fly'], /There is no command "fly"/],
	[['run'], /run takes one scenario/],
	[['run', 'nope'], /There is no scenario nope/],
	[['--host-memory', '1K'], /1K is too small/],
	[['--host-memory', 'banana'], /banana is not a size/],
	[['--host-memory', '100000001K'], /is not a whole number of megabytes/],
	[['--host-memory', '9000G'], /more than the lab can build/],
	[['--policy', 'kepp'], /--policy kepp is none; it may be remove, keep, bounce/],
	[['--disk', '/nope/there'], /There is no \/nope\/there; check/],
	[['--disk', '/'], /is a directory/],
	[['--disk'], /--disk needs a value/],
	[['--policy'], /--policy needs a value/],
	[['--host-memory', '--json'], /--host-memory needs a value/],
	[['--policy', 'keep', '--policy', 'bounce'], /--policy is given 2 times; give it once/],
	[['--json=banana'], /--json takes no value/],
	[['--root', '/'], /--root and --capture are for dmascope host/],
	[['host', 'there'], /host takes no words/],
	[['host', '--root', '/nope'], /--root \/nope: .*name a folder, or a file that --capture has made/],
	[['host', '--root', '/dev/zero'], /--root \/dev\/zero: it is neither a folder nor a file/],
	[['host', '--root', '/bin/sh'], /--root \/bin\/sh: It is no tar file/],
	[['host', '--capture', '/nope/a.tar'], /--capture \/nope\/a.tar: .*name a file that can be written/],
];
for (const [args, message] of WRONG) {
	test(`dmascope ${args.join(' ')}: one sentence, exit 2`, () => {
		const {status, stderr, stdout} = run(...args);
		assert.equal(status, 2);
		assert.match(stderr, message);
		assert.match(stderr, /^dmascope: [^\n]+\n$/);
		assert.equal(stdout, '');
	});
}

test('this host, its capture, and the capture looked at', t => {
	const file = path.join(folder(t), 'host.tar');
	const kept = run('host', '--capture', file);
	assert.deepEqual([kept.status, kept.stderr], [0, '']);
	assert.match(kept.stdout, /\/sys\/class\/iommu/);
	const text = run('host');
	assert.match(text.stdout, /^dmascope host · Linux \d/);
	assert.equal(run('host', '--root', file).stdout, text.stdout);
	assert.equal(JSON.parse(run('host', '--json').stdout).units.length >= 0, true);
});

test('a reader that closes the pipe early is no error', () => {
	const {stderr, status} = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" --json | head -n 1`], {
		encoding: 'utf8',
	});
	assert.deepEqual([stderr, status], ['', 0]);
});

type Terminal = {
	output: () => string;
	until: (what: string, from?: number) => Promise<void>;
	child: pty.IPty;
	exit: Promise<{exitCode: number; signal?: number}>;
};

const terminal = (t: TestContext, ...args: string[]): Terminal => start(t, process.execPath, [CLI, ...args]);

function start(t: TestContext, program: string, args: string[]): Terminal {
	const child = pty.spawn(program, args, {
		cols: 80,
		rows: 24,
		name: 'xterm-256color',
		env: {...process.env, CI: ''},
	});
	let output = '';
	child.onData(data => {
		output += data;
	});
	const exit = new Promise<{exitCode: number; signal?: number}>(resolve => child.onExit(resolve));
	t.after(() => child.kill('SIGKILL'));
	return {
		child,
		exit,
		output: () => output,
		until: async (what, from = 0) => {
			for (let waited = 0; !output.includes(what, from); waited += 20) {
				assert.ok(waited < 10_000, `waiting for ${what} in ${JSON.stringify(output.slice(-500))}`);
				await new Promise(resolve => setTimeout(resolve, 20));
			}
		},
	};
}

/** The alternate screen was entered and left, and the cursor is back. */
function assertRestored(output: string): void {
	assert.ok(output.lastIndexOf('\x1b[?1049l') > output.lastIndexOf('\x1b[?1049h'), 'alternate screen left');
	assert.ok(output.lastIndexOf('\x1b[?25h') > output.lastIndexOf('\x1b[?25l'), 'cursor shown');
}

for (const [how, leave, code] of [
	['q', (child: pty.IPty) => child.write('q'), 0],
	['Ctrl-C', (child: pty.IPty) => child.write('\x03'), 0],
	['SIGTERM', (child: pty.IPty) => child.kill('SIGTERM'), undefined],
] as const) {
	test(`in a real terminal: Enter loses the read, and ${how} gives the terminal back`, async t => {
		const {child, exit, output, until} = terminal(t);
		await until('quit');
		child.write('\r');
		await until('LOST');
		leave(child);
		const {exitCode} = await exit;
		if (code !== undefined) assert.equal(exitCode, code);
		assertRestored(output());
		if (code === 0) assert.match(output(), /dmascope: 5 transfers: 3 delivered, 2 lost/);
	});
}

test('Ctrl-Z hands the terminal to the shell, through sh as npm has it, and fg draws the dashboard again', async t => {
	const {child, output, until} = start(t, 'bash', ['--norc', '--noprofile', '-i']);
	child.write(`sh -c '"${process.execPath}" "${CLI}"; exit $?'\r`);
	await until('quit');
	child.write('\x1a');
	await until('Stopped');
	assertRestored(output());
	const before = output().length;
	// What the stopped dashboard is not told of: at 80 columns there is no room for this.
	child.resize(120, 40);
	child.write('fg\r');
	await until('49,152 pages · 16,384 removed', before);
	child.write('q');
	await until('dmascope: 4 transfers', before);
	assertRestored(output());
});

test('Ctrl-Z where no shell could bring it back does nothing, were it pressed twice', async t => {
	const {child, exit, output, until} = terminal(t);
	await until('quit');
	child.write('\x1a\x1a');
	await new Promise(resolve => setTimeout(resolve, 300));
	child.write('q');
	assert.equal((await exit).exitCode, 0);
	assertRestored(output());
});

test('output that cannot be written is a sentence', t => {
	if (!fs.existsSync('/dev/full')) return t.skip('no /dev/full here');
	const {stderr, status} = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" > /dev/full`], {
		encoding: 'utf8',
	});
	assert.match(stderr, /^dmascope: the output cannot be written: [^\n]*\n$/);
	assert.equal(status, 2);
});

test('a scenario says for how much memory it is written', () => {
	const {status, stderr} = run('run', 'pr-260178', '--host-memory', '512M');
	assert.equal(status, 2);
	assert.match(stderr, /it is written for a host of 256M; run it with --host-memory 256M/);
});

test('a writable sample is a copy that leaves nothing behind', t => {
	const cache = folder(t);
	const {status} = spawnSync(process.execPath, [CLI, '--json', '--writable'], {
		env: {...process.env, XDG_CACHE_HOME: cache},
	});
	assert.equal(status, 0);
	assert.deepEqual(fs.readdirSync(path.join(cache, 'dmascope')), ['sample-disk-1.img']);
});

test('NO_COLOR: the dashboard has none, and what is chosen can still be seen', async t => {
	process.env.NO_COLOR = '1';
	t.after(() => delete process.env.NO_COLOR);
	const {child, exit, output, until} = terminal(t);
	await until('quit');
	child.write('q');
	await exit;
	// \x1b[…m: bold, underlined, inverse, and their ends are no colours, and are needed to see what is chosen.
	const styles = output()
		.split('\x1b[')
		.slice(1)
		.flatMap(sequence => /^([0-9;]*)m/.exec(sequence)?.[1]?.split(';') ?? []);
	assert.ok(styles.includes('7'));
	assert.deepEqual(
		styles.filter(style => !['', '0', '1', '4', '7'].includes(style)),
		[],
	);
});
