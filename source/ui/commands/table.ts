// What can be done with a table of ranges: filter it, sort it, go to an address.

import {SORTS} from '../../explain/filter.js';
import {isTable, rangesShown} from '../state/ranges-shown.js';
import {type Store, say, type Ui} from '../state/store.js';
import {isFilteredList} from '../state/text-filter.js';
import {unfoldKey} from '../state/unfold.js';
import type {UiCommand} from './command.js';

const onTable = ({focus}: Ui): boolean => isTable(focus);

export const tableCommands: readonly UiCommand[] = [
	{
		id: 'filter',
		keys: ['/'],
		shown: '/',
		label: 'filter',
		description: 'Filter by address, owner or permission: vm0 -- 0x1000-0x2000 >100 !free',
		group: 'Display',
		hint: 7,
		when: ui => onTable(ui) || isFilteredList(ui.focus),
		run: store =>
			store.setState(({filters, focus}) => ({prompt: {asks: 'filter', text: filters[focus] ?? ''}})),
	},
	{
		id: 'sort',
		keys: ['s'],
		shown: 's',
		label: 'sort',
		description: 'Sort by address, pages or owner',
		group: 'Display',
		hint: 3,
		when: onTable,
		run: store => {
			store.setState(({sorts, focus}) => ({
				sorts: {...sorts, [focus]: ((sorts[focus] ?? 0) + 1) % SORTS.length},
			}));
			const {sorts, focus} = store.getState();
			say(store, `Sorted by ${SORTS[sorts[focus] ?? 0].name}.`, 'key');
		},
	},
	{
		id: 'unfold',
		keys: ['right', 'l'],
		shown: '→',
		label: 'unfold',
		description: 'Expand into entries of the next lower level',
		group: 'Display',
		place: 'list',
		when: onTable,
		run: store => fold(store, true),
	},
	{
		id: 'fold',
		keys: ['left', 'h'],
		shown: '←',
		label: 'fold',
		description: 'Collapse into one row',
		group: 'Display',
		place: 'list',
		when: onTable,
		run: store => fold(store, false),
	},
	{
		id: 'address',
		keys: ['a'],
		shown: 'a',
		label: 'address',
		description: 'Go to an address',
		group: 'Display',
		hint: 2,
		when: ui => onTable(ui) || ['map', 'walk', 'reach', 'page'].includes(ui.focus),
		run: store => store.setState({prompt: {asks: 'address', text: ''}}),
	},
];

/** Unfolds the chosen row; or folds it, or the one that it is a part of. */
function fold(store: Store, open: boolean): void {
	const ui = store.getState();
	const {focus, places} = ui;
	if (!isTable(focus)) return;
	const rows = rangesShown(ui, focus)?.ranges ?? [];
	let at = places[focus]?.cursor ?? 0;
	if (rows[at] === undefined) return;
	const keys = new Set(ui.unfolded[focus]);
	if (open) keys.add(unfoldKey(rows[at]));
	else {
		const {depth = 0} = rows[at];
		while (!keys.has(unfoldKey(rows[at])) && depth > 0 && (rows[at].depth ?? 0) >= depth) at--;
		keys.delete(unfoldKey(rows[at]));
	}
	store.setState({
		unfolded: {...ui.unfolded, [focus]: keys},
		places: {...places, [focus]: {top: places[focus]?.top ?? 0, cursor: at}},
	});
}
