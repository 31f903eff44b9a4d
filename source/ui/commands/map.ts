// Moving over the map of memory, cell by cell and row by row.

import {addressOfCell, cellAt} from '../../explain/memory-map.js';
import {gridOf} from '../panels/memory.js';
import {boxOf} from '../place.js';
import type {Store} from '../state/store.js';
import type {UiCommand} from './command.js';

export const mapCommands: readonly UiCommand[] = [
	mapCommand('map-left', ['left', 'h'], '←', 'The cell before', () => -1),
	mapCommand('map-right', ['right', 'l'], '→', 'The cell after', () => 1),
	mapCommand('map-up', ['up', 'k'], '↑', 'The row above', columns => -columns),
	mapCommand('map-down', ['down', 'j'], '↓', 'The row below', columns => columns),
];

function mapCommand(
	id: string,
	keys: readonly string[],
	shown: string,
	description: string,
	by: (columns: number) => number,
): UiCommand {
	return {
		id,
		keys,
		shown,
		label: 'map',
		description,
		group: 'Look',
		place: 'map',
		when: ({focus, overlay}) => focus === 'map' && overlay === undefined,
		run: store => move(store, by),
	};
}

function move(store: Store, by: (columns: number) => number): void {
	const ui = store.getState();
	const box = boxOf(ui, 'map');
	if (box === undefined) return;
	const grid = gridOf(ui, box.width - 2, box.height - 2);
	const cell = (cellAt(grid.map, ui.page) ?? 0) + by(grid.columns);
	if (cell >= 0 && cell < grid.map.cells.length) store.setState({page: addressOfCell(grid.map, cell)});
}
