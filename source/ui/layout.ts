// Boxes on the screen: rows of panels, from top to bottom.

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
/** `behind`: panels that share this place and are not shown. */
export type Box = {panel: PanelId; width: number; height: number; behind?: readonly PanelId[]};

export const LEAST_COLUMNS = 60;
export const LEAST_ROWS = 15;
export const fits = ({columns, rows}: {columns: number; rows: number}): boolean =>
	columns >= LEAST_COLUMNS && rows >= LEAST_ROWS;

/** Header, message and hints. */
const FRAME = 3;
/** Rows that panels have: the timeline takes one while it is open. */
export const panelRows = ({rows}: {rows: number}, timeline: boolean): number =>
	rows - FRAME - (timeline ? 1 : 0);
/** On a smaller screen than this a view shows one panel at a time. */
export const isRoomy = ({columns, rows}: {columns: number; rows: number}): boolean =>
	columns >= 80 && rows >= 24;

type Share = readonly [panel: PanelId, weight: number];

/** A total in whole parts by weight; the last gets what is left. */
function shares(total: number, weights: readonly number[]): number[] {
	const all = weights.reduce((sum, weight) => sum + weight, 0);
	const parts = weights.map(weight => Math.floor((total * weight) / all));
	parts[parts.length - 1] += total - parts.reduce((sum, part) => sum + part, 0);
	return parts;
}

/** Panels side by side. */
export function across(columns: number, height: number, ...panels: readonly Share[]): Box[] {
	const widths = shares(
		columns,
		panels.map(([, weight]) => weight),
	);
	return panels.map(([panel], i) => ({panel, width: widths[i], height}));
}

/** Panels one below the other. */
export function down(columns: number, rows: number, ...panels: readonly Share[]): Box[][] {
	const heights = shares(
		rows,
		panels.map(([, weight]) => weight),
	);
	return panels.map(([panel], i) => [{panel, width: columns, height: heights[i]}]);
}
