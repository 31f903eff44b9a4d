import assert from 'node:assert/strict';
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {BOOT_LINE} from '../../../source/guest/boot-code.js';
import {check} from '../../helpers/outputs.js';
import {CLI, startProgram} from '../../helpers/program.js';
import {findQemu} from '../../helpers/qemu.js';

const skip = findQemu() === undefined ? 'QEMU is not installed' : false;

function run(t: TestContext, ...args: string[]) {
	const child = spawn(process.execPath, [CLI, 'boot', ...args]);
	t.after(() => child.kill('SIGKILL'));
	const text = {out: '', err: ''};
	child.stdout.on('data', (bytes: Buffer) => {
		text.out += bytes;
	});
	child.stderr.on('data', (bytes: Buffer) => {
		text.err += bytes;
	});
	return {child, text, ended: once(child, 'close')};
}

/** The process that has a program's command line, as its child. */
function childOf(parent: ChildProcess, words: string): number | undefined {
	const ids = fs.readdirSync('/proc').filter(name => /^\d+$/.test(name));
	const found = ids.find(id => {
		try {
			const stat = fs.readFileSync(`/proc/${id}/stat`, 'utf8').replace(/^.*\) /s, '');
			return (
				stat.split(' ')[1] === String(parent.pid) &&
				fs.readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(words)
			);
		} catch {
			return false;
		}
	});
	return found === undefined ? undefined : Number(found);
}

const isThere = (pid: number): boolean => fs.existsSync(`/proc/${pid}/exe`);

async function until<T>(what: () => T | undefined | false): Promise<T> {
	for (let waited = 0; waited < 60_000; waited += 20) {
		const value = what();
		if (value !== undefined && value !== false) return value;
		await sleep(20);
	}
	throw new Error(`not within a minute: ${what}`);
}

test('firmware boots from the disk that dmascope is, under keep and bounce, and not under remove', {
	skip,
}, async t => {
	const reports = await Promise.all(
		['remove', 'keep', 'bounce'].map(async policy => {
			const {text, ended} = run(t, '--policy', policy, '--json');
			assert.deepEqual(await ended, [0, null], text.err);
			const report = JSON.parse(text.out);
			check('boot', report);
			return report;
		}),
	);
	const [remove, keep, bounce] = reports;
	assert.deepEqual(
		reports.map(({policy}) => policy),
		['remove', 'keep', 'bounce'],
	);
	assert.ok(remove.console.includes('No bootable device.'), remove.console.join('\n'));
	assert.ok(!remove.console.includes(BOOT_LINE));
	assert.deepEqual([remove.transfers.lost, remove.transfers.delivered, remove.faults], [1, 0, 1]);
	for (const {console, transfers, faults} of [keep, bounce]) {
		assert.ok(console.includes(BOOT_LINE), console.join('\n'));
		assert.deepEqual([transfers.lost, transfers.delivered, faults], [0, 1, 0]);
	}
});

test('QEMU ends with dmascope, even one that is killed; and what dmascope says where QEMU ends', {
	skip,
}, async t => {
	const killed = run(t, '--json');
	const qemu = await until(() => childOf(killed.child, 'qemu-system'));
	const [, folder = ''] = /unix:(.*)\/qmp\.sock/.exec(fs.readFileSync(`/proc/${qemu}/cmdline`, 'utf8')) ?? [];
	await until(() => fs.existsSync(`${folder}/qmp.sock`));
	killed.child.kill('SIGKILL');
	await until(() => !isThere(qemu) && !fs.existsSync(folder));
	const cases: [args: string[], sentence: RegExp][] = [
		[
			['--qemu', '/nowhere/qemu'],
			/^dmascope: \/nowhere\/qemu is not installed; install qemu-system-x86, or name/,
		],
		[['--qemu', '/bin/false'], /^dmascope: \/bin\/false ended with exit code 1\.\n$/],
		[['--kernel', '/etc/passwd'], /^dmascope: qemu-system-x86_64 ended with exit code 1: .*kernel/],
		[['--initrd', '/etc/passwd'], /^dmascope: --initrd needs --kernel\.\n$/],
		[['--memory', '1T'], /^dmascope: --memory 1T is not a size/],
		[['--accel', 'abacus'], /^dmascope: Unknown accelerator abacus; use tcg or kvm\.\n$/],
	];
	await Promise.all(
		cases.map(async ([args, sentence]) => {
			const {text, ended} = run(t, '--json', ...args);
			assert.deepEqual([await ended, text.out], [[2, null], ''], args.join(' '));
			assert.match(text.err, sentence);
		}),
	);
});

test('the story on a terminal: No bootable device, p, r, and the boot sector runs', {skip}, async t => {
	const program = startProgram({
		file: process.execPath,
		args: [CLI, 'boot', '--memory', '64M'],
		columns: 120,
		rows: 40,
		env: {NO_COLOR: '1'},
	});
	t.after(() => program.close());
	await program.until('No bootable device.');
	await program.until('LOST  Every layer reported success; 0 of 512 bytes arrived.');
	await program.until('Next: p, then r.');
	program.write('p');
	await program.until('‹keep›');
	program.write('r');
	await program.until('This is the boot sector');
	await program.until('DELIVERED  512 of 512 bytes arrived.');
	// A read that dmascope asks for is asked about once.
	program.write('\r');
	await program.until('This overwrites 4,096 bytes of the running vm0 at 0x01000000; repeat to confirm.');
	program.write('\r');
	await program.until('4,096 of 4,096 bytes arrived.');
	program.write('q');
	await until(() => program.ended());
	assert.equal(program.ended()?.exitCode, 0);
});
