// What arrows move in: what lies over the panels, else the focused panel, as large as it is on the screen.

import type {Target} from './commands/command.js';
import {helpPanel} from './help.js';
import {panelRows} from './layout.js';
import {panels} from './panels/index.js';
import {boxOf} from './place.js';
import type {Ui} from './state/store.js';

export function targetOf(ui: Ui): Target | undefined {
	const {columns, rows} = ui.size;
	if (ui.overlay === 'help')
		return {
			name: 'help',
			content: helpPanel(columns - 2, ui.state, ui.kind),
			height: panelRows({rows}, ui.timeline),
		};
	const box = boxOf(ui, ui.focus);
	if (box === undefined) return undefined;
	return {name: ui.focus, content: panels[ui.focus](ui, box.width - 2, box.height - 2), height: box.height};
}
