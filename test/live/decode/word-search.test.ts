import assert from 'node:assert/strict';
import {test} from 'node:test';
import {seededRandom} from '../../../source/lab/build/random.js';
import {WordSearch} from '../../../source/live/decode/word-search.js';

test('each of many words is found wherever it starts', () => {
	const words = ['DMAR: ', 'AMD-Vi', '_FAULT', 'fault:'];
	const search = new WordSearch(words);
	for (const [index, word] of words.entries())
		for (let at = 0; at < 9; at++) {
			// A buffer at any address.
			const bytes = Buffer.from(`${'?'.repeat(at)}${'.'.repeat(at)}${word}\n`).subarray(at);
			assert.deepEqual([search.next(bytes, 0), search.word], [at, index]);
			assert.equal(search.next(bytes, at + 1), -1);
		}
});

test('it finds what a search for each word finds', () => {
	const words = ['aaabbb', 'bbbaaa', 'ababab', 'baaaab', 'aaaaaa'];
	const search = new WordSearch(words);
	const random = seededRandom(1);
	const bytes = Buffer.from(Array.from({length: 4000}, () => 97 + Math.floor(random() * 2)));
	const text = bytes.toString();
	const expected = Array.from({length: text.length - 6}, (_, at) => at).filter(at =>
		words.some(word => text.startsWith(word, at)),
	);
	const found = new Set<number>();
	for (let at = 0; at < text.length; at++) {
		const next = search.next(Buffer.concat([bytes, Buffer.from('\n')]), at);
		if (next >= 0) found.add(next);
	}
	assert.ok(expected.length > 100);
	assert.deepEqual(
		[...found].sort((a, b) => a - b),
		expected,
	);
});

test('a word of fewer bytes than can be searched for is refused', () => {
	assert.throws(() => new WordSearch(['DMAR:']), /too short/);
});
