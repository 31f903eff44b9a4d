import {test} from 'node:test';
import type * as Model from '../../helpers/ink-model.js';
import {bothWays, type Size, sameCells} from '../../helpers/same-cells.js';

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
		await same({seed: i}, size, many(30, 'act'));
	});

test('so it is after each resize, in whatever order they come', async () => {
	const next = ink.random(5);
	const steps = Array.from({length: 40}, () =>
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
