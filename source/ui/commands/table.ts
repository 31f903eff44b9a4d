// What can be done with a table of ranges: filter it, sort it, go to an address.

import {SORTS} from '../../seam/filter.js';
import {say, type Ui} from '../store.js';
import type {UiCommand} from './command.js';

const onTable = ({focus}: Ui): boolean => focus === 'host' || focus === 'guest';

export const tableCommands: readonly UiCommand[] = [
	{
		id: 'filter',
		keys: ['/'],
		shown: '/',
		label: 'filter',
		description: 'Rows by address, owner or permission: vm0 -- 0x1000-0x2000 >100 !free',
		group: 'Look',
		hint: 7,
		when: onTable,
		run: store =>
			store.setState(({filters, focus}) => ({prompt: {asks: 'filter', text: filters[focus] ?? ''}})),
	},
	{
		id: 'sort',
		keys: ['s'],
		shown: 's',
		label: 'sort',
		description: 'By address, pages or owner',
		group: 'Look',
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
		id: 'address',
		keys: ['a'],
		shown: 'a',
		label: 'address',
		description: 'Go to an address',
		group: 'Look',
		hint: 2,
		when: ui => onTable(ui) || ui.focus === 'map' || ui.focus === 'walk' || ui.focus === 'page',
		run: store => store.setState({prompt: {asks: 'address', text: ''}}),
	},
];
