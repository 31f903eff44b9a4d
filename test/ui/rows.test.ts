import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {LEAST_COLUMNS, LEAST_ROWS, panelRows} from '../../source/ui/layout.js';
import {boxes, boxOf} from '../../source/ui/place.js';
import {bottomBorder, fit, paint, topBorder, widthOf, wrap} from '../../source/ui/rows.js';
import {VIEWS, viewIn, viewsOf} from '../../source/ui/state/views.js';
import {textOf} from '../helpers/lines.js';

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
	assert.equal(textOf(paint([['\x07disk', 'bad'], '\x1b]0;'], 12)), '?di…?]0;    ');
	assert.equal(textOf(topBorder('\x1b', 12, 'focus')), '╭  ────────╮');
});

test('a painted row takes exactly its width, lit or not, and so do borders', () => {
	fc.assert(
		fc.property(
			fc.array(printable, {maxLength: 6}),
			fc.integer({min: 8, max: 80}),
			fc.constantFrom(undefined, 'chosen' as const, 'changed' as const),
			(spans, width, lit) => {
				const row = spans.map((span, i) => (i % 2 === 0 ? span : ([span, 'bad'] as const)));
				assert.equal(widthOf(textOf(paint(row, width, lit))), width);
				for (const border of [
					topBorder(spans.join(''), width, 'focus'),
					bottomBorder(spans.join(''), width, 'border'),
				]) {
					assert.equal(widthOf(textOf(border)), width);
				}
			},
		),
		{seed: 12},
	);
});

test('wrapped lines hold every word in order', () => {
	fc.assert(
		fc.property(
			fc.array(fc.stringMatching(/^[a-z]{1,9}$/), {minLength: 1, maxLength: 20}),
			fc.integer({min: 12, max: 40}),
			(words, width) => {
				const lines = wrap(words.join(' '), width);
				assert.deepEqual(lines.join(' ').trim().split(/ +/), words);
				assert.ok(lines.every(line => line.length <= width));
			},
		),
		{seed: 13},
	);
});

test('every view fills every screen exactly, and shows the panel that has the focus', () => {
	fc.assert(
		fc.property(
			fc.integer({min: LEAST_COLUMNS, max: 400}),
			fc.integer({min: LEAST_ROWS, max: 150}),
			fc.constantFrom(...VIEWS),
			fc.nat(20),
			fc.boolean(),
			fc.boolean(),
			fc.boolean(),
			fc.constantFrom('lab', 'tables', 'host'),
			(columns, rows, named, nth, zoom, large, timeline, kind) => {
				const view = viewsOf({kind})[named] ? named : 'overview';
				const {panels} = viewIn({view, kind});
				const focus = panels[nth % panels.length];
				const ui = {view, kind, focus, zoom, large, size: {columns, rows}, recent: [focus], timeline};
				const lines = boxes(ui);
				assert.equal(
					lines.reduce((sum, line) => sum + line[0].height, 0),
					panelRows({rows}, timeline),
				);
				for (const line of lines) {
					assert.equal(
						line.reduce((sum, {width}) => sum + width, 0),
						columns,
					);
					assert.ok(line.every(({height, width}) => height === line[0].height && height >= 4 && width >= 20));
				}
				assert.ok(boxOf(ui, focus), `${view} ${focus}`);
			},
		),
		{seed: 14, numRuns: 1000},
	);
});

test('a name that would turn a line round, or is wider than it, is shown whole and in order', () => {
	assert.equal(fit('vm\u202eevil\u2066\u200b', 10), 'vm?evil?? ');
	assert.deepEqual(wrap(`a ${'n'.repeat(15)} b`, 12), ['a nnnnnnnnnn', '  nnnnn b']);
});
