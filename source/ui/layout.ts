// Where each panel is on a screen of a given size. Small screens share a place between panels: the one that was
// looked at last is shown.

export const PANELS = [
	'host',
	'guest',
	'devices',
	'model',
	'buffer',
	'console',
	'faults',
	'scenario',
] as const;
export type PanelId = (typeof PANELS)[number];
/** `behind`: panels that share this place and are not shown. */
export type Box = {panel: PanelId; width: number; height: number; behind?: readonly PanelId[]};

export const LEAST_COLUMNS = 80;
export const LEAST_ROWS = 24;
export const fits = ({columns, rows}: {columns: number; rows: number}): boolean =>
	columns >= LEAST_COLUMNS && rows >= LEAST_ROWS;

/** Header, message and hints. */
const FRAME = 3;
/** Two borders, the form in two rows, seven stages, a verdict in two rows, and space between. */
const TALL_MODEL = 15;
const FLAT_MODEL = 8;
/** Two columns of 8 bytes with their text, and borders. */
const BUFFER_WIDTH = 82;
const TWO_SLOTS = 118;
const THREE_SLOTS = 170;

/** Rows of panels, from top to bottom. `recent` orders panels by when they were last looked at. */
export function layout(columns: number, rows: number, recent: readonly PanelId[]): Box[][] {
	const free = rows - FRAME;
	const tall = free >= 34;
	const model = tall ? TALL_MODEL : FLAT_MODEL;
	const bottom = tall ? Math.floor((free - model) * 0.5) : 6;
	const top = free - model - bottom;
	const left = Math.floor(columns / 2);
	const devices = columns >= TWO_SLOTS ? 36 : 28;
	return [
		[
			{panel: 'host', width: left, height: top},
			{panel: 'guest', width: columns - left, height: top},
		],
		[
			{panel: 'devices', width: devices, height: model},
			{panel: 'model', width: columns - devices, height: model},
		],
		bottomRow(columns, bottom, recent),
	];
}

function bottomRow(columns: number, height: number, recent: readonly PanelId[]): Box[] {
	const shared = (panels: readonly PanelId[], width: number): Box => {
		const panel = recent.find(other => panels.includes(other)) ?? panels[0];
		return {panel, width, height, behind: panels.filter(other => other !== panel)};
	};
	if (columns >= THREE_SLOTS) {
		const console = Math.floor((columns - BUFFER_WIDTH) * 0.45);
		return [
			{panel: 'buffer', width: BUFFER_WIDTH, height},
			{panel: 'console', width: console, height},
			shared(['faults', 'scenario'], columns - BUFFER_WIDTH - console),
		];
	}
	if (columns >= TWO_SLOTS) {
		return [
			{panel: 'buffer', width: BUFFER_WIDTH, height},
			shared(['console', 'faults', 'scenario'], columns - BUFFER_WIDTH),
		];
	}
	return [shared(['buffer', 'console', 'faults', 'scenario'], columns)];
}

export const boxOf = (boxes: readonly Box[][], panel: PanelId): Box | undefined =>
	boxes.flat().find(box => box.panel === panel);
