import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {fit, widthOf} from '../../source/ui/rows.js';

const text = fc.oneof(
	fc.string({maxLength: 40}),
	fc.constantFrom('日本語のラベル', 'naïve – ▸ →', '👩‍💻 emoji', 'é'),
);
const printable = text.map(value => value.replace(/\p{C}/gu, ''));

test('a fitted text takes exactly its width', () => {
	fc.assert(
		fc.property(printable, fc.integer({min: 0, max: 60}), (value, width) => {
			assert.equal(widthOf(fit(value, width)), width);
		}),
		{seed: 11},
	);
});

test('no text has the terminal do anything: what is no sign is a question mark', () => {
	assert.equal(fit('a\x1b[2Jb\n', 8), 'a?[2Jb? ');
	assert.equal(fit('vm\u202eevil\u2066\u200b', 10), 'vm?evil?? ');
});
