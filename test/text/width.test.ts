import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {fit, indented, padStart, widthOf, wrapped} from '../../source/text/width.js';

const text = fc.oneof(
	fc.string({maxLength: 40}),
	fc.constantFrom('日本語のラベル', 'naïve – ▸ →', '👩‍💻 emoji', 'é'),
);
const printable = text.map(value => value.replace(/\p{C}/gu, ''));
const sentence = fc.array(printable, {minLength: 1, maxLength: 20}).map(words => words.join(' '));
const withoutBlanks = (value: string): string => value.normalize().replaceAll(' ', '');

test('a fitted text takes exactly its width', () => {
	fc.assert(
		fc.property(printable, fc.integer({min: 0, max: 60}), (value, width) => {
			assert.equal(widthOf(fit(value, width)), width);
		}),
		{seed: 11},
	);
	assert.deepEqual([fit('日本語', 4), fit('domain', 4), padStart('日本', 6)], ['日… ', 'dom…', '  日本']);
});

test('no text controls the terminal: each unprintable character becomes a question mark', () => {
	assert.equal(fit('a\x1b[2Jb\n', 8), 'a?[2Jb? ');
	assert.equal(fit('vm\u202eevil\u2066\u200b', 10), 'vm?evil?? ');
});

test('wrapped and indented lines fit their width, with wide letters too, and lose no text', () => {
	fc.assert(
		fc.property(sentence, value => {
			for (const [lines, width] of [
				[wrapped(value, 20), 20],
				[indented(value, '  ', '      '), 80],
			] as const) {
				for (const line of lines) assert.ok(widthOf(line) <= width, line);
				assert.equal(withoutBlanks(lines.join('')), withoutBlanks(value));
			}
		}),
		{seed: 12},
	);
	assert.deepEqual(wrapped('日本語 in ten 0123456789abc', 10), ['日本語 in', 'ten 012345', '6789abc']);
	assert.deepEqual(indented(`${'a'.repeat(70)} of seven words`, '', '  '), [
		`${'a'.repeat(70)} of seven`,
		'  words',
	]);
	assert.deepEqual(wrapped('a\x1b[2J\nb'), ['a\\u001b[2J\\u000ab']);
});
