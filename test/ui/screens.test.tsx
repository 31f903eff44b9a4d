// Each view as a person sees it, kept as text: npm run screens writes them anew.

import assert from 'node:assert/strict';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout as wait} from 'node:timers/promises';
import {setAscii} from '../../source/ui/glyphs.js';
import type {Line} from '../../source/ui/rows.js';
import {screenLines} from '../../source/ui/screen.js';
import {startScenario, takeStep} from '../../source/ui/state/play.js';
import {createUi, type Store, show} from '../../source/ui/state/store.js';
import {VIEWS, type ViewId, viewIdsOf} from '../../source/ui/state/views.js';
import {setTheme} from '../../source/ui/theme.js';
import {cellsOf} from '../helpers/cells.js';
import {capturedHost} from '../helpers/host-machine.js';
import {openTestLab} from '../helpers/lab.js';
import {looksOf} from '../helpers/looks.js';
import {openDashboard} from '../helpers/terminal.js';

const SCREENS = path.join(import.meta.dirname, 'screens');
const SIZES = [
	[80, 24],
	[120, 40],
	[200, 60],
] as const;

const LAB_VIEWS = viewIdsOf({kind: 'lab'});

/** A view after a read that was lost, where it compares: after that read under every policy. */
async function open(t: TestContext, view: ViewId, columns: number, rows: number) {
	const session = openDashboard(t, openTestLab(t), columns, rows);
	const {store, press} = session;
	await press('enter', `${VIEWS.indexOf(view) + 1}`);
	if (view === 'compare') {
		await press('enter');
		while ((store.getState().compared?.results.length ?? 0) < 3) await wait(5);
	}
	steady(store);
	return session;
}

/** What differs from computer to computer and from moment to moment: rows that are lit, the disk's way, and times. */
function steady(store: Store): void {
	store.setState(({state, compared}) => ({
		changed: new Set(),
		state: {...state, disk: state.disk && {...state.disk, direct: false}},
		compared: compared && {
			...compared,
			results: compared.results.map(one => ({...one, measuredMs: 1})),
		},
	}));
}

/** Without blanks at the ends of rows, which a terminal tells from cells that were never written. */
const bare = (screen: string): string => screen.replace(/ +$/gm, '');

/** A view of a machine that was captured, with a log of faults. */
async function openHost(t: TestContext, view: ViewId, columns: number, rows: number) {
	const session = openDashboard(t, await capturedHost(), columns, rows);
	await session.press(`${VIEWS.indexOf(view) + 1}`);
	return session;
}

const shown = [
	...LAB_VIEWS.map(view => ({name: view, view, enterAction: open})),
	...viewIdsOf({kind: 'host'}).map(view => ({name: `host-${view}`, view, enterAction: openHost})),
];

for (const {name, view, enterAction} of shown) {
	for (const [columns, rows] of SIZES) {
		test(`${name} at ${columns}×${rows}: dark, without colour, in ASCII`, async t => {
			t.after(() => setAscii(false));
			setTheme('dark', 3);
			const {terminal, resize, screen} = await enterAction(t, view, columns, rows);
			const text = bare(await screen());
			const lines = text.split('\n');
			assert.match(lines[0], new RegExp(` ${VIEWS.indexOf(view) + 1} ${view}( |$)`));
			for (const line of lines.slice(1, rows - 2))
				assert.match(line, new RegExp(`^[╭│╰].{${columns - 2}}[╮│╯]$`));
			const dark = await looksOf(cellsOf(terminal));

			setTheme('plain', 3);
			assert.equal(bare(await resize(columns, rows)), text);
			const cells = cellsOf(terminal);
			assert.ok(cells.flat().every(({coloured}) => !coloured));
			const plain = await looksOf(cells);

			setAscii(true);
			const ascii = bare(await resize(columns, rows));
			assert.match(ascii, /^[\x20-\x7e\n]*$/);
			assert.doesNotMatch(ascii.slice(ascii.lastIndexOf('\n')), / [<>^] /, 'keys have names');
			t.assert.fileSnapshot(
				`${[text, 'DARK', dark, 'NO COLOUR', plain, 'ASCII', ascii].join('\n\n')}\n`,
				path.join(SCREENS, `${name}-${columns}x${rows}.txt`),
				{serializers: [String]},
			);
		});
	}
}

/** Tells a panel from the next, and where it ends. */
const EDGE = /[│╭╮╰╯]/;

/** The screen in pieces, panel by panel and row by row: what each reads, and how its cells look. */
function piecesOf(lines: readonly Line[]): {text: string; looks: string}[] {
	return lines.flatMap(line => {
		const pieces = [{text: '', looks: ''}];
		for (const [text, style] of line) {
			for (const sign of text) {
				if (EDGE.test(sign)) pieces.push({text: '', looks: ''});
				pieces[pieces.length - 1].text += sign;
				// The colour of a blank is seen only where it has a ground.
				pieces[pieces.length - 1].looks += `${sign === ' ' && !/7|4[0-9];/.test(style) ? '' : style}|`;
			}
		}
		return pieces;
	});
}

/** The session of the tour, every view at every step, with rows that are lit and rows that are not. */
function* moments(t: TestContext, columns: number, rows: number): Generator<Store> {
	const store = createUi(openTestLab(t), {columns, rows});
	startScenario(store, 'tour');
	for (let step = 0; step <= 10; step++) {
		for (const view of LAB_VIEWS) {
			show(store, view);
			yield store;
		}
		takeStep(store);
	}
}

for (const theme of ['dark', 'light', 'colour-blind'] as const) {
	test(`no hue of the ${theme} theme says what is not said without: what reads alike there looks alike here`, t => {
		const known = new Map<string, string>();
		for (const [columns, rows] of SIZES) {
			for (const store of moments(t, columns, rows)) {
				setTheme('plain', 3);
				const bare = piecesOf(screenLines(store.getState()));
				setTheme(theme, 3);
				const coloured = piecesOf(screenLines(store.getState()));
				bare.forEach(({text, looks}, i) => {
					assert.equal(coloured[i].text, text);
					const key = `${text}\n${looks}`;
					assert.equal(coloured[i].looks, known.get(key) ?? coloured[i].looks, text);
					known.set(key, coloured[i].looks);
				});
			}
		}
		assert.ok(known.size > 1000);
	});
}
