// What lies over the panels: help, or the palette of commands.

import {palettePanel} from './commands/palette.js';
import {helpPanel} from './help.js';
import type {Content} from './state/list.js';
import type {Ui} from './state/store.js';

export const overlayPanel = (ui: Ui, width: number): {name: 'help' | 'palette'; content: Content} =>
	ui.overlay === 'palette'
		? {name: 'palette', content: palettePanel(ui)}
		: {name: 'help', content: helpPanel(width, ui.state, ui.kind)};
