import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {asciiOf} from '../../source/text/glyphs.js';
import {graph, roundTop, sparkline} from '../../source/text/graph.js';
import {widthOf} from '../../source/text/width.js';

const RISE = [0, 1, 2, 4, 8, 16, 12, 8, 4, 2, 1, 0];

test('bars with a scale, in Unicode and in ASCII', () => {
	const lines = graph(RISE, {width: 17, height: 3, label: String});
	assert.deepEqual(lines, ['20        ▃      ', '         ▂█▆▂    ', ' 0    ▁▂▅████▅▂▁ ']);
	assert.deepEqual(lines.map(asciiOf), ['20        :      ', '         .#+.    ', ' 0    _.=####=._ ']);
});

test('braille shows two values a column', () => {
	const lines = graph(RISE, {width: 9, height: 3, style: 'braille', label: String});
	assert.deepEqual(lines, ['20   ⢠   ', '     ⣸⣆  ', ' 0 ⢀⣠⣿⣿⣄⡀']);
	assert.deepEqual(lines.map(asciiOf), ['20   :   ', '     +=  ', ' 0 .-##-.']);
});

test('a sparkline takes one row, and the latest value is at its right', () => {
	assert.equal(sparkline(RISE, 14), '   ▁▁▂▃▆▅▃▂▁▁ ');
	assert.equal(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 4), '▅▆▇█');
	assert.equal(sparkline([], 3), '   ');
	assert.equal(sparkline([5], 0), '');
	assert.equal(sparkline([4, 4], 2, 8), '▄▄');
});

test('the top is a round number above all visible values, and values above a given top are cut', () => {
	assert.deepEqual(
		[0, 0.4, 1, 2, 7, 16, 101, 2300, 9999].map(value => roundTop([value])),
		[1, 1, 1, 2, 8, 20, 150, 3000, 10_000],
	);
	assert.deepEqual(graph([9000, 1], {width: 1, height: 1}), ['█']);
	assert.deepEqual(graph([50], {width: 1, height: 2, top: 10}), ['█', '█']);
});

test('something is never shown as nothing, nor nothing as something', () => {
	assert.equal(sparkline([1, 0, 1000], 3), '▁ █');
	assert.equal(sparkline([0, Number.NaN, -3, Number.POSITIVE_INFINITY], 4), '    ');
});

test('any values and any box give that many lines of exactly that width, in ASCII too', () => {
	const box = fc.record({
		width: fc.integer({min: 0, max: 60}),
		height: fc.integer({min: 0, max: 12}),
		style: fc.constantFrom('bars' as const, 'braille' as const),
		top: fc.option(fc.double({min: 0, noNaN: true}), {nil: undefined}),
		label: fc.constantFrom(undefined, String, () => 'a very long label'),
	});
	fc.assert(
		fc.property(fc.array(fc.oneof(fc.nat(), fc.double()), {maxLength: 200}), box, (values, given) => {
			const lines = graph(values, given);
			assert.equal(lines.length, given.width === 0 ? 0 : given.height);
			for (const line of lines)
				assert.deepEqual([widthOf(line), asciiOf(line).length], [given.width, given.width]);
		}),
		{seed: 51, numRuns: 500},
	);
});
