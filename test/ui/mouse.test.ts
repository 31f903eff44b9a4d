import assert from 'node:assert/strict';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pty from '@lydell/node-pty';
import {MOUSE_OFF, MOUSE_ON} from '../../source/ui/terminal/mouse.js';

function start(t: TestContext) {
	const app = path.resolve(import.meta.dirname, '../helpers/mouse-app.tsx');
	const env = {...process.env, CI: '', NODE_ENV: 'production'};
	const child = pty.spawn(process.execPath, ['--import', 'tsx', app], {cols: 120, rows: 5, env});
	t.after(() => child.kill('SIGKILL'));
	let output = '';
	child.onData(data => {
		output += data;
	});
	const exit = new Promise(resolve => child.onExit(resolve));
	const until = async (what: string) => {
		for (let waited = 0; !output.includes(what); waited += 20) {
			assert.ok(waited < 10_000, `waiting for ${what} in ${JSON.stringify(output)}`);
			await sleep(20);
		}
	};
	return {child, exit, until, output: () => output};
}

test('in a real terminal: mouse and keys arrive apart, and Escape is still Escape', async t => {
	const {child, exit, until, output} = start(t);
	await until('ready');
	assert.ok(output().includes(MOUSE_ON));
	child.write('a\x1b[<0;10;3Mb');
	await until('press@9,2 a b');
	child.write('\x1b[<65;1;1Mc');
	await until('b wheel-down@0,0 c');
	child.write('\x1b');
	await until('c escape');
	child.write('\x1b[A');
	await until('escape up');
	child.write('q');
	await exit;
	assert.ok(output().lastIndexOf(MOUSE_OFF) > output().lastIndexOf(MOUSE_ON));
});

for (const [how, leave] of [
	['SIGTERM', (child: pty.IPty) => child.kill('SIGTERM')],
	['SIGHUP', (child: pty.IPty) => child.kill('SIGHUP')],
	['a throw in a handler', (child: pty.IPty) => child.write('x')],
	['an unhandled rejection', (child: pty.IPty) => child.write('u')],
] as const) {
	test(`in a real terminal: ${how} gives the mouse back`, async t => {
		const {child, exit, until, output} = start(t);
		await until('ready');
		leave(child);
		await exit;
		assert.ok(output().lastIndexOf(MOUSE_OFF) > output().lastIndexOf(MOUSE_ON));
	});
}

test('in a real terminal: the mouse is given back while the terminal is another’s', async t => {
	const {child, until, output} = start(t);
	await until('ready');
	child.write('\x1a');
	await until(`${MOUSE_OFF}(away)${MOUSE_ON}`);
	child.write('\x1b[<0;1;1Mz');
	await until('press@0,0 z');
	assert.ok(output().lastIndexOf(MOUSE_ON) > output().lastIndexOf(MOUSE_OFF));
});
