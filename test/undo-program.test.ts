// However the real program ends while a disk is only partly restored: what it held is in a file, and that is said.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {folder, MIB, randomImage} from './helpers/lab.js';
import {CLI, screenText, startProgram} from './helpers/program.js';

const SCENARIO = `dmascope: 1
steps:
  - write: {vm: vm1, lba: 100, sectors: 50}
  - policy: keep
  - write: {vm: vm1, lba: 1000, sectors: 1}
`;

function start(t: TestContext) {
	const {file, content} = randomImage(t, 4 * MIB);
	const scenario = path.join(folder(t), 'writes.yaml');
	fs.writeFileSync(scenario, SCENARIO);
	const state = folder(t);
	const helper = path.resolve(import.meta.dirname, 'helpers/failing-disk.mjs');
	const program = startProgram({
		file: 'sh',
		args: [
			'-c',
			'"$@"; echo "ended with $?"; read done',
			'sh',
			process.execPath,
			'--import',
			helper,
			CLI,
		].concat(['--replay', scenario, '--disk', file, '--writable']),
		env: {XDG_STATE_HOME: state, FAILING_DISK: file},
		...{columns: 300, rows: 30},
	});
	t.after(() => program.close('SIGKILL'));
	return {program, file, content, state};
}

for (const {name, code, end} of [
	{name: 'q', code: 0, end: ({write}: ReturnType<typeof startProgram>) => write('q')},
	{name: 'Ctrl-C', code: 0, end: ({write}: ReturnType<typeof startProgram>) => write('\x03')},
	...(['SIGTERM', 'SIGHUP'] as const).map((signal, i) => ({
		name: signal,
		code: [128 + 15, 128 + 1][i],
		end: ({pid}: ReturnType<typeof startProgram>) => {
			const child = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
			process.kill(Number(child), signal);
		},
	})),
])
	test(`${name} while a disk is only partly restored: its old blocks are saved, and a message explains how to restore them`, async t => {
		const {program, file, content, state} = start(t);
		await program.until('DISK NEITHER OLD NOR NEW: 0 of 8 blocks restored');
		end(program);
		await program.until(`ended with ${code}`);
		const text = screenText(program.terminal);
		const [, command = ''] =
			/^dmascope: .*random\.img is only partly restored: 0 of 8 blocks\. To restore its old blocks: (sh .*)$/m.exec(
				text,
			) ?? [];
		assert.ok(command.includes(state), text);
		assert.ok(!fs.readFileSync(file).equals(content));
		execFileSync('sh', ['-c', command]);
		assert.ok(fs.readFileSync(file).equals(content));
		assert.equal(program.terminal.buffer.active.type, 'normal');
	});
