// The single executable, where it was built: npm run bundle:executable.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {shippedScenarios} from '../source/lab/scenario/find.js';
import {folder} from './helpers/lab.js';

const PROGRAM = path.resolve(import.meta.dirname, `../dist-executable/dmascope-linux-${process.arch}`);
const skip = fs.existsSync(PROGRAM)
	? undefined
	: 'the executable is not built; npm run bundle:executable has this test run.';

test('the executable needs no other file, and has the scenarios inside', {skip}, t => {
	const home = folder(t);
	// Somewhere without packages, and without a Node to be found.
	const program = path.join(home, 'dmascope');
	fs.copyFileSync(PROGRAM, program);
	const run = (...words: string[]) =>
		execFileSync(program, words, {cwd: home, env: {HOME: home}, encoding: 'utf8'});
	const {version} = JSON.parse(fs.readFileSync(path.resolve(import.meta.dirname, '../package.json'), 'utf8'));
	assert.equal(run('--version'), `${version}\n`);
	assert.deepEqual(run('scenarios', '--names').trim().split('\n'), shippedScenarios());
	assert.match(run('run', 'pr-260178'), /85 of 85 expectations held/);
	assert.match(run('completion', 'bash'), /complete -F _dmascope dmascope/);
});
