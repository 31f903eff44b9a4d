// The views of the dashboard, each on a number, and the panels that each has on a machine of a kind.

import type {MachineKind} from '../../machine/observed.js';

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

/** What can be drawn as boxes and arrows. */
export const DIAGRAMS = ['walk', 'path'] as const;
export type DiagramId = (typeof DIAGRAMS)[number];

export const PANELS = [
	'host',
	'guest',
	'devices',
	'model',
	'buffer',
	'console',
	'faults',
	'traffic',
	'scenario',
	'walk',
	'map',
	'reach',
	'page',
	'transfers',
	'chain',
	'compare',
	'fault',
	'diagnosis',
	'finding',
	'domains',
	'domain',
	'groups',
	'group',
	'units',
	'events',
] as const;
export type PanelId = (typeof PANELS)[number];
export const isPanel = (id: string): id is PanelId => PANELS.some(panel => panel === id);

/** In the order that Tab goes round; the first has the focus at first. */
type Views = Readonly<Partial<Record<ViewId, readonly PanelId[]>>> & {readonly overview: readonly PanelId[]};

const lab = {
	overview: [
		'model',
		'host',
		'map',
		'guest',
		'devices',
		'buffer',
		'console',
		'traffic',
		'faults',
		'scenario',
	],
	domains: ['host', 'guest', 'domain'],
	walk: ['walk'],
	memory: ['map', 'reach', 'page'],
	transfers: ['transfers', 'chain'],
	compare: ['compare'],
	faults: ['faults', 'fault'],
	diagnosis: ['diagnosis', 'finding'],
} satisfies Views;

/** A read-only machine: a list of its domains, and the chosen one. */
const tables: Views = {
	overview: ['domains', 'domain', 'devices', 'faults'],
	domains: ['domains', 'domain'],
	walk: lab.walk,
	memory: lab.memory,
	faults: lab.faults,
	diagnosis: lab.diagnosis,
};

/** A host whose kernel reports its groups; root also sees its tables. */
const host: Views = {
	overview: ['groups', 'group', 'units', 'faults'],
	domains: tables.domains,
	walk: lab.walk,
	memory: ['map', 'reach'],
	faults: lab.faults,
	diagnosis: lab.diagnosis,
	events: ['events'],
};

const byKind: Record<MachineKind, Views> = {lab, tables, host};

/** What views show on other machines than the lab. */
export const OTHERWISE: Partial<Record<MachineKind, Readonly<Record<string, string | undefined>>>> = {
	tables: {overview: 'Domains, devices and faults', memory: 'A page, and who reaches it'},
	host: {
		overview: 'Groups, units and faults',
		domains: 'Page tables, as root',
		memory: 'Memory by domain, and who reaches a page',
	},
};

/** The panels of a view; undefined if this kind of machine has no such view. */
export const panelsOf = (kind: MachineKind, view: ViewId): readonly PanelId[] | undefined =>
	byKind[kind][view];

/** The views that there are, in the order of their numbers. */
export const viewIdsOf = (kind: MachineKind): ViewId[] =>
	VIEWS.filter(view => panelsOf(kind, view) !== undefined);

/** The smallest screen that the dashboard draws on. */
export const LEAST = {columns: 60, rows: 15};
export const fits = ({columns, rows}: {columns: number; rows: number}): boolean =>
	columns >= LEAST.columns && rows >= LEAST.rows;
/** On a smaller screen than this a view shows one panel at a time. */
export const isRoomy = ({columns, rows}: {columns: number; rows: number}): boolean =>
	columns >= 80 && rows >= 24;
