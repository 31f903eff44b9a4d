// The views of the dashboard, each on a number: which panels it has, and where they are on a screen of a given size.

import {across, type Box, down, type PanelId} from './layout.js';
import {overview} from './overview.js';

export const VIEWS = [
	'overview',
	'domains',
	'walk',
	'memory',
	'transfers',
	'compare',
	'faults',
	'lints',
] as const;
export type ViewId = (typeof VIEWS)[number];

type View = {
	/** The panel that has the focus at first. */
	first: PanelId;
	/** The panels in the order that Tab goes round. */
	panels: readonly PanelId[];
	/** `recent` orders panels by when they were last looked at. */
	layout: (columns: number, rows: number, recent: readonly PanelId[]) => Box[][];
};

const SIDE_BY_SIDE = 100;
type Views = Readonly<Partial<Record<ViewId, View>>> & {readonly overview: View};

export const views: Record<ViewId, View> = {
	overview: {
		first: 'model',
		panels: ['host', 'guest', 'devices', 'model', 'buffer', 'console', 'faults', 'life', 'scenario'],
		layout: overview,
	},
	domains: {
		first: 'host',
		panels: ['host', 'guest'],
		layout: (columns, rows) =>
			columns >= SIDE_BY_SIDE
				? [across(columns, rows, ['host', 1], ['guest', 1])]
				: down(columns, rows, ['host', 3], ['guest', 2]),
	},
	walk: {first: 'walk', panels: ['walk'], layout: (columns, rows) => down(columns, rows, ['walk', 1])},
	memory: {
		first: 'map',
		panels: ['map', 'reach', 'page'],
		layout: (columns, rows) =>
			columns >= SIDE_BY_SIDE
				? [
						across(columns, Math.ceil(rows / 2), ['map', 1], ['reach', 1]),
						across(columns, Math.floor(rows / 2), ['page', 1]),
					]
				: down(columns, rows, ['map', 4], ['reach', 3], ['page', 3]),
	},
	transfers: {
		first: 'transfers',
		panels: ['transfers', 'chain'],
		layout: (columns, rows) => down(columns, rows, ['transfers', 1], ['chain', 1]),
	},
	compare: {
		first: 'compare',
		panels: ['compare'],
		layout: (columns, rows) => down(columns, rows, ['compare', 1]),
	},
	faults: {
		first: 'faults',
		panels: ['faults', 'fault'],
		layout: (columns, rows) => down(columns, rows, ['faults', 1], ['fault', 1]),
	},
	lints: {
		first: 'lints',
		panels: ['lints', 'lint'],
		layout: (columns, rows) => down(columns, rows, ['lints', 2], ['lint', 3]),
	},
};

/** Of a machine that can only be looked at: its domains are listed, and the chosen one is shown. */
const lookedAt: Views = {
	overview: {
		first: 'domains',
		panels: ['domains', 'domain', 'devices', 'faults'],
		layout: (columns, rows) => {
			const below = Math.min(14, Math.floor(rows * 0.4));
			return [
				across(columns, rows - below, ['domains', 2], ['domain', 3]),
				across(columns, below, ['devices', 2], ['faults', 3]),
			];
		},
	},
	domains: {
		first: 'domains',
		panels: ['domains', 'domain'],
		layout: (columns, rows) =>
			columns >= SIDE_BY_SIDE
				? [across(columns, rows, ['domains', 1], ['domain', 2])]
				: down(columns, rows, ['domains', 1], ['domain', 2]),
	},
	walk: views.walk,
	memory: views.memory,
	faults: views.faults,
	lints: views.lints,
};

type Seen = {view: ViewId; readOnly: boolean};
export const viewsOf = ({readOnly}: Pick<Seen, 'readOnly'>): Views => (readOnly ? lookedAt : views);
/** The view that is shown. */
export const viewIn = ({view, readOnly}: Seen): View => viewsOf({readOnly})[view] ?? views.overview;
