import {test} from 'node:test';
import type * as Dashboard from '../../helpers/dashboard.js';
import {openTestLab} from '../../helpers/lab.js';
import {importBoth, sameCells} from '../../helpers/same-cells.js';

const {stock, fast} = await importBoth<typeof Dashboard>('test/helpers/dashboard.tsx');

/** A loss, each view, lists that move, help, and the same on a terminal of another size. */
const KEYS = [
	...[
		'\r',
		'\x1b2',
		'j',
		'\x1b3',
		'\x1b4',
		'\x1b[B',
		'\x1b5',
		'j',
		'\x1b6',
		'\x1b7',
		'\x1b8',
		'?',
		'j',
		'\x1b',
	],
	...['\x1b1', 'p', '\r', '\t', 'z', 'z', ':', 'p', '\x0c'],
];

for (const size of [
	{columns: 80, rows: 24},
	{columns: 120, rows: 40},
	{columns: 200, rows: 60},
])
	test(`the dashboard at ${size.columns}×${size.rows} shows what it shows with Ink alone`, async t => {
		const [one, other] = [openTestLab(t), openTestLab(t)];
		await sameCells<string>(
			{
				stock: (screen, keyboard) => stock.start(screen, keyboard, one),
				fast: (screen, keyboard) => fast.start(screen, keyboard, other),
			},
			size,
			[...KEYS, {columns: 100, rows: 30}, '\x1b2', {columns: 130, rows: 45}, '\x1b1', '\r'],
		);
	});
