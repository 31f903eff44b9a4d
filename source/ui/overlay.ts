// What lies over the panels: help, or the palette of commands.

import type {Content} from './content.js';
import {helpPanel} from './help.js';
import {palettePanel} from './palette.js';
import type {Ui} from './store.js';

export const overlayPanel = (ui: Ui, width: number): {name: 'help' | 'palette'; content: Content} =>
	ui.overlay === 'palette'
		? {name: 'palette', content: palettePanel(ui)}
		: {name: 'help', content: helpPanel(width, ui.state, ui.kind)};
