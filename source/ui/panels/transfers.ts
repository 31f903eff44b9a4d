// Every transfer, the newest first; and the chain of the chosen one, step by step.

import {hex, pageOf} from '../../formats/address.js';
import type {Data, Part, Transfer} from '../../machine/observed.js';
import {grouped, plural} from '../../words.js';
import {keySign} from '../glyphs.js';
import {fit, type Row, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';
import type {Tone} from '../theme.js';

export const DATA_TONES: Record<Data, Tone> = {delivered: 'good', lost: 'bad', torn: 'bad', failed: 'warn'};

export function transfersPanel({state: {transfers, tally}}: Ui, width: number): List {
	const counts = Object.entries(tally)
		.filter(([, count]) => count > 0)
		.map(([word, count]) => `${grouped(count)} ${word}`);
	const wide = width >= 100;
	return {
		title: `TRANSFERS ─ ${counts.join(' · ') || 'none yet'}`,
		head: [
			[
				[
					`   # ${'what'.padEnd(wide ? 45 : 26)}verdict   way     ${wide ? 'landed               ' : ''}faults policy`,
					'dim',
				],
			],
		],
		count: transfers.length,
		row: index => transferRow(transfers[transfers.length - 1 - index], wide),
		selects: true,
	};
}

function transferRow(transfer: Transfer, wide: boolean): Row {
	const {number, data, path, landed, bytes, faults, policy} = transfer;
	return [
		[`${number}`.padStart(4), 'dim'],
		` ${fit(whatOf(transfer), wide ? 44 : 25)} `,
		[data.padEnd(9), DATA_TONES[data]],
		` ${path.padEnd(8)}`,
		wide ? fit(`${grouped(landed)} of ${grouped(bytes)}`, 20) : '',
		` ${`${faults}`.padStart(5)} `,
		[policy, 'dim'],
	];
}

/** What was asked, in a few words. */
export function whatOf({command, vm}: Transfer): string {
	if (command.do === 'dma')
		return `${command.device} ${command.access} ${hex(command.gpa)}${vm ? ` (${vm})` : ''}`;
	const {requests = 1, segments} = command;
	const more = `${segments > 1 ? ` in ${segments}` : ''}${requests > 1 ? `, ${requests} at once` : ''}`;
	return `${command.vm} ${command.do} ${command.lba}+${command.sectors}${more} ${hex(command.gpa)}`;
}

/** The transfer that is chosen in the list. */
export const chosenTransfer = ({state, places}: Ui): Transfer | undefined =>
	state.transfers.at(-1 - (places.transfers?.cursor ?? 0));

export function chainPanel(ui: Ui, width: number): List {
	const transfer = chosenTransfer(ui);
	if (transfer === undefined) return list('CHAIN', [[' No transfer yet.']]);
	const {number, chain, data, landed, bytes, note, owners} = transfer;
	const rows = chain.flatMap(({place, full, trouble, parts = []}): Row[] => [
		...wrap(full, width - 13).map(
			(line, i): Row => [
				[i === 0 ? ` ${place.padEnd(8)}` : '         ', 'dim'],
				i === 0 ? (trouble ? ['✗ ', 'bad'] : ['✓ ', 'good']) : '  ',
				[line, trouble ? 'bad' : 'plain'],
			],
		),
		...parts.map(part => partRow(part, ui)),
	]);
	const head: Row[] = [
		[
			[` ${data.toUpperCase()} `, DATA_TONES[data]],
			`${grouped(landed)} of ${plural(bytes, 'byte')}${owners?.length ? `, in the memory of ${owners.join(', ')}` : ''}`,
		],
		...(note ? wrap(note, width - 2).map((line): Row => [[` ${line.trim()}`, 'warn']]) : []),
	];
	return list(`CHAIN of #${number} ─ ${whatOf(transfer)} ─ ${keySign('⏎')} shows its walk`, rows, head);
}

const KINDS: Record<Part['kind'], string> = {
	gpa: 'GPA',
	pointer: 'bhyve',
	hpa: 'HPA',
	refused: 'refused',
};

/** A piece of memory that a stage names, and the first bytes there as they are now. */
function partRow({kind, address, bytes}: Part, ui: Ui): Row {
	const there = bytesAt(kind, address, ui);
	const shown = [...there].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
	return [
		[`             ${KINDS[kind].padEnd(8)}`, 'dim'],
		[hex(address), 'key'],
		` ${plural(bytes, 'byte')}`,
		[shown === '' ? '' : `  now ${shown} …`, 'dim'],
	];
}

const SHOWN = 8;

function bytesAt(kind: Part['kind'], address: number, ui: Ui): Uint8Array {
	if (kind === 'gpa')
		return ui.machine.lab?.guestBytes(chosenTransfer(ui)?.vm ?? '', address, SHOWN) ?? new Uint8Array(0);
	const words = kind === 'pointer' ? undefined : ui.machine.memory.page(pageOf(address));
	if (words === undefined) return new Uint8Array(0);
	return new Uint8Array(words.buffer, words.byteOffset + (address - pageOf(address)), SHOWN);
}
