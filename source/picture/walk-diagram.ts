// The walk of an address as lectures draw it: the address in pieces, each an index into a table, and where it ends.

import {qwordText, type Walk, type WalkStep} from '../explain/walk.js';
import {hex, PAGE_SIZE} from '../formats/address.js';
import {ridText} from '../formats/pci.js';
import {wrapped} from '../text/width.js';
import {sizeText} from '../words.js';
import {arrow, box, diagram, type Ink, text, textBlock} from './diagram.js';
import type {Palette} from './palette.js';

const MARGIN = 24;
const TABLE = {width: 176, height: 112, gap: 40, top: 150};
const ENTRY = {top: 62, height: 26};
const SMALL = 11;

export type WalkPicture = {readonly walk: Walk; readonly device: string};

export function walkDiagram({walk, device}: WalkPicture, palette: Palette): string {
	const {rid, iova, write, steps, end} = walk;
	const title = `${device} (${ridText(rid)}) ${write ? 'writes' : 'reads'} ${hex(iova)}`;
	const last = leftOf(steps.length);
	const width = Math.max(last + TABLE.width + MARGIN, 640);
	const sentence = wrapped(end.sentence, Math.floor((width - 2 * MARGIN) / 8));
	const rows = Math.max(0, ...steps.map(({fields}) => fields.length));
	const below = TABLE.top + TABLE.height + 24 + rows * 15;
	return diagram({title, width, height: below + 24 + sentence.length * 18 + MARGIN}, palette, [
		text(MARGIN, 34, title, {bold: true, size: 16}),
		...steps.flatMap((step, i) => [
			...pieceOf(step, i),
			...tableOf(step, i, i === steps.length - 1, end.kind),
		]),
		...endOf(walk),
		...textBlock(MARGIN, below + 24, sentence, {ink: end.kind === 'fault' ? 'bad' : 'ink', lead: 18}),
	]);
}

const leftOf = (column: number): number => MARGIN + column * (TABLE.width + TABLE.gap);

const INDICES = {
	root: 'bus',
	context: 'device and function',
	'PASID directory': 'PASID, upper bits',
	'PASID table': 'PASID, lower bits',
	'device table': 'function number',
};

/** The piece of the address, or of the function's number, that is the index. */
function pieceOf({at, index}: WalkStep, column: number): string[] {
	const x = leftOf(column);
	const middle = x + TABLE.width / 2;
	const name = typeof at === 'number' ? `address bits ${11 + 9 * at}–${3 + 9 * at}` : INDICES[at];
	const entry = TABLE.top + ENTRY.top;
	return [
		text(middle, 66, name, {middle: true, ink: 'dim', size: SMALL}),
		box(x + 36, 74, TABLE.width - 72, 26, 'key'),
		text(middle, 92, `${index}`, {middle: true, ink: 'key', bold: true}),
		arrow(
			[
				[x + 36, 87],
				[x - 12, 87],
				[x - 12, entry + ENTRY.height / 2 + 5],
				[x, entry + ENTRY.height / 2 + 5],
			],
			'key',
		),
	];
}

/** The table with the entry that was read; below it, what the entry says. */
function tableOf(step: WalkStep, column: number, isLast: boolean, end: Walk['end']['kind']): string[] {
	const {name, tableAddress, raw, fields, index} = step;
	const x = leftOf(column);
	const y = TABLE.top;
	const ink: Ink = isLast ? (end === 'fault' ? 'bad' : 'good') : 'ink';
	const [word] = raw;
	return [
		text(x, y - 24, name.replace(/( table)? entry$/, ' table'), {bold: true}),
		text(x, y - 8, hex(tableAddress), {ink: 'dim', size: SMALL}),
		box(x, y, TABLE.width, TABLE.height),
		text(x + TABLE.width / 2, y + 38, '⋮', {middle: true, ink: 'dim'}),
		box(x, y + ENTRY.top, TABLE.width, ENTRY.height, ink),
		text(x + TABLE.width / 2, y + ENTRY.top + 17, word === undefined ? 'no memory' : qwordText(word), {
			middle: true,
			ink,
		}),
		text(x + 6, y + ENTRY.top - 5, `[${index}]`, {ink: 'key', size: SMALL}),
		text(x + TABLE.width / 2, y + 104, '⋮', {middle: true, ink: 'dim'}),
		...textBlock(
			x,
			y + TABLE.height + 18,
			fields.map(([field, value, meaning]) => shortened(`${field} ${value}${meaning ? `: ${meaning}` : ''}`)),
			{ink: 'dim', size: SMALL, lead: 15},
		),
		...onward(column, isLast ? ink : 'ink', isLast),
	];
}

const LONGEST = 29;
const shortened = (line: string): string => (line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line);

/** From the entry to the table that it points to, or to the end. */
function onward(column: number, ink: Ink, isLast: boolean): string[] {
	const from = leftOf(column) + TABLE.width;
	const to = leftOf(column + 1);
	const entry = TABLE.top + ENTRY.top + ENTRY.height / 2 - 5;
	const bend = from + 12;
	const target = isLast ? entry : TABLE.top + 8;
	return [
		arrow(
			[
				[from, entry],
				[bend, entry],
				[bend, target],
				[to, target],
			],
			ink,
		),
	];
}

function endOf({end, steps, iova}: Walk): string[] {
	const x = leftOf(steps.length);
	const y = TABLE.top;
	const lines =
		end.kind === 'fault'
			? ['✗ fault', ...wrapped(end.text, 22), `code ${end.reason}`]
			: [
					'✓ memory',
					hex(end.hpa),
					...(end.owner === '' ? [] : [end.owner]),
					`${end.read ? 'r' : '-'}${end.write ? 'w' : '-'}`,
					...(end.pages === undefined ? [] : [`page of ${sizeText(end.pages * PAGE_SIZE)}`]),
				];
	const ink: Ink = end.kind === 'fault' ? 'bad' : 'good';
	const offset =
		end.kind === 'memory' && end.pages !== undefined ? iova % (end.pages * PAGE_SIZE) : undefined;
	return [
		box(x, y, TABLE.width, TABLE.height, ink),
		...textBlock(x + 10, y + 22, lines, {ink, bold: true, lead: 18}),
		...(offset === undefined
			? []
			: [
					text(x + TABLE.width / 2, 66, 'offset in the page', {middle: true, ink: 'dim', size: SMALL}),
					box(x + 36, 74, TABLE.width - 72, 26, 'key'),
					text(x + TABLE.width / 2, 92, hex(offset), {middle: true, ink: 'key', bold: true}),
				]),
	];
}
