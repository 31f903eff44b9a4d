import assert from 'node:assert/strict';
import {Writable} from 'node:stream';
import {test} from 'node:test';
import type * as Model from '../../helpers/ink-model.js';
import {importBoth, type Size, sameCells} from '../../helpers/same-cells.js';
import {Keyboard, Screen} from '../../helpers/tty.js';

const {stock, fast} = await importBoth<typeof Model>('test/helpers/ink-model.tsx');
type Options = Parameters<typeof Model.start>[2];

const same = (options: Options, size: Size, steps: readonly (Model.ModelStep | Size)[]) =>
	sameCells<Model.ModelStep>(
		{
			stock: (screen, keyboard) => stock.start(screen, keyboard, options),
			fast: (screen, keyboard) => fast.start(screen, keyboard, options),
		},
		size,
		steps,
	);

const SMALL = {columns: 80, rows: 24};
const SIZES: readonly Size[] = [SMALL, {columns: 120, rows: 40}, {columns: 31, rows: 17}];
const many = <T>(n: number, step: T): T[] => Array.from({length: n}, () => step);

for (const [i, size] of SIZES.entries())
	test(`random changes at ${size.columns}×${size.rows} leave the cells that stock Ink leaves`, async () => {
		await same({seed: i}, size, many(25, 'act'));
	});

test('random resizes leave the cells that stock Ink leaves', async () => {
	const next = stock.random(5);
	const steps = Array.from({length: 30}, () =>
		next(3) === 0 ? {columns: 30 + next(70), rows: 12 + next(30)} : 'act',
	);
	await same({seed: 5}, SMALL, steps);
});

const OTHERS: readonly Model.ModelStep[] = [
	'act',
	{less: 3},
	'act',
	'act',
	{less: 1},
	'transfer',
	{less: 0},
	'act',
	{write: 'a line\n'},
	'act',
	{write: 'more\nlines\n'},
	{write: ''},
	'transfer',
	{suspend: 'somebody else\n'},
	'act',
	'act',
	{print: 'above'},
	'act',
	{print: 'again'},
	'act',
	{less: 2},
	{write: 'x\n'},
	'act',
	{suspend: 'y\n'},
	{print: 'z'},
	'act',
	{less: 0},
	'act',
];

test('small frames, printed text and suspensions leave the cells that stock Ink leaves', async () => {
	await same({seed: 6}, SMALL, OTHERS);
});

test('on the primary screen the history is that of stock Ink too', async () => {
	await same({seed: 7, alternateScreen: false}, SMALL, OTHERS);
});

test('without incrementalRendering the cells are those of stock Ink', async () => {
	await same({seed: 8, incrementalRendering: false}, SMALL, OTHERS);
});

test('in screen-reader mode the cells are those of stock Ink', async () => {
	await same(
		{seed: 9, isScreenReaderEnabled: true, alternateScreen: false},
		{columns: 400, rows: 90},
		OTHERS,
	);
});

test('renderToString gives the text that stock Ink gives', () => {
	for (const seed of [1, 2]) assert.equal(fast.textOf(seed, 9, 100), stock.textOf(seed, 9, 100));
});

/** The bytes of an app that does not draw on a terminal. */
async function written(start: typeof stock.start, options: Options): Promise<string> {
	const chunks: string[] = [];
	const stdout = new Writable({
		decodeStrings: false,
		write: (chunk: string, _encoding, done) => {
			chunks.push(chunk);
			done();
		},
	});
	const app = start(stdout, new Keyboard(), {...options, alternateScreen: false});
	for (const step of OTHERS.slice(0, 14)) {
		await app.act(step);
		await app.flush();
	}
	app.end();
	return chunks.join('');
}

for (const options of [{interactive: false}, {debug: true}])
	test(`with ${JSON.stringify(options)} the bytes are those of stock Ink`, async () => {
		const way = {seed: 10, ...options};
		assert.equal(await written(fast.start, way), await written(stock.start, way));
	});

test('a redraw removes what another program wrote over the frame', async () => {
	const screen = new Screen(SMALL.columns, SMALL.rows);
	const app = fast.start(screen, new Keyboard(), {seed: 11});
	const shown = async () => {
		await app.flush();
		await screen.settled();
		return screen.text();
	};
	const before = await shown();
	screen.write('\x1b[5;30H\x1b[31mkernel: something\n happened\n');
	assert.notEqual(await shown(), before);
	app.redraw();
	assert.equal(await shown(), before);
	app.end();
});
