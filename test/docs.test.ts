import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {COMMANDS} from '../source/cli/commands.js';
import {helpText} from '../source/cli/help.js';
import {checkRequest, parse} from '../source/cli/parse.js';
import {manual} from './helpers/manual.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const PAGE = path.join(ROOT, 'docs/dmascope.1');
const {description} = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

test('the manual page is up to date; npm run docs writes it', () => {
	assert.equal(fs.readFileSync(PAGE, 'utf8'), manual(description));
});

const mandoc = spawnSync('mandoc', ['-h']).error === undefined;
const skip = mandoc ? undefined : 'mandoc is not installed; apt-get install mandoc has this test run.';

test('mandoc finds nothing wrong with the manual page, which fits 80 columns', {skip}, () => {
	const lint = spawnSync('mandoc', ['-Tlint', PAGE], {encoding: 'utf8'});
	assert.deepEqual([lint.stdout, lint.stderr], ['', '']);
	const printed = execFileSync('mandoc', ['-Tascii', '-Owidth=78', PAGE], {encoding: 'utf8'});
	// Bold is a sign, a backspace, and the sign again.
	const text = printed.split(/[^\n][\b]/).join('');
	for (const {name} of COMMANDS) assert.ok(text.includes(`dmascope ${name}`.trim()), name);
	// Command lines are not wrapped.
	const wide = text.split('\n').filter(line => line.length > 80 && !/^ {11}/.test(line));
	assert.deepEqual(wide, []);
});

test('each command has two examples, which are command lines that it takes, and shows them in its help', () => {
	for (const command of COMMANDS) {
		assert.equal(command.examples.length, 2, command.name);
		const help = helpText(command);
		for (const [line] of command.examples) {
			assert.ok(help.includes(line), line);
			const words = line.replace(/^.*?dmascope ?/, '').split(/ [|>] /)[0] ?? '';
			const request = parse(
				words.split(' ').filter(word => word !== ''),
				import.meta,
			);
			checkRequest(request);
			assert.equal(request.command, command, line);
		}
	}
});
