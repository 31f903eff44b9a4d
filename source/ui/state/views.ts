// The views of the dashboard, each on a number: which panels it has, and where they are on a screen of a given size.

import type {MachineKind} from '../../machine/observed.js';
import {across, type Box, down, type PanelId} from '../layout.js';
import {overview} from '../overview.js';

export const VIEWS = [
	'overview',
	'domains',
	'walk',
	'memory',
	'transfers',
	'compare',
	'faults',
	'diagnosis',
	'events',
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

const lab = {
	overview: {
		first: 'model',
		panels: ['host', 'guest', 'devices', 'model', 'buffer', 'console', 'faults', 'traffic', 'scenario'],
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
	diagnosis: {
		first: 'diagnosis',
		panels: ['diagnosis', 'finding'],
		layout: (columns, rows) => down(columns, rows, ['diagnosis', 2], ['finding', 3]),
	},
} satisfies Views;

/** Of a machine that can only be looked at: its domains are listed, and the chosen one is shown. */
const tables: Views = {
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
	walk: lab.walk,
	memory: lab.memory,
	faults: lab.faults,
	diagnosis: lab.diagnosis,
};

/** Of a host whose kernel tells of its groups, and seldom of its tables. */
const host: Views = {
	overview: {
		first: 'groups',
		panels: ['groups', 'group', 'units', 'faults'],
		layout: (columns, rows) => {
			const below = Math.min(16, Math.floor(rows * 0.4));
			return [
				across(columns, rows - below, ['groups', 1], ['group', 1]),
				across(columns, below, ['units', 1], ['faults', 1]),
			];
		},
	},
	domains: tables.domains,
	faults: {...lab.faults, layout: (columns, rows) => down(columns, rows, ['faults', 2], ['fault', 3])},
	diagnosis: lab.diagnosis,
	events: {
		first: 'events',
		panels: ['events'],
		layout: (columns, rows) => down(columns, rows, ['events', 1]),
	},
};

/** What views show that are others there than the lab's. */
export const OTHERWISE: Partial<Record<MachineKind, Readonly<Record<string, string | undefined>>>> = {
	tables: {overview: 'Domains, devices and faults', memory: 'A page, and who reaches it'},
	host: {overview: 'Groups, units and faults', domains: 'Page tables, where they are shown'},
};

type Seen = {view: ViewId; kind: MachineKind};
const byKind: Record<MachineKind, Views> = {lab, tables, host};
export const viewsOf = ({kind}: Pick<Seen, 'kind'>): Views => byKind[kind];
/** Those that there are, in the order of their numbers. */
export const viewIdsOf = (seen: Pick<Seen, 'kind'>): ViewId[] =>
	VIEWS.filter(view => viewsOf(seen)[view] !== undefined);
/** The view that is shown. */
export const viewIn = ({view, kind}: Seen): View => viewsOf({kind})[view] ?? viewsOf({kind}).overview;
