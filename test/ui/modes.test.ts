import assert from 'node:assert/strict';
import {test} from 'node:test';
import {modesAlone} from '../../source/ui/modes.js';

test('of what Ink writes the modes go to the terminal, at once; frames and erasing do not', () => {
	const written: string[] = [];
	const output = modesAlone({columns: 80, rows: 24, write: data => written.push(data)});
	output.write('\x1b[?1049h');
	output.write('\x1b[?25l');
	output.write('\x1b[?2026h');
	output.write('\x1b[2K\x1b[1A\x1b[2K\x1b[G\n');
	output.write('a line of the console\n\x1b[?2026l');
	output.write('\x1b[?2004l\x1b[?1049l\x1b[?25h');
	assert.deepEqual(written, ['\x1b[?1049h', '\x1b[?25l', '\x1b[?2004l', '\x1b[?1049l', '\x1b[?25h']);
	assert.deepEqual([output.isTTY, output.columns, output.rows], [true, 80, 24]);
});
