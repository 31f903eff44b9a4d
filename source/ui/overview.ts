// The first view: both tables, the devices, the device model, and below it what the screen has room for. Panels share
// a place where it has not: the one that was looked at last is shown.

import {across, type Box, down, type PanelId} from './layout.js';

/** Two borders, the form in two rows, seven stages, a verdict in two rows, and space between. */
const TALL_MODEL = 15;
const FLAT_MODEL = 8;
/** A step, its note and what came of it. */
const TALK = 11;
/** Two columns of 8 bytes with their text, and borders. */
const BUFFER_WIDTH = 82;
const TWO_SLOTS = 118;
const THREE_SLOTS = 170;

export function overview(columns: number, rows: number, recent: readonly PanelId[]): Box[][] {
	const tall = rows >= 34;
	const model = tall ? TALL_MODEL : FLAT_MODEL;
	const bottom = tall ? Math.floor((rows - model) * 0.5) : 6;
	const top = rows - model - bottom;
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

/** For a projector: the device model with its whole chain, and the panel that was looked at last beside it. */
export function largeOverview(
	columns: number,
	rows: number,
	focus: PanelId,
	recent: readonly PanelId[],
): Box[][] {
	const other = focus === 'model' ? (recent.find(panel => panel !== 'model') ?? 'host') : focus;
	const model = Math.min(rows - 6, TALL_MODEL);
	return down(columns, rows, [other, rows - model], ['model', model]);
}

/** For an audience: the step and its note on top, and below it what it does. */
export function talkOverview(columns: number, rows: number, focus: PanelId, beside: PanelId): Box[][] {
	const note = Math.max(TALK, Math.floor(rows * 0.35));
	const other = focus === 'scenario' || focus === 'model' ? beside : focus;
	const top: Box[] = [{panel: 'scenario', width: columns, height: note}];
	if (columns >= TWO_SLOTS) return [top, across(columns, rows - note, [other, 4], ['model', 5])];
	const rest = rows - note;
	if (rest < 2 * FLAT_MODEL) {
		const shown = focus !== 'scenario' ? focus : beside === 'host' ? 'model' : beside;
		return [top, [{panel: shown, width: columns, height: rest}]];
	}
	return [
		top,
		[{panel: other, width: columns, height: rest - FLAT_MODEL}],
		[{panel: 'model', width: columns, height: FLAT_MODEL}],
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
			shared(['console', 'traffic'], console),
			shared(['faults', 'scenario'], columns - BUFFER_WIDTH - console),
		];
	}
	if (columns >= TWO_SLOTS) {
		return [
			{panel: 'buffer', width: BUFFER_WIDTH, height},
			shared(['console', 'faults', 'traffic', 'scenario'], columns - BUFFER_WIDTH),
		];
	}
	return [shared(['buffer', 'console', 'faults', 'traffic', 'scenario'], columns)];
}
