// Moving about: views, panels, lists.

import {moved, settle, TOP} from '../state/list.js';
import {chosenDomain} from '../state/ranges-shown.js';
import {focusOn, isReading, placeOn, type Store, show, type Ui} from '../state/store.js';
import {leaveThePast} from '../state/time.js';
import {type PanelId, panelsOf, VIEWS} from '../state/views.js';
import type {UiCommand} from './command.js';

const NAMES: Record<(typeof VIEWS)[number], string> = {
	overview: 'The tables, a transfer and its path',
	domains: 'The tables, full screen',
	walk: 'An address through every level, bit by bit',
	memory: 'Memory by owner, and who reaches a page',
	transfers: 'Every transfer, with its chain',
	compare: 'A transfer under each policy',
	faults: 'Refused accesses, explained',
	diagnosis: 'Problems, each with cause and cure',
	events: 'What a host’s kernel maps and unmaps',
};

const inList = (ui: Ui): boolean => isReading(ui) || (ui.focus !== 'model' && ui.focus !== 'map');

export const displayCommands: readonly UiCommand[] = [
	...VIEWS.map(
		(view, i): UiCommand => ({
			id: view,
			// In the form a digit is a number; with Alt it is a view everywhere.
			keys: [`${i + 1}`, `alt-${i + 1}`],
			shown: `${i + 1}`,
			label: view,
			description: NAMES[view],
			group: 'Views',
			run: store => show(store, view),
		}),
	),
	scrollCommand('up', ['up', 'k'], '↑', 'Up', at => at - 1),
	scrollCommand('down', ['down', 'j'], '↓', 'Down', at => at + 1),
	scrollCommand('page-up', ['pageup'], 'PgUp', 'A page up', (at, page) => at - page),
	scrollCommand('page-down', ['pagedown'], 'PgDn', 'A page down', (at, page) => at + page),
	scrollCommand('top', ['home', 'g'], 'g', 'To the top', () => 0),
	scrollCommand('bottom', ['end', 'G'], 'G', 'To the end', () => Number.MAX_SAFE_INTEGER),
	{
		id: 'open',
		keys: ['enter'],
		shown: '⏎',
		label: 'open',
		description: 'Open the selected row',
		group: 'Display',
		hint: 8,
		place: 'list',
		when: (_ui, opens) => opens,
		run: (store, app) => {
			const list = app.list();
			if (list === undefined) return;
			const {name, handle} = list;
			handle.enter?.(settle(handle, store.getState().places[name] ?? TOP).cursor);
		},
	},
	{
		id: 'next-panel',
		keys: ['tab'],
		shown: 'Tab',
		label: 'panel',
		description: 'Focus the next panel',
		group: 'Display',
		hint: 6,
		when: ({kind, view}) => (panelsOf(kind, view)?.length ?? 0) > 1,
		run: store => focusBeside(store, 1),
	},
	{
		id: 'previous-panel',
		keys: ['shift-tab'],
		shown: 'S-Tab',
		label: 'back',
		description: 'Focus the previous panel',
		group: 'Display',
		when: ({kind, view}) => (panelsOf(kind, view)?.length ?? 0) > 1,
		run: store => focusBeside(store, -1),
	},
	{
		id: 'zoom',
		keys: ['z'],
		shown: 'z',
		label: 'zoom',
		description: 'Zoom the panel, or show all',
		group: 'Display',
		hint: 2,
		run: store => store.setState(({zoom}) => ({zoom: !zoom})),
	},
	{
		id: 'back',
		keys: ['escape'],
		shown: 'Esc',
		label: 'back',
		description: 'Go back one layer',
		group: 'Display',
		run: back,
	},
];

/** One layer at a time: what is typed, what lies over the panels, a filter, the zoom, the view, the past. */
function back(store: Store): void {
	const {overlay, form, filters, focus, zoom, view, kind, timeline} = store.getState();
	if (form.draft !== undefined) store.setState({form: {...form, draft: undefined}});
	else if (overlay !== undefined) store.setState({overlay: undefined});
	else if (zoom) store.setState({zoom: false});
	else if (filters[focus]) store.setState({filters: {...filters, [focus]: undefined}});
	else if (view !== 'overview') show(store, 'overview');
	else if (timeline) leaveThePast(store);
	else focusOn(store, panelsOf(kind, view)?.[0] ?? focus);
}

/** The next panel of the view, also one that another covers. */
function focusBeside(store: Store, by: 1 | -1): void {
	const ui = store.getState();
	const {kind, view, focus} = ui;
	// Few guests have an IOMMU of their own.
	const isThere = (panel: PanelId) => panel !== 'domain' || chosenDomain(ui) !== undefined;
	const panels = (panelsOf(kind, view) ?? []).filter(isThere);
	const next = panels[(panels.indexOf(focus) + by + panels.length) % panels.length];
	if (next !== undefined) focusOn(store, next);
}

function scrollCommand(
	id: string,
	keys: readonly string[],
	shown: string,
	description: string,
	move: (at: number, page: number) => number,
): UiCommand {
	return {
		id,
		keys,
		shown,
		label: 'scroll',
		description,
		group: 'Display',
		place: 'list',
		when: inList,
		run: (store, app) => {
			const list = app.list();
			if (list === undefined) return;
			const {name, handle} = list;
			placeOn(store, name, moved(handle, store.getState().places[name] ?? TOP, move));
		},
	};
}
