import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {COMMANDS} from '../../source/cli/commands.js';
import {completion} from '../../source/cli/completion.js';
import {SHELLS} from '../../source/cli/flags.js';
import {shippedScenarios} from '../../source/lab/scenario/find.js';
import {folder} from '../helpers/lab.js';
import {startProgram} from '../helpers/program.js';

/** What is typed, and what is there after Tab. The word is the only one that fits. */
const CASES = [
	['dmascope pres', 'present'],
	['dmascope run pr-2', 'pr-260178'],
	['dmascope run --pol', '--policy'],
	['dmascope run --policy k', 'keep'],
	['dmascope --iommu amd-vi chec', 'check'],
	['dmascope completion f', 'fish'],
	['dmascope decode kern', 'kernel.log'],
	['dmascope host --cap', '--capture'],
] as const;

type Shell = (typeof SHELLS)[number];

function scriptOf(shell: Shell): string {
	let text = '';
	completion([shell], COMMANDS, lines => {
		text = typeof lines === 'string' ? lines : lines.join('\n');
	});
	return `${text}\n`;
}

/** A folder with the script and a file to complete. */
function written(t: TestContext, shell: Shell): {script: string; cwd: string} {
	const cwd = folder(t);
	const script = path.join(cwd, `completion.${shell}`);
	fs.writeFileSync(script, scriptOf(shell));
	fs.writeFileSync(path.join(cwd, 'kernel.log'), '');
	return {script, cwd};
}

const isThere = (shell: Shell): boolean => spawnSync(shell, ['-c', 'true']).status === 0;
const skipped = (shell: Shell) =>
	isThere(shell) ? undefined : `${shell} is not installed; apt-get install ${shell} has this test run.`;

test('the scripts hold every command, every flag and every scenario', () => {
	for (const shell of SHELLS) {
		const script = scriptOf(shell);
		const words = COMMANDS.flatMap(({name, flags}) => [name, ...flags]);
		const missing = [...words, ...shippedScenarios()].filter(word => !script.includes(word));
		assert.deepEqual(missing, [], shell);
	}
});

test('bash completes commands, options, their values, scenarios and files', t => {
	const {script, cwd} = written(t, 'bash');
	const replies = (words: readonly string[]): string[] => {
		const reply = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dmascope; printf '%s\\n' "\${COMPREPLY[@]}"`;
		const out = execFileSync('bash', ['--norc', '-c', reply, 'bash', script, ...words], {
			cwd,
			encoding: 'utf8',
		});
		return out.split('\n').filter(word => word !== '');
	};
	for (const [line, word] of CASES) assert.deepEqual(replies(line.split(' ')), [word], line);
	assert.deepEqual(replies(['dmascope', '--policy', '=', 'b']), ['bounce']);
	assert.deepEqual(replies(['dmascope', '--policy', '=']), ['remove', 'keep', 'bounce']);
	assert.deepEqual(replies(['dmascope', '--policy', '=', 'keep', 'dec']), ['decode']);
	assert.deepEqual(replies(['dmascope', 'scenarios', '']), []);
});

test('fish completes the same', {skip: skipped('fish')}, t => {
	const {script, cwd} = written(t, 'fish');
	for (const [line, word] of [...CASES, ['dmascope --policy=b', '--policy=bounce']]) {
		const out = execFileSync(
			'fish',
			['--no-config', '-c', `source $argv[1]; complete -C $argv[2]`, script, line],
			{
				cwd,
				encoding: 'utf8',
			},
		);
		assert.deepEqual(
			out
				.split('\n')
				.filter(row => row !== '')
				.map(row => row.split('\t')[0]),
			[word],
			line,
		);
	}
});

test('zsh completes the same, on a terminal', {skip: skipped('zsh')}, async t => {
	const {script, cwd} = written(t, 'zsh');
	const shell = startProgram({
		file: 'zsh',
		args: ['-f', '-i'],
		columns: 100,
		rows: 30,
		cwd,
		env: {PS1: '> '},
	});
	try {
		shell.write(`autoload -U compinit && compinit -u -d ${cwd}/dump && source ${script} && print re'ady'\r`);
		await shell.until('\nready');
		for (const [line, word] of [...CASES, ['dmascope --policy=b', '--policy=bounce']]) {
			const typed = line.slice(0, line.lastIndexOf(' ') + 1);
			shell.write(`${line}\t`);
			await shell.until(typed + word);
			shell.write('\x15');
		}
	} finally {
		await shell.close('SIGKILL');
	}
});
