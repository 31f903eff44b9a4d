// Each view as a person sees it, kept as text: npm run screens writes them anew.

import assert from 'node:assert/strict';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout as wait} from 'node:timers/promises';
import {startScenario, takeStep} from '../../source/ui/state/play.js';
import {type Store, show} from '../../source/ui/state/store.js';
import {VIEWS, type ViewId, viewIdsOf} from '../../source/ui/state/views.js';
import {type Cell, cellsOf} from '../helpers/cells.js';
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

const LAB_VIEWS = viewIdsOf('lab');

/** A view after a read that was lost, where it compares: after that read under every policy. */
async function open(t: TestContext, view: ViewId, columns: number, rows: number) {
	const session = openDashboard(t, openTestLab(t), columns, rows);
	const {store, press} = session;
	await press('enter', `alt-${VIEWS.indexOf(view) + 1}`);
	if (view === 'compare') {
		await press('enter');
		while (!/under each policy/.test(store.getState().message.text)) await wait(5);
	}
	steady(store);
	return session;
}

/** What differs from computer to computer and from moment to moment: rows that are lit, the disk's way, and times. */
function steady(store: Store): void {
	store.setState(({state, compared}) => ({
		changed: new Map(),
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
	await session.press(`alt-${VIEWS.indexOf(view) + 1}`);
	return session;
}

const shown = [
	...LAB_VIEWS.map(view => ({name: view, view, enterAction: open})),
	...viewIdsOf('host').map(view => ({name: `host-${view}`, view, enterAction: openHost})),
];

for (const {name, view, enterAction} of shown) {
	for (const [columns, rows] of SIZES) {
		test(`${name} at ${columns}×${rows}: dark, without colour, in ASCII`, async t => {
			const {terminal, appear, screen} = await enterAction(t, view, columns, rows);
			const text = bare(await screen());
			const lines = text.split('\n');
			assert.match(lines[0], new RegExp(` ${VIEWS.indexOf(view) + 1} ${view}( |$)`));
			for (const line of lines.slice(1, rows - 2))
				assert.match(line, new RegExp(`^[╭│╰].{${columns - 2}}[╮│╯]$`));
			const dark = await looksOf(cellsOf(terminal), 'dark');

			const bareText = bare(await appear('plain'));
			const cells = cellsOf(terminal);
			assert.ok(cells.flat().every(({coloured}) => !coloured));
			const plain = await looksOf(cells, 'plain');

			const ascii = bare(await appear('plain', true));
			assert.match(ascii, /^[\x20-\x7e\n]*$/);
			assert.doesNotMatch(ascii.slice(ascii.lastIndexOf('\n')), / [<>^] /, 'keys have names');
			t.assert.fileSnapshot(
				`${[text, 'DARK', dark, 'NO COLOUR', bareText, plain, 'ASCII', ascii].join('\n\n')}\n`,
				path.join(SCREENS, `${name}-${columns}x${rows}.txt`),
				{serializers: [String]},
			);
		});
	}
}

/** Tells a panel from the next, and where it ends. */
const EDGE = /[│╭╮╰╯]/;

/** The screen in pieces, panel by panel and row by row: what each reads, and how its cells look. */
function piecesOf(rows: readonly (readonly Cell[])[]): {text: string; looks: string}[] {
	return rows.flatMap(row => {
		const pieces = [{text: '', looks: ''}];
		for (const {sign, look, words} of row) {
			if (EDGE.test(sign)) pieces.push({text: '', looks: ''});
			const piece = pieces[pieces.length - 1];
			piece.text += sign;
			// A border's colour says which panel has the focus; so does its title, which tells it without colour too.
			if (EDGE.test(sign) || piece.text.startsWith('╰') || (piece.text.startsWith('╭') && sign === '─'))
				continue;
			// The colour of a blank is seen only where it has a ground.
			piece.looks += `${sign === ' ' && !/on|inverse|underlined/.test(words) ? '' : look}|`;
		}
		return pieces;
	});
}

for (const theme of ['dark', 'light', 'colour-blind'] as const) {
	test(`no hue of the ${theme} theme says what is not said without: what reads alike there looks alike here`, async t => {
		const known = new Map<string, string>();
		const {store, terminal, appear} = openDashboard(t, openTestLab(t), 80, 24);
		startScenario(store, 'tour');
		// The map has colours in the place of letters.
		const views = LAB_VIEWS.filter(view => view !== 'memory');
		for (let step = 0; step <= 10; step++) {
			// Half of the views at each step: an app takes its time for a frame.
			for (const view of views.filter((_, i) => i % 2 === step % 2)) {
				show(store, view);
				await appear('plain');
				const bare = piecesOf(cellsOf(terminal));
				await appear(theme);
				const coloured = piecesOf(cellsOf(terminal));
				bare.forEach(({text, looks}, i) => {
					assert.equal(coloured[i].text, text);
					const key = `${text}\n${looks}`;
					assert.equal(coloured[i].looks, known.get(key) ?? coloured[i].looks, text);
					known.set(key, coloured[i].looks);
				});
			}
			takeStep(store);
		}
		assert.ok(known.size > 200, `${known.size}`);
	});
}
