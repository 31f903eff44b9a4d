import assert from 'node:assert/strict';
import {test} from 'node:test';
import {nearest} from '../source/did-you-mean.js';

const WORDS = ['theme', 'ascii', 'mouse', 'large', 'keys', 'next-panel', 'g'];

test('a typing error finds the word that was meant', () => {
	for (const [word, meant] of [
		['thme', 'theme'],
		['htmee', undefined],
		['tehme', 'theme'],
		['Theme', 'theme'],
		['asci', 'ascii'],
		['key', 'keys'],
		['nextpanel', 'next-panel'],
		['next-pnale', 'next-panel'],
		['banana', undefined],
		['', 'g'],
	] as const)
		assert.equal(nearest(word, WORDS), meant, word);
	assert.equal(nearest('theme', []), undefined);
});
