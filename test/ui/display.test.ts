import assert from 'node:assert/strict';
import {EventEmitter} from 'node:events';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {Display} from '../../source/ui/display.js';
import {createUi, say} from '../../source/ui/state/store.js';
import {openTestLab} from '../helpers/lab.js';

class Terminal extends EventEmitter {
	columns = 80;
	rows = 24;
	readonly frames: string[] = [];
	write(data: string): void {
		this.frames.push(data);
	}
	resize(columns: number, rows: number): void {
		this.columns = columns;
		this.rows = rows;
		this.emit('resize');
	}
}

function open(t: TestContext) {
	const terminal = new Terminal();
	const store = createUi(openTestLab(t), {columns: 80, rows: 24});
	const display = new Display(store, terminal);
	const failures: unknown[] = [];
	const start = () => display.start(error => failures.push(error));
	t.after(() => display.stop());
	return {terminal, store, display, failures, start};
}

/** A frame that begins with an empty screen. */
const isWhole = (frame: string): boolean => frame.startsWith('\x1b[?2026h\x1b[m\x1b[H\x1b[J');

test('what one key changes is one frame, and what changes nothing on the screen is none', t => {
	const {terminal, store, display, start} = open(t);
	start();
	display.flush();
	assert.equal(terminal.frames.length, 1);
	assert.ok(isWhole(terminal.frames[0]));
	say(store, 'one', 'plain');
	say(store, 'two', 'plain');
	display.flush();
	display.flush();
	assert.equal(terminal.frames.length, 2);
	assert.match(terminal.frames[1], /two/);
	assert.ok(!isWhole(terminal.frames[1]));
	store.setState(({form}) => ({form: {...form}}));
	display.flush();
	assert.equal(terminal.frames.length, 2);
});

test('a redraw is the whole screen, though nothing has changed', t => {
	const {terminal, display, start} = open(t);
	start();
	display.flush();
	display.redraw();
	display.flush();
	assert.equal(terminal.frames.length, 2);
	assert.ok(isWhole(terminal.frames[1]));
	assert.equal(terminal.frames[1], terminal.frames[0]);
});

test('however often something changes, there are no more than 15 frames a second', async t => {
	const {terminal, store, start} = open(t);
	start();
	const begin = performance.now();
	for (let i = 0; performance.now() - begin < 400; i++) {
		say(store, `change ${i}`, 'plain');
		await sleep(2);
	}
	const most = 1 + ((performance.now() - begin) * 15) / 1000;
	assert.ok(terminal.frames.length >= 2 && terminal.frames.length <= most, `${terminal.frames.length}`);
});

test('a terminal of another size, or one that was given back, is drawn as a whole', t => {
	const {terminal, store, display, start} = open(t);
	start();
	display.flush();
	terminal.resize(100, 30);
	assert.deepEqual(store.getState().size, {columns: 100, rows: 30});
	display.flush();
	// As large again as it was before anything was drawn: what it shows may have moved all the same.
	terminal.resize(80, 24);
	terminal.resize(100, 30);
	display.flush();
	assert.equal(terminal.frames.length, 3);
	assert.equal(terminal.frames[2], terminal.frames[1]);
	display.stop();
	say(store, 'meanwhile', 'plain');
	terminal.resize(120, 40);
	display.flush();
	assert.equal(terminal.frames.length, 3);
	assert.equal(terminal.listenerCount('resize'), 0);
	start();
	assert.deepEqual(store.getState().size, {columns: 120, rows: 40});
	display.flush();
	assert.ok(isWhole(terminal.frames[3]));
	assert.match(terminal.frames[3], /meanwhile/);
});

test('a terminal that does not say its size has 80×24', t => {
	const {terminal, store, start} = open(t);
	terminal.columns = 0;
	terminal.rows = 0;
	start();
	assert.deepEqual(store.getState().size, {columns: 80, rows: 24});
});

test('what a panel throws is told', t => {
	const {terminal, store, display, failures, start} = open(t);
	start();
	const fault = new Error('a fault');
	store.setState(({state}) => ({
		state: {
			...state,
			get devices(): never {
				throw fault;
			},
		},
	}));
	display.flush();
	assert.deepEqual(failures, [fault]);
	assert.equal(terminal.frames.length, 0);
});
