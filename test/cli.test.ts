import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import pty from '@lydell/node-pty';
import {assertHarmless} from './helpers/escapes.js';
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

test('a failed expectation: exit 1, with the expectation on stderr', t => {
	const file = path.join(folder(t), 's.yaml');
	fs.writeFileSync(file, 'steps:\n  - read: {vm: vm0}\n    expect: {data: delivered}\n');
	const {status, stderr, stdout} = run('run', file);
	assert.equal(status, 1);
	assert.equal(
		stderr,
		`${file}:2: step 1, read vm0 LBA 0, 8 sectors, 1 segment: expected data delivered, got lost\n`,
	);
	assert.match(stdout, /0 of 1 expectations held/);
});

const WRONG: [string[], RegExp][] = [
	[['--colour'], /Unknown option --colour; see --help\./],
	[['-x'], /Unknown option -x; see --help\./],
	[['fly'], /Unknown command fly; see --help\./],
	[['rnu', 'tour'], /Unknown command rnu; see --help\. Did you mean run\?/],
	[['-Z'], /Unknown option -Z; see --help\./],
	[['--jsno'], /Unknown option --jsno; see --help\. Did you mean --json\?/],
	[['--hostmemory', '64M'], /Unknown option --hostmemory; .* Did you mean --host-memory\?/],
	[
		['--junit', 'x.xml'],
		/--junit does not apply to the dashboard; use it with dmascope run or dmascope quiz\./,
	],
	[
		['run', 'tour', '--theme', 'dark'],
		/--theme does not apply to run; use it with dmascope, dmascope present/,
	],
	[['check', 'tour', '--watch'], /--watch does not apply to check; use it with dmascope run\./],
	[['scenarios', 'tour'], /scenarios takes no arguments; leave out "tour"/],
	[['--theme', 'nope'], /Unknown theme nope; use dark, light, colour-blind or plain\./],
	[['--theme', 'drak', '--json'], /Unknown theme drak; .* Did you mean dark\?/],
	[['--config', '/nope/there.yaml'], /\/nope\/there\.yaml does not exist; check the path after --config/],
	[['run', 'tour', '--policy', 'kepp'], /Unknown policy kepp; .* Did you mean keep\?/],
	[['run', 'tour', '--set', 'polcy=keep'], /--set polcy=keep: Unknown field polcy; .* Did you mean policy\?/],
	[['run', 'tour', '--set'], /--set needs a value/],
	[['run', 'tour', '--watch=1'], /--watch takes no value; leave out =1/],
	[
		['run', 'tour', '--junit', '/nope/a.xml'],
		/\/nope\/a\.xml is in a folder that does not exist; choose another name\.\n$/,
	],
	[['check'], /check needs at least one scenario/],
	[['run'], /run needs at least one scenario/],
	[['run', 'nope'], /Unknown scenario nope/],
	[['--host-memory', '1K'], /--host-memory is "1K"; expected whole megabytes from 64M to 256G/],
	[['--host-memory', 'banana'], /--host-memory is "banana"; expected whole megabytes/],
	[['--host-memory', '100000001K'], /--host-memory is "100000001K"; expected whole megabytes/],
	[['--host-memory', '9000G'], /--host-memory is "9000G"; expected whole megabytes/],
	[['--history', 'banana'], /--history is "banana"; expected a size of 16M or more/],
	[['--history', '1M'], /--history is "1M"; expected a size of 16M or more/],
	[
		['run', 'tour', '--history', '64M'],
		/--history does not apply to run; use it with dmascope or dmascope present\./,
	],
	[['--policy', 'kepp'], /Unknown policy kepp; use remove, keep or bounce\./],
	[['--disk', '/nope/there'], /\/nope\/there does not exist; check/],
	[['--disk', '/'], /is a directory/],
	[['--disk'], /--disk needs a value/],
	[['--policy'], /--policy needs a value: --policy NAME\./],
	[['--host-memory', '--json'], /--host-memory needs a value/],
	[['--policy', 'keep', '--policy', 'bounce'], /--policy was given 2 times; give it once/],
	[['--json=banana'], /--json takes no value/],
	[['qemu'], /qemu needs the QMP socket of a QEMU/],
	[['qemu', '/nope/there'], /\/nope\/there does not exist; start QEMU with -qmp/],
	[['qemu', CLI], /Cannot connect to .*cli\.js: nothing is listening/],
	[['qemu', '/nope/there', '--every', '2h'], /--every 2h is not a time from 50ms/],
	[['qemu', '/nope/there', '--policy', 'keep'], /--policy does not apply to qemu/],
	[
		['--every', '2s'],
		/--every does not apply to the dashboard; use it with dmascope qemu or dmascope host\./,
	],
	[['--root', '/'], /--root does not apply to the dashboard; use it with dmascope host or dmascope shot\./],
	[['host', 'there'], /host takes no arguments/],
	[['host', '--root', '/nope'], /\/nope does not exist; name a folder, or a file written by --capture\.\n$/],
	[
		['host', '--root', '/dev/zero'],
		/\/dev\/zero is a character device, not a regular file; name a folder, or a file/,
	],
	[
		['host', '--root', '/bin/sh'],
		/\/bin\/sh is not a tar file, or is damaged or cut short at byte 0; capture the host again\.\n$/,
	],
	[['host', '--log', '/nope/kern.log'], /\/nope\/kern\.log does not exist; check the path/],
	[['qemu', '/nope/there', '--log', '/nope/kern.log'], /\/nope\/kern\.log does not exist; check the path/],
	[['host', '--trace', '--root', '/tmp'], /--trace works only on this machine’s own kernel; remove --root/],
	[
		['host', '--capture', '/nope/a.tar'],
		/\/nope\/a\.tar is in a folder that does not exist; choose another name\.\n$/,
	],
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

test('all shipped scenarios pass in one command, in seconds', () => {
	const {status, stdout, stderr} = run('run', 'all');
	assert.deepEqual([status, stderr], [0, '']);
	assert.match(stdout, /\n\d+ scenarios: \d+ steps, (\d+) of \1 expectations held\n$/);
	assert.equal(run('check', 'all').status, 0);
});

test('the shipped scenarios are listed as text and as JSON', () => {
	const lines = run('scenarios').stdout.trimEnd().split('\n');
	assert.ok(lines.includes('usb-disk          The same loss on another controller.'));
	const json: {name: string; story: string; steps: number; file: string}[] = JSON.parse(
		run('scenarios', '--json').stdout,
	);
	assert.deepEqual(
		json.map(({name}) => name),
		run('scenarios', '--names').stdout.trimEnd().split('\n'),
	);
	for (const {file, story, steps} of json) assert.ok(fs.existsSync(file) && story.length > 20 && steps > 4);
	const schema = JSON.parse(run('schema').stdout);
	const shipped = path.join(path.dirname(json[0].file), 'scenario.schema.json');
	assert.deepEqual(JSON.parse(fs.readFileSync(shipped, 'utf8')), schema);
});

test('the help of a command shows its arguments and options, and the general help names every command', () => {
	const general = run('--help');
	assert.equal(general.status, 0);
	for (const command of ['run', 'check', 'scenarios', 'schema']) {
		assert.match(general.stdout, new RegExp(`\\$ dmascope ${command}\\b`));
		const own = run(command, '--help');
		assert.equal(own.status, 0);
		assert.match(own.stdout, new RegExp(`\\$ dmascope ${command}\\b`));
	}
	assert.match(run('run', '--help').stdout, /--set KEY=VALUE/);
	assert.doesNotMatch(run('run', '--help').stdout, /--theme/);
	assert.match(run('--version').stdout, /^\d+\.\d+\.\d+\n$/);
});

test('--watch runs again when the file changes, waits for one that is broken, and ends with Ctrl-C', async t => {
	const file = path.join(folder(t), 's.yaml');
	const write = (vm: string) => {
		// As editors do it: a new file in the place of the old one.
		fs.writeFileSync(`${file}~`, `steps:\n  - read: {vm: ${vm}}\n`);
		fs.renameSync(`${file}~`, file);
	};
	write('vm0');
	const {child, exit, until, output} = terminal(t, 'run', file, '--watch');
	await until('lost');
	await until('waiting for');
	for (const [vm, report] of [
		['vm1', 'delivered'],
		['vm7', ':2:16: Unknown guest vm7; use vm0 or vm1'],
		['vm0', 'lost'],
	]) {
		const before = output().length;
		write(vm);
		await until(report, before);
		await until('Ctrl-C ends it', before);
	}
	child.write('\x03');
	assert.equal((await exit).exitCode, 0);
});

test('this host, its capture, and a view of the capture', t => {
	const file = path.join(folder(t), 'host.tar');
	const kept = run('host', '--capture', file);
	assert.deepEqual([kept.status, kept.stderr], [0, '']);
	assert.match(kept.stdout, /\/sys\/class\/iommu/);
	const text = run('host');
	assert.match(text.stdout, /^dmascope host · Linux \d/);
	// The log is not in a capture.
	const files = (stdout: string) => stdout.replace(/\n(FAULTS|NOT SEEN)[\s\S]*/, '');
	const elsewhere = run('host', '--root', file).stdout;
	assert.equal(files(elsewhere), files(text.stdout));
	assert.match(text.stdout, /\nFAULTS\n|faults of the kernel’s log/);
	assert.match(elsewhere, /faults: a capture has no kernel log\n.*--log FILE/);
	const log = path.join(folder(t), 'kern.log');
	fs.writeFileSync(
		log,
		'DMAR: [DMA Read] Request device [05:00.0] fault addr ffff000 [fault reason 06] PTE Read access is not set\n',
	);
	assert.match(
		run('host', '--root', file, '--log', log).stdout,
		/\nFAULTS\n {2}05:00\.0: DMA read refused\n/,
	);
	assert.equal(JSON.parse(run('host', '--json').stdout).units.length >= 0, true);
});

test('a scenario opens at its beginning, and the terminal is recorded', async t => {
	const file = path.join(folder(t), 'a.cast');
	const {child, exit, until} = terminal(t, '--replay', 'tour', '--cast', file);
	await until('step 0 of 10');
	child.write(']');
	await until('vm1 found 2 partitions');
	child.write('q');
	assert.equal((await exit).exitCode, 0);
	const [header, ...events] = fs
		.readFileSync(file, 'utf8')
		.trimEnd()
		.split('\n')
		.map(line => JSON.parse(line));
	assert.deepEqual([header.version, header.width, header.height], [2, 80, 24]);
	assert.ok(events.every(([at], i) => i === 0 || at >= events[i - 1][0]));
	const sent = events.map(([, kind, data]) => (kind === 'o' ? data : '')).join('');
	const places = ['\x1b[?1049h', 'step 0 of 10', '\x1b[?1049l'].map(part => sent.indexOf(part));
	assert.ok(
		places.every((at, i) => at >= 0 && at > (places[i - 1] ?? -1)),
		String(places),
	);
	const again = run('present', 'tour', '--cast', file);
	assert.deepEqual([again.status, again.stdout], [2, '']);
});

test('a reader that closes the pipe early causes no error', () => {
	const {stderr, status} = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" --json | head -n 1`], {
		encoding: 'utf8',
	});
	assert.deepEqual([stderr, status], ['', 0]);
});

