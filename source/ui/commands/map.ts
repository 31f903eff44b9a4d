// Moving over the map of memory, cell by cell and row by row.

import type {UiCommand} from './command.js';

export const mapCommands: readonly UiCommand[] = [
	mapCommand('map-left', ['left', 'h'], '←', 'The previous cell', -1, 0),
	mapCommand('map-right', ['right', 'l'], '→', 'The next cell', 1, 0),
	mapCommand('map-up', ['up', 'k'], '↑', 'The row above', 0, -1),
	mapCommand('map-down', ['down', 'j'], '↓', 'The row below', 0, 1),
];

function mapCommand(
	id: string,
	keys: readonly string[],
	shown: string,
	description: string,
	right: number,
	down: number,
): UiCommand {
	return {
		id,
		keys,
		shown,
		label: 'map',
		description,
		group: 'Display',
		place: 'map',
		when: ({focus, overlay}) => focus === 'map' && overlay === undefined,
		run: (_store, app) => app.grid()?.move(right, down),
	};
}
