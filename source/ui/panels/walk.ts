// One access through every level, bit by bit, to memory or to the fault; and what the caches hold of it.

import {UNKNOWN} from '../../explain/ranges.js';
import {explainWalk, qwordText, type Step, type Walk} from '../../explain/walk.js';
import {hex} from '../../formats/address.js';
import {ridText} from '../../formats/pci.js';
import type {Cached} from '../../machine/observed.js';
import {plural} from '../../words.js';
import {type Row, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import {chosenDomain} from '../state/ranges-shown.js';
import type {Access, Ui} from '../state/store.js';

const UNSEEN =
	'What the IOMMU has cached cannot be seen from here: it may still answer as the tables were before.';

export function walkPanel(ui: Ui, width: number): List {
	const access = ui.access ?? firstAccess(ui);
	if (access === undefined) return list('WALK', [[' There is nothing to look up.']]);
	const {machine, state} = ui;
	const {rid, iova, write} = access;
	const walk = explainWalk(machine.memory, state, rid, iova, write);
	const device = state.devices.find(other => other.rid === rid)?.name ?? 'unknown';
	const title = `WALK ─ ${device} ${ridText(rid)} ${write ? 'writes' : 'reads'} ${hex(iova)}`;
	const [ending, ...words] = endRows(walk, width);
	return list(
		title,
		[
			...words,
			...(machine.lab ? cachedRows(machine.lab.cached(rid, iova), width) : prose(UNSEEN, width, 'dim')),
			[],
			...walk.steps.flatMap(step => stepRows(step, width)),
		],
		[ending],
	);
}

/** Where the last transfer of the form's guest was looked up; else the first address of the first function. */
function firstAccess(ui: Ui): Access | undefined {
	const {state, last, form} = ui;
	if (ui.kind !== 'lab') return firstOf(ui);
	const transfer = last[form.vm] ?? state.transfers.findLast(({iova}) => iova !== undefined);
	const device = state.devices.find(({name}) => name === transfer?.device) ?? state.devices[0];
	return device && {rid: device.rid, iova: transfer?.iova ?? 0, write: true};
}

/** The first address that the chosen domain maps. */
function firstOf(ui: Ui): Access | undefined {
	const view = chosenDomain(ui);
	const device = ui.state.devices.find(({domain}) => domain === view?.domain.id) ?? ui.state.devices[0];
	return device && {rid: device.rid, iova: view?.ranges[0]?.iova ?? 0, write: true};
}

function stepRows({name, index, entryAddress, raw, fields, verdict}: Step, width: number): Row[] {
	const words: Row[] = raw.map((word, i) => [
		[i === 0 ? ` ${name.padEnd(19)}` : ' '.repeat(20), 'title'],
		i === 0 ? [`[${index}]`.padEnd(7), 'key'] : ' '.repeat(7),
		[`${hex(entryAddress + 8 * i)} `, 'dim'],
		qwordText(word),
	]);
	const bits = fields.map(
		([field, value, meaning]): Row => [
			'     ',
			[`${field} `.padEnd(10), 'dim'],
			`${value} `.padEnd(13),
			[meaning, 'dim'],
		],
	);
	const stop = verdict ? prose(verdict, width, 'bad') : [];
	return [...words, ...bits, ...stop];
}

function endRows({end}: Walk, width: number): Row[] {
	if (end.kind === 'fault')
		return [
			[[` ✗ FAULT ${end.text} (${end.reason})`, 'bad']],
			...prose(end.sentence, width, 'plain'),
			...prose(end.check, width, 'key'),
			...(end.unrecorded ? prose(end.unrecorded, width, 'dim') : []),
		];
	const size = end.pages === undefined ? '' : `, an entry of ${plural(end.pages, 'page')}`;
	return [
		[
			[' ✓ MEMORY ', 'good'],
			[hex(end.hpa), 'key'],
			`${end.owner === UNKNOWN ? '' : ` of ${end.owner}`}, ${end.read ? 'r' : '-'}${end.write ? 'w' : '-'}${size}`,
		],
		...prose(end.sentence, width, 'plain'),
	];
}

function cachedRows(cached: Cached | undefined, width: number): Row[] {
	if (cached?.page === undefined)
		return [[[' The IOTLB holds nothing for it: the tables are asked.', 'dim']]];
	const {hpa, read, write, agrees} = cached.page;
	const held = `The IOTLB holds ${hex(hpa)} ${read ? 'r' : '-'}${write ? 'w' : '-'}`;
	return agrees
		? [[[` ${held}, as the tables say: it is asked first.`, 'dim']]]
		: prose(
				`${held}, and the tables say otherwise: it is STALE, and it is asked first, until somebody invalidates it.`,
				width,
				'warn',
			);
}

const prose = (text: string, width: number, tone: 'plain' | 'bad' | 'key' | 'dim' | 'warn'): Row[] =>
	wrap(text, width - 6).map(line => [[`     ${line.trim()}`, tone]]);
