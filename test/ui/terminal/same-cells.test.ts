import assert from 'node:assert/strict';
import {Writable} from 'node:stream';
import {test} from 'node:test';
import type * as Model from '../../helpers/ink-model.js';
import {bothWays, type Size, sameCells} from '../../helpers/same-cells.js';
import {Keyboard} from '../../helpers/tty.js';

const {ink, below} = await bothWays<typeof Model>('test/helpers/ink-model.tsx');
type Options = Parameters<typeof Model.start>[2];

const same = (options: Options, size: Size, steps: readonly (Model.ModelStep | Size)[]) =>
	sameCells<Model.ModelStep>(
		{
			ink: (screen, keyboard) => ink.start(screen, keyboard, options),
			below: (screen, keyboard) => below.start(screen, keyboard, options),
		},
		size,
		steps,
	);

const SMALL = {columns: 80, rows: 24};
const SIZES: readonly Size[] = [SMALL, {columns: 120, rows: 40}, {columns: 31, rows: 17}];
const many = <T>(n: number, step: T): T[] => Array.from({length: n}, () => step);

for (const [i, size] of SIZES.entries())
	test(`whatever happens at ${size.columns}×${size.rows}, the terminal shows what Ink alone shows`, async () => {
		await same({seed: i}, size, many(25, 'act'));
	});

test('so it is after each resize, in whatever order they come', async () => {
	const next = ink.random(5);
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

test('so it is with frames that do not fill the terminal, and with what is written beside them', async () => {
	await same({seed: 6}, SMALL, OTHERS);
});

test('so it is on the screen that has a history', async () => {
	await same({seed: 7, alternateScreen: false}, SMALL, OTHERS);
});

test('so it is without incrementalRendering', async () => {
	await same({seed: 8, incrementalRendering: false}, SMALL, OTHERS);
});

test('so it is where a screen reader reads', async () => {
	await same(
		{seed: 9, isScreenReaderEnabled: true, alternateScreen: false},
		{columns: 400, rows: 90},
		OTHERS,
	);
});

test('renderToString gives what it gives in Ink alone', () => {
	for (const seed of [1, 2]) assert.equal(below.textOf(seed, 9, 100), ink.textOf(seed, 9, 100));
});

/** What an app writes that is never a frame on a terminal. */
async function written(start: typeof ink.start, options: Options): Promise<string> {
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
	test(`with ${JSON.stringify(options)} it writes what it writes in Ink alone`, async () => {
		const way = {seed: 10, ...options};
		assert.equal(await written(below.start, way), await written(ink.start, way));
	});