test('when the reader has gone, no further step is run, and no report is written', async t => {
	const junit = path.join(folder(t), 'junit.xml');
	const child = spawn(process.execPath, [CLI, 'run', 'all', '--junit', junit]);
	let report = '';
	child.stderr.on('data', data => (report += data));
	child.stdout.destroy();
	const [code] = await once(child, 'close');
	assert.deepEqual([code, report], [0, '']);
	assert.equal(fs.existsSync(junit) ? fs.readFileSync(junit, 'utf8') : '', '');
});

test('SIGUSR1 opens no debugger, and prints nothing', async t => {
	const log = path.join(folder(t), 'kern.log');
	fs.writeFileSync(log, 'DMAR: nothing\n');
	const child = spawn(process.execPath, [CLI, 'decode', '--json', '--follow', log]);
	t.after(() => child.kill('SIGKILL'));
	let report = '';
	child.stderr.on('data', data => (report += data));
	const line = async () => String((await once(child.stdout, 'data'))[0]);
	fs.appendFileSync(log, FAULT);
	assert.match(await line(), /"type":"fault"/);
	child.kill('SIGUSR1');
	fs.appendFileSync(log, FAULT);
	assert.match(await line(), /"type":"fault"/);
	child.kill('SIGINT');
	assert.match(await line(), /"faults":2/);
	assert.equal(report, '');
});

