// The path of a transfer as a row of boxes: who passed it on, what each saw, and where it ended.

import {explainLoss} from '../explain/loss.js';
import {endOf, stationsOf} from '../explain/stations.js';
import type {MachineState} from '../machine/observed.js';
import type {Transfer} from '../machine/transfer.js';
import {wrapped} from '../text/width.js';
import {partOf} from '../words.js';
import {arrow, box, diagram, type Ink, text, textBlock} from './diagram.js';
import type {Palette} from './palette.js';

const MARGIN = 24;
const STATION = {width: 104, height: 64, gap: 40, top: 64};

export function pathDiagram(state: MachineState, transfer: Transfer, palette: Palette): string {
	const stations = stationsOf(transfer);
	const stops = endOf(stations);
	const width = Math.max(640, 2 * MARGIN + stations.length * (STATION.width + STATION.gap) - STATION.gap);
	const verdict = `${transfer.data.toUpperCase()}: ${partOf(transfer.landed, transfer.bytes)} bytes arrived`;
	const why = explainLoss(state, transfer)?.why;
	const lines = why === undefined ? [] : wrapped(`Why: ${why}`, Math.floor((width - 2 * MARGIN) / 8));
	const title = titleOf(transfer);
	const below = STATION.top + STATION.height + 44;
	return diagram({title, width, height: below + lines.length * 18 + MARGIN}, palette, [
		text(MARGIN, 34, title, {bold: true, size: 16}),
		...stations.flatMap(({name, saw, trouble}, i) => {
			const x = MARGIN + i * (STATION.width + STATION.gap);
			const middle = x + STATION.width / 2;
			const ink: Ink = trouble ? 'bad' : 'good';
			return [
				box(x, STATION.top, STATION.width, STATION.height, ink),
				text(middle, STATION.top + 26, name, {middle: true, bold: true}),
				text(middle, STATION.top + 48, `${trouble ? '✗' : '✓'} ${saw}`, {middle: true, ink}),
				...(i === stations.length - 1 ? [] : [linkOf(x + STATION.width, i, stops)]),
			];
		}),
		text(MARGIN, below, verdict, {bold: true, ink: transfer.data === 'delivered' ? 'good' : 'bad'}),
		...textBlock(MARGIN, below + 20, lines, {lead: 18}),
	]);
}

/** Beyond the station that refused it, nothing goes on. */
function linkOf(from: number, station: number, stops: number): string {
	const y = STATION.top + STATION.height / 2;
	const to = from + STATION.gap;
	if (station < stops)
		return arrow(
			[
				[from, y],
				[to, y],
			],
			'good',
		);
	if (station > stops) return '';
	return text((from + to) / 2, y + 6, '✗', {middle: true, bold: true, ink: 'bad', size: 18});
}

function titleOf({command, policy, path}: Transfer): string {
	const what =
		command.do === 'dma'
			? `${command.device} ${command.access}s ${command.bytes} bytes`
			: `${command.vm} ${command.do}s ${command.sectors} sectors at LBA ${command.lba}`;
	return `${what}, policy ${policy}, ${path}`;
}
