import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {masked, printable} from '../../source/printable.js';
import {jsonLines, printTo} from '../../source/text/print.js';
import type {Line} from '../../source/text/rows.js';
import {show} from '../../source/words.js';
import {assertHarmless, HOSTILE, hostile} from '../helpers/escapes.js';

function printed(lines: string | readonly Line[], isTTY = false): string {
	let written = '';
	printTo({isTTY, write: text => (written += text)})(lines);
	return written;
}

const anyText = fc.oneof(hostile, fc.string({unit: 'binary'}), fc.string({unit: 'grapheme'}));
const aLine: fc.Arbitrary<Line> = fc.oneof(
	anyText,
	fc.array(fc.oneof(anyText, fc.tuple(anyText, fc.constantFrom('title' as const, 'bad' as const)))),
);

test('control, bidi and invisible characters are written out', () => {
	for (const text of HOSTILE) {
		assertHarmless(printable(text), JSON.stringify(text));
		assertHarmless(masked(text), JSON.stringify(text));
		assertHarmless(show(text), JSON.stringify(text));
		assert.notEqual(printable(text), text);
	}
	assert.equal(printable('\x1b]52;\x9b\u202e\u{e0041}\n'), '\\u001b]52;\\u009b\\u202e\\udb40\\udc41\\u000a');
});

test('all other text is printed unchanged', () => {
	for (const text of [
		'vm0 → 0x1000, 3 µs',
		'größe',
		'é',
		'日本語',
		'שלום',
		'नमस्ते',
		'⚠\ufe0f 😀 👍🏽',
		'\u00a0',
	])
		assert.equal(printed(text), `${text}\n`);
});

test('each given line prints as one harmless line', () => {
	fc.assert(
		fc.property(fc.array(aLine, {minLength: 1}), lines => {
			const out = printed(lines);
			assertHarmless(out, 'print');
			assert.equal(out.split('\n').length, lines.length + 1);
		}),
		{seed: 51, numRuns: 2000},
	);
});

test('on a terminal the program colours, and text from elsewhere does not', () => {
	const {NO_COLOR, TERM} = process.env;
	delete process.env.NO_COLOR;
	process.env.TERM = 'xterm';
	try {
		const line: Line = ['a ', ['\x1b[31mred', 'title'], '\x1b[m'];
		assert.equal(printed([line], true), 'a \x1b[1m\\u001b[31mred\x1b[22m\\u001b[m\n');
		assert.equal(printed([line]), 'a \\u001b[31mred\\u001b[m\n');
		process.env.NO_COLOR = '1';
		assert.equal(printed([line], true), printed([line]));
	} finally {
		if (NO_COLOR === undefined) delete process.env.NO_COLOR;
		else process.env.NO_COLOR = NO_COLOR;
		if (TERM === undefined) delete process.env.TERM;
		else process.env.TERM = TERM;
	}
});

test('a line of JSON stays JSON, and says the same', () => {
	fc.assert(
		fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.array(hostile))), value => {
			for (const lines of [JSON.stringify(value), jsonLines(value)]) {
				const out = printed(lines);
				assertHarmless(out, 'print');
				assert.equal(JSON.stringify(JSON.parse(out)), JSON.stringify(value));
			}
		}),
		{seed: 52, numRuns: 1000},
	);
});

test('a broken stream is reported at once', () => {
	const error = new Error('EPIPE');
	const logged: Error[] = [];
	const stream = {errored: undefined as Error | undefined, write: () => (stream.errored = error)};
	printTo(stream, why => logged.push(why))('a line');
	assert.deepEqual(logged, [error]);
});