test('an uncaught error is escaped too', () => {
	const ready = 'process.listenerCount("uncaughtExceptionMonitor") > 0';
	const fault = `setInterval(() => { if (${ready}) throw new Error("a \\u001b]0;title\\u0007 \\u202e") }, 20)`;
	const {stderr, status} = spawnSync(
		process.execPath,
		['--import', `data:text/javascript,${encodeURIComponent(fault)}`, CLI, 'decode', '--follow', '/dev/null'],
		{encoding: 'utf8', timeout: 20_000},
	);
	assert.equal(status, 1);
	assert.match(stderr, /Error: a \\u001b\]0;title\\u0007 \\u202e\n/);
	assertHarmless(stderr, 'an error that nobody catches');
});

const FAULT =
	'DMAR: [DMA Read] Request device [05:00.0] fault addr ffff000 [fault reason 06] PTE Read access is not set\n';

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
		if (code !== 0) return;
		assert.match(output(), /dmascope: 5 transfers: 3 delivered, 2 lost/);
		// tmux would bring back rows of a screen that was resized and is left full.
		assert.ok(output().lastIndexOf('\x1b[H\x1b[J') > output().lastIndexOf('\x1b[?2026l'), 'left empty');
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

test('without a shell to resume it, Ctrl-Z does nothing, even if pressed twice', async t => {
	const {child, exit, output, until} = terminal(t);
	await until('quit');
	child.write('\x1a\x1a');
	await new Promise(resolve => setTimeout(resolve, 300));
	child.write('q');
	assert.equal((await exit).exitCode, 0);
	assertRestored(output());
});

