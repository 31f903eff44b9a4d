// The mouse in a real terminal. That it is given back at every end is tested in test/restored.test.ts.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {MOUSE_OFF, MOUSE_ON} from '../../source/ui/terminal/mouse.js';
import {CLI, screenText, startProgram} from '../helpers/program.js';

const start = (...args: string[]) =>
	startProgram({file: process.execPath, args: [CLI, ...args], columns: 100, rows: 30});

test('mouse and keys arrive apart, in whatever pieces, and Escape is still Escape', async t => {
	const program = start();
	t.after(() => program.close('SIGKILL'));
	await program.until('quit');
	const output = () => program.chunks.map(({data}) => data).join('');
	assert.ok(output().includes(MOUSE_ON));
	// A tab of the first row: two columns are its number and the blank before it.
	const tab = screenText(program.terminal).split('\n')[0]?.indexOf(' 2 ') ?? -1;
	assert.ok(tab > 0);
	program.write(`\x1b[<0;${tab + 2};1M\x1b[<0;${tab + 2};1m`);
	await program.until('2 domains');
	program.write('\x1b[<65;5;8');
	program.write('Mz');
	await program.until(screen => !screen.includes('GUEST DOMAIN'));
	program.write('\x1b');
	await program.until('GUEST DOMAIN');
	program.write('q');
	while (program.ended() === undefined) await new Promise(resolve => setTimeout(resolve, 20));
	assert.ok(output().lastIndexOf(MOUSE_OFF) > output().lastIndexOf(MOUSE_ON));
});
