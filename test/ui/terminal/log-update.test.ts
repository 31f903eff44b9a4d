import assert from 'node:assert/strict';
import {test} from 'node:test';
import logUpdate from '../../../source/ui/terminal/ink/log-update.js';

const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
const HIDE = '\x1b[?25l';
const SHOW = '\x1b[?25h';
const CLEAR = '\x1b[m\x1b[H\x1b[J';
/** Before a first frame of three rows: scrolls the screen up and erases it. */
const FIRST = `${HIDE}\n\n${CLEAR}`;

function recorded(options = {incremental: true}, isTTY = true) {
	const writes: string[] = [];
	const terminal = {isTTY, columns: 9, rows: 3, write: (data: string) => void writes.push(data)};
	const log = logUpdate.create(terminal, options);
	return {terminal, log, taken: () => writes.splice(0)};
}
const frame = (data: string) => [BEGIN + data + END];

test('a frame is one write, an unchanged frame is none', () => {
	const {log, taken} = recorded();
	assert.equal(log('a\nb\nc'), true);
	assert.deepEqual(taken(), frame(`${FIRST}\x1b[1Ha\x1b[2Hb\x1b[3Hc`));
	assert.equal(log.willRender('a\nb\nc'), false);
	assert.equal(log('a\nb\nc'), false);
	assert.deepEqual(taken(), []);
	log('a\nX\nc');
	assert.deepEqual(taken(), frame('\x1b[2HX'));
});

test('after a resize, a reset or a clear the whole frame is sent', () => {
	const {log, taken, terminal} = recorded();
	log('a\nb\nc');
	taken();
	terminal.columns = 10;
	log('a\nb\nd');
	assert.deepEqual(taken(), frame(`${CLEAR}\x1b[1Ha\x1b[2Hb\x1b[3Hd`));
	log.reset();
	log('a\nb\nd');
	assert.deepEqual(taken(), frame(`\n\n${CLEAR}\x1b[1Ha\x1b[2Hb\x1b[3Hd`));
	log.clear();
	assert.deepEqual(taken(), [CLEAR]);
	log('a\nb\nd');
	assert.deepEqual(taken(), frame(`\n\n${CLEAR}\x1b[1Ha\x1b[2Hb\x1b[3Hd`));
});

test('the cursor is where the app sets it, and hidden while a frame is written', () => {
	const {log, taken} = recorded();
	log.setCursorPosition({x: 2, y: 1});
	assert.equal(log.isCursorDirty(), true);
	log('a\nb\nc');
	assert.deepEqual(taken(), frame(`${FIRST}\x1b[1Ha\x1b[2Hb\x1b[3Hc\x1b[2;3H${SHOW}`));
	assert.deepEqual(log.getCursorPosition(), {x: 2, y: 1});
	log.setCursorPosition({x: 3, y: 9});
	log('a\nb\nc');
	assert.deepEqual(taken(), frame(`${HIDE}\x1b[3;4H${SHOW}`));
	// Its component is gone.
	log('a\nb\nX');
	assert.deepEqual(taken(), frame(`${HIDE}\x1b[3HX`));
	log('a\nb\nY');
	assert.deepEqual(taken(), frame('\x1b[3HY'));
});

test('done shows the cursor, below the frame if it was inside', () => {
	const {log, taken} = recorded();
	log('a\nb\nc');
	taken();
	log.done();
	assert.deepEqual(taken(), [SHOW]);
	log.setCursorPosition({x: 0, y: 0});
	log('a\nb\nc');
	taken();
	log.done();
	assert.deepEqual(taken(), [`\x1b[3H${SHOW}`]);
});

test('a frame that Ink wrote itself is adopted', () => {
	const {log, taken} = recorded();
	log.sync('a\nb\nc');
	assert.deepEqual(taken(), []);
	log('a\nb\nX');
	assert.deepEqual(taken(), frame(`${HIDE}\x1b[3HX`));
	log.setCursorPosition({x: 1, y: 1});
	log.sync('a\nb\nY');
	assert.deepEqual(taken(), [`\x1b[2;2H${SHOW}`]);
});

test('Ink writes a frame that does not fill the terminal, in one write', () => {
	const {log, taken} = recorded();
	log('a\n');
	assert.deepEqual(taken(), frame(`${HIDE}a\n`));
	log('b\n');
	assert.deepEqual(taken(), frame('\x1b[1A\x1b[1G\x1b[Kb\n'));
	log('a\nb\nc');
	assert.equal(taken()[0].endsWith(`\n\n${CLEAR}\x1b[1Ha\x1b[2Hb\x1b[3Hc${END}`), true);
	log('a\n');
	assert.deepEqual(taken(), frame(`${CLEAR}a\n`));
});

test('Ink writes without incrementalRendering and without a terminal', () => {
	const {log, taken} = recorded({incremental: false});
	log('a\nb\nc');
	log('a\nb\nX');
	assert.equal(taken().at(-1)?.includes('a\nb\nX'), true);
	const piped = recorded({incremental: true}, false);
	piped.log('a\nb\nc');
	assert.deepEqual(piped.taken(), ['a\nb\nc']);
});