test('a scenario may come through a pipe, even a slow one', () => {
	const scenario = path.join(import.meta.dirname, '../source/lab/scenario/scenarios/tour.yaml');
	const command = `"${process.execPath}" "${CLI}" run`;
	for (const line of [
		`(sleep 0.3; cat "${scenario}") | ${command} /dev/stdin`,
		`${command} /dev/stdin <"${scenario}"`,
		`${command} <(cat "${scenario}")`,
	]) {
		const {stdout, stderr, status} = spawnSync('bash', ['-c', line], {encoding: 'utf8'});
		assert.deepEqual([stderr, status], ['', 0], line);
		assert.match(stdout, /tour: 10 steps, 24 of 24 expectations held/);
	}
});

test('output that cannot be written gives one sentence', t => {
	if (!fs.existsSync('/dev/full')) return t.skip('no /dev/full here');
	const {stderr, status} = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" > /dev/full`], {
		encoding: 'utf8',
	});
	assert.match(stderr, /^dmascope: cannot write the output: [^\n]*\n$/);
	assert.equal(status, 2);
});

test('a scenario says for how much memory it is written', () => {
	const {status, stderr} = run('run', 'pr-260178', '--host-memory', '512M');
	assert.equal(status, 2);
	assert.match(stderr, /it is written for a host of 256M; run it with --host-memory 256M/);
});

test('a writable sample is a copy that leaves nothing behind', t => {
	const [cache, temporary] = [folder(t), folder(t)];
	const {status} = spawnSync(process.execPath, [CLI, '--json', '--writable'], {
		env: {...process.env, XDG_CACHE_HOME: cache, TMPDIR: temporary},
	});
	assert.equal(status, 0);
	assert.deepEqual(fs.readdirSync(path.join(cache, 'dmascope')), ['compiled', 'sample-disk-1.img']);
	// Node's own cache of compiled code would be where anybody can lay some.
	assert.deepEqual(fs.readdirSync(temporary), []);
});

test('NO_COLOR: the dashboard has no colours, and the selection is still visible', async t => {
	process.env.NO_COLOR = '1';
	t.after(() => delete process.env.NO_COLOR);
	const {child, exit, output, until} = terminal(t);
	await until('quit');
	child.write('q');
	await exit;
	// Bold, dim, underlined, inverse and their ends are no colours, and are needed to see what is chosen.
	const styles = output()
		.split('\x1b[')
		.slice(1)
		.flatMap(sequence => /^([0-9;]*)m/.exec(sequence)?.[1]?.split(';') ?? []);
	assert.ok(styles.includes('7'));
	assert.deepEqual(
		styles.filter(style => !['', '0', '1', '2', '4', '7', '22', '24', '27'].includes(style)),
		[],
	);
});
