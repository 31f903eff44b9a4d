// The program itself.

import {diagramFor} from '../diagram.js';
import {settle, TOP} from '../state/list.js';
import {type Store, say} from '../state/store.js';
import {leaveTravel} from '../state/travel.js';
import type {AppControls, UiCommand} from './command.js';

/** Asks twice where something would be lost. */
function leave(store: Store, app: AppControls): void {
	const {machine, leaving} = store.getState();
	const unsettled = machine.lab?.history?.unsettled;
	if (unsettled?.unsaved !== undefined && !leaving) {
		store.setState({leaving: true});
		say(store, 'The disk’s old blocks are in memory alone: u saves them, q again loses them.', 'bad');
	} else leaveTravel(store, app.exit);
}

export const appCommands: readonly UiCommand[] = [
	{
		id: 'copy',
		keys: ['y'],
		shown: 'y',
		label: 'copy',
		description: 'Copy the selected row, or the message',
		group: 'dmascope',
		run: (store, app) => {
			const {message, places} = store.getState();
			const list = app.list();
			const chosen = list?.handle.selects && list.handle.count > 0 ? list : undefined;
			const text = chosen
				? chosen.handle.text(settle(chosen.handle, places[chosen.name] ?? TOP).cursor)
				: message.text;
			const refused = app.copy(text.trim());
			say(store, refused ?? `Copied: ${text.trim()}`, refused === undefined ? 'good' : 'warn');
		},
	},
	{
		id: 'picture',
		keys: ['S'],
		shown: 'S',
		label: 'picture',
		description: 'Save the screen as .svg, .html, .txt or .ansi',
		group: 'dmascope',
		run: store => store.setState(({view}) => ({prompt: {asks: 'screen', text: `${view}.svg`}})),
	},
	{
		id: 'diagram',
		keys: ['D'],
		shown: 'D',
		label: 'diagram',
		description: 'Save the walk, or the path, as a diagram',
		group: 'dmascope',
		when: ({kind}) => kind !== 'host',
		run: store => store.setState(ui => ({prompt: {asks: 'diagram', text: `${diagramFor(ui)}.svg`}})),
	},
	{
		id: 'palette',
		keys: [':'],
		shown: ':',
		label: 'commands',
		description: 'List every command by name',
		group: 'dmascope',
		hint: 1,
		run: store =>
			store.setState(({places}) => ({
				overlay: 'palette',
				prompt: {asks: 'palette', text: ''},
				places: {...places, palette: {top: 0, cursor: 0}},
			})),
	},
	{
		id: 'help',
		keys: ['?'],
		shown: '?',
		label: 'help',
		description: 'Explain every key; again: the glossary',
		group: 'dmascope',
		hint: 12,
		run: (store: Store) =>
			store.setState(({overlay, places}) => ({
				overlay: overlay === 'help' ? 'glossary' : overlay === 'glossary' ? undefined : 'help',
				places: {...places, help: TOP, glossary: TOP},
			})),
	},
	{
		id: 'redraw',
		keys: ['ctrl-l'],
		shown: '^L',
		label: 'redraw',
		description: 'Redraw the screen, if something else wrote on it',
		group: 'dmascope',
		terminal: true,
		run: (_store, app) => app.redraw(),
	},
	{
		id: 'suspend',
		keys: ['ctrl-z'],
		shown: '^Z',
		label: 'suspend',
		description: 'Suspend to the shell; fg returns',
		group: 'dmascope',
		terminal: true,
		run: (_store, app) => app.suspend(),
	},
	{
		id: 'quit',
		keys: ['q', 'ctrl-c'],
		shown: 'q',
		label: 'quit',
		description: 'Leave',
		group: 'dmascope',
		hint: 12,
		run: (store, app) => leave(store, app),
	},
];
