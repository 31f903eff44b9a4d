import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ConsoleText} from '../../../source/live/guest/console-text.js';

const ESC = '\x1b';

function linesOf(...chunks: string[]): string[] {
	const console = new ConsoleText();
	for (const chunk of chunks) console.push(Buffer.from(chunk));
	return console.lines;
}

test('what firmware sends is lines without its sequences, wherever it is cut', () => {
	const sent = `${ESC}c${ESC}[?7l${ESC}[2J${ESC}[0mSeaBIOS\r\nBooting from Hard Disk...\r\n\r\nNo bootable device.\r\n`;
	const lines = ['SeaBIOS', 'Booting from Hard Disk...', '', 'No bootable device.'];
	assert.deepEqual(linesOf(sent), lines);
	assert.deepEqual(linesOf(...sent), lines);
});

test('a line shows what was written last: after a return, a backspace, an erasure', () => {
	assert.deepEqual(linesOf('10 %\r99 %'), ['99 %']);
	assert.deepEqual(linesOf('lss\b \b -l'), ['ls -l']);
	assert.deepEqual(linesOf(`abcdef\r${ESC}[3C${ESC}[K!`), ['abc!']);
	assert.deepEqual(linesOf(`top${ESC}[2;1Hnext${ESC}[1mbold${ESC}[m`), ['top', 'nextbold']);
	assert.deepEqual(linesOf('a\tb'), ['a       b']);
});

test('a console of any length and form takes bounded memory', () => {
	const console = new ConsoleText();
	console.push(Buffer.from('x'.repeat(100_000)));
	console.push(Buffer.from('line\n'.repeat(10_000)));
	console.push(Buffer.from(`${ESC}[${'1'.repeat(10_000)}`));
	console.push(Buffer.from([0xff, 0xfe, 0x00, 0x1b]));
	assert.ok(console.lines.length <= 501);
	assert.ok(console.lines.every(line => line.length <= 1000));
});
