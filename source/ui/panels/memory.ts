// Host memory as a map, a letter for whoever has most of each cell; and who reaches the chosen page, and why.

import {domainMap, SHARED} from '../../explain/domain-map.js';
import {type Cell, cellAt, type MemoryMap, memoryMap} from '../../explain/memory-map.js';
import {reachOf} from '../../explain/reach.js';
import {hex} from '../../formats/address.js';
import {plural, sizeText} from '../../words.js';
import {type Row, type Span, widthOf, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import {hostOf} from '../state/ranges-shown.js';
import type {Ui} from '../state/store.js';
import type {Tone} from '../theme.js';

/** The map in a box: its cells from address 0 on, row by row. */
export type Grid = {map: MemoryMap; columns: number};

const LEGEND_ROWS = 2;

export function gridOf(ui: Ui, width: number, height: number): Grid {
	const columns = width - 2;
	const wanted = columns * Math.max(1, height - LEGEND_ROWS);
	const {state, views, kind} = ui;
	return {
		map: kind !== 'lab' ? domainMap(state.owned, views, wanted) : memoryMap(state, hostOf(ui), wanted),
		columns,
	};
}

export function mapPanel(ui: Ui, width: number, height: number): List {
	const grid = gridOf(ui, width, height);
	const {map, columns} = grid;
	if (map.cells.length === 0) return list('MEMORY', [[' What memory there is cannot be seen.']]);
	const chosen = cellAt(map, ui.page) ?? -1;
	const rows = Array.from(
		{length: Math.ceil(map.cells.length / columns)},
		(_, y): Row => [
			' ',
			...map.cells
				.slice(y * columns, (y + 1) * columns)
				.map((cell, x): Span => [cell.letter, y * columns + x === chosen ? 'chosen' : toneOf(cell)]),
		],
	);
	const size = sizeText((map.pages / map.cells.length) * 4096);
	const legend = map.legend
		.map(({letter, text}) => `${letter === ' ' ? 'blank' : letter} ${text}`)
		.join('  ');
	return list(`MEMORY ─ ${size} a letter ─ ←↑↓→ ${hex(ui.page)}`, [
		...rows,
		[[` ${legend}`, 'dim']],
		ui.kind === 'lab' ? MISSING : sharedWords(map),
	]);
}

const MISSING: Row = [' ', ['underlined', 'missing'], [': not in the host domain, or not all of it', 'dim']];

/** A letter stands for the page of its cell that most domains reach, so the legend alone does not say how many. */
const sharedWords = ({legend}: MemoryMap): Row => [
	[` ${legend.map(({letter, pages}) => `${letter} ${plural(pages, 'page')}`).join('  ')}`, 'dim'],
];

function toneOf({owner, mapped}: Cell): Tone {
	if (mapped === 'none' || mapped === 'some') return 'missing';
	if (owner === 'kernel') return 'ownerKernel';
	if (owner === 'iommu tables') return 'ownerTables';
	if (owner === 'free' || owner === SHARED.none.text) return 'ownerFree';
	if (owner === SHARED.several.text) return 'ownerBuffer';
	if (owner.startsWith('bhyve ')) return 'ownerBuffer';
	const guest = /^vm(\d+)$/.exec(owner)?.[1];
	return guest === undefined
		? 'ownerGuest0'
		: (['ownerGuest0', 'ownerGuest1', 'ownerGuest2', 'ownerGuest3'] as const)[Number(guest) % 4];
}

export function reachPanel({machine, state, views, page}: Ui, width: number): List {
	const reached = reachOf(machine.memory, state, views, page);
	const names = Math.max(8, ...reached.map(({who}) => widthOf(who) + 1));
	const rows = reached.flatMap(({who, how, at, why}): Row[] => [
		[
			how === 'nothing' ? [' ✗ ', 'dim'] : [' ✓ ', 'good'],
			[who.padEnd(names), 'key'],
			[how, how === 'nothing' ? 'dim' : 'plain'],
			at === undefined ? '' : [` at ${hex(at)}`, 'dim'],
		],
		...wrap(why, width - 5).map((line): Row => [[`   ${line.trim()}`, 'dim']]),
	]);
	return list(`WHO REACHES ${hex(page)}`, rows);
}
