// The device model: a transfer to ask for, and the verdict on the last one with the chain that led to it.

import type {Data, Stage, Transfer} from '../../machine/observed.js';
import {grouped, plural} from '../../words.js';
import {fit, type Row, type Span} from '../rows.js';
import {FIELDS, type Field, type Form, fieldText, isDma, isIdle} from '../state/form.js';
import {type List, list} from '../state/list.js';
import {shownTransfer, type Ui} from '../state/store.js';
import type {Tone} from '../theme.js';

const LABELS: Record<Field, string> = {
	vm: 'guest',
	op: 'op',
	lba: 'LBA',
	sectors: 'sectors',
	segments: 'segments',
	gpa: 'GPA',
};
const WIDTHS: Record<Field, number> = {vm: 4, op: 9, lba: 9, sectors: 5, segments: 3, gpa: 10};
const TONES: Record<Data, Tone> = {delivered: 'good', lost: 'bad', torn: 'bad', failed: 'warn'};
/** Seven stages side by side, and an arrow between two. */
const STAGE = 7;
/** The last of them is a space. */
const narrow = (text: string): string => `${fit(text, STAGE - 1)} `;

export function modelPanel(ui: Ui, width: number, height: number): List {
	const {form, focus} = ui;
	const last = shownTransfer(ui);
	const vm = ui.state.vms.find(({name}) => name === form.vm);
	const title = isDma(form)
		? `PASSTHRU DMA ─ of ${form.vm}`
		: `DEVICE MODEL ─ ${form.vm} ${vm?.model ?? ''} → ${vm?.disk ?? 'none'}`;
	const focused = focus === 'model';
	const inOneRow = width >= 88;
	const fields = FIELDS.map(field => fieldSpans(form, field, focused));
	const split = inOneRow ? [fields.flat()] : [fields.slice(0, 3).flat(), fields.slice(3).flat()];
	const rows: Row[] = split.map(spans => [' ', ...spans]);
	if (last === undefined) {
		rows.push([], [[' Enter runs it; the way it took is shown here.', 'dim']]);
	} else if (height >= split.length + last.chain.length + 3) {
		rows.push([], ...last.chain.map(stageRow), [], ...verdictRows(last));
	} else {
		rows.push(...chainRows(last.chain), ...verdictRows(last));
	}
	return list(title, rows);
}

function fieldSpans(form: Form, field: Field, focused: boolean): Span[] {
	const text = isIdle(form, field) ? '–' : fieldText(form, field);
	const value = fit(text, Math.max(WIDTHS[field], text.length));
	const chosen = focused && field === form.chosen;
	return [[`${LABELS[field]} `, 'dim'], [value, chosen ? 'chosen' : 'field'], '  '];
}

/** Brief, side by side: names above, what each saw below. */
const chainRows = (chain: readonly Stage[]): Row[] => [
	[' ', ...chain.map(({place}): Span => [narrow(place === 'pwritev' ? 'pwrite' : place), 'dim'])],
	[' ', ...chain.map(({brief, trouble}): Span => [narrow(brief), trouble ? 'bad' : 'good'])],
];

const stageRow = ({place, full, trouble}: Stage): Row => [
	' ',
	[fit(place, 8), 'dim'],
	trouble ? ['✗ ', 'bad'] : ['✓ ', 'good'],
	[full, trouble ? 'bad' : 'plain'],
];

function verdictRows({number, command, data, path, bytes, landed, note, policy, faults}: Transfer): Row[] {
	const counted = `${grouped(landed)} of ${grouped(bytes)} bytes`;
	const words: Record<Data, string> = {
		delivered: counted,
		lost: `success at every step, ${counted}`,
		torn: `success at every step, ${counted}`,
		failed: `${counted}, and an error`,
	};
	const what = command.do === 'dma' ? `ppt ${command.access}` : `${command.do} LBA ${command.lba}`;
	const more = `#${number} ${what} · ${path} · ${plural(faults, 'fault')} · ${policy}`;
	return [
		[' ', [data.toUpperCase(), TONES[data]], [` ${words[data]}`, TONES[data]]],
		[' ', note === undefined ? [more, 'dim'] : [note, 'warn']],
	];
}
