import assert from 'node:assert/strict';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import pty from '@lydell/node-pty';
import fc from 'fast-check';
import {MOUSE_OFF, MOUSE_ON, type MouseEvent, MouseParser} from '../../source/ui/terminal/mouse.js';

function parse(...chunks: string[]) {
	const parser = new MouseParser();
	const events: MouseEvent[] = [];
	const keys = chunks.map(chunk => parser.push(chunk, event => events.push(event))).join('');
	return {keys, events, kept: parser.flush()};
}

test('presses and the wheel are events, from 0; releases, drags and other buttons are dropped', () => {
	assert.deepEqual(
		parse('\x1b[<0;1;1M\x1b[<0;1;1m\x1b[<64;80;24M\x1b[<65;200;60M\x1b[<2;5;5M\x1b[<35;7;7M'),
		{
			keys: '',
			events: [
				{kind: 'press', x: 0, y: 0},
				{kind: 'wheel', up: true, x: 79, y: 23},
				{kind: 'wheel', up: false, x: 199, y: 59},
			],
			kept: '',
		},
	);
	assert.deepEqual(parse('\x1b[<80;3;4M').events, [{kind: 'wheel', up: true, x: 2, y: 3}]);
	assert.deepEqual(parse('\x1b[<0;0;0M'), {keys: '', events: [], kept: ''});
});

test('keys stay as they are, in their order, with the mouse among them', () => {
	const {keys, events} = parse('a\x1b[<0;1;2Mb\x1b[A\x1b[<65;1;2M\r\x1bOP\x1b[<x');
	assert.equal(keys, 'ab\x1b[A\r\x1bOP\x1b[<x');
	assert.equal(events.length, 2);
});

test('an Escape alone is kept back no longer than until the flush, half a report is no key', () => {
	assert.deepEqual(parse('\x1b'), {keys: '', events: [], kept: '\x1b'});
	assert.deepEqual(parse('a', '\x1b', 'b'), {keys: 'a\x1bb', events: [], kept: ''});
	assert.deepEqual(parse('a\x1b[<0;12'), {keys: 'a', events: [], kept: ''});
});

test('wherever the input is cut, keys and events are the same', () => {
	const piece = fc.constantFrom(
		'\x1b[<0;10;20M',
		'\x1b[<64;1;1M',
		'\x1b[<0;3;3m',
		'q',
		'\x1b[A',
		'\x1b[6~',
		'\r',
		'é',
		'\x1b[<9x',
	);
	fc.assert(
		fc.property(fc.array(piece, {maxLength: 12}), fc.array(fc.nat(80), {maxLength: 6}), (pieces, cuts) => {
			const whole = pieces.join('');
			const at = [0, ...cuts.filter(cut => cut < whole.length).sort((a, b) => a - b), whole.length];
			const chunks = at.slice(1).map((end, i) => whole.slice(at[i], end));
			const [one, many] = [parse(whole), parse(...chunks)];
			assert.deepEqual([many.keys + many.kept, many.events], [one.keys + one.kept, one.events]);
			assert.equal(one.keys, whole.replaceAll(/.\[<\d+;\d+;\d+[Mm]/g, ''));
		}),
		{seed: 41, numRuns: 1000},
	);
});

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
