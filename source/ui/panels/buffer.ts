// The guest's buffer beside the disk's sectors, byte for byte, as both are now; differences are marked.

import {hex, SECTOR} from '../../formats/address.js';
import type {LabControls, ObservedMachine} from '../../machine/observed.js';
import {messageOf} from '../../user-error.js';
import {grouped} from '../../words.js';
import type {Row, Span} from '../rows.js';
import {isDma} from '../state/form.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';

const PER_ROW = 8;
/** More than this of a transfer is not compared on screen. */
const MOST = 1024 * 1024;

type Bytes = {guest: Uint8Array; disk: Uint8Array; different: number};
const latest = new WeakMap<ObservedMachine, {key: string; bytes: Bytes}>();

export function bufferPanel(ui: Ui): List {
	const {form, machine} = ui;
	const {lab} = machine;
	if (lab === undefined) return list('BUFFER', [['This machine shows no buffers.']]);
	let bytes: Bytes;
	try {
		bytes = read(ui, lab);
	} catch (error) {
		return list('BUFFER', [[[`The disk cannot be read: ${messageOf(error)}`, 'warn']]]);
	}
	const {guest, disk, different} = bytes;
	if (isDma(form)) {
		return {
			...shown(`BUFFER ${form.vm} ${hex(form.gpa)}`, bytes),
			row: index => guestRow(bytes, index * PER_ROW),
		};
	}
	const place = `${form.vm} ${hex(form.gpa)} │ ada0 LBA ${form.lba}`;
	if (guest.length === 0) return list(`BUFFER ${place}`, [[`${form.vm} has no memory at ${hex(form.gpa)}.`]]);
	const compared = Math.min(guest.length, disk.length);
	const verdict = comparison(different, compared, form.sectors * SECTOR);
	return shown(`BUFFER ${place} ─ ${verdict}`, bytes);
}

const shown = (title: string, bytes: Bytes): List => ({
	title,
	head: [],
	count: Math.ceil(bytes.guest.length / PER_ROW),
	row: index => hexRow(bytes, index * PER_ROW),
});

function comparison(different: number, compared: number, wanted: number): string {
	if (compared === 0) return 'no disk there';
	if (different > 0) return `${grouped(different)} of ${grouped(compared)} bytes differ`;
	return compared < wanted ? `the first ${grouped(compared)} bytes are the same` : 'the same';
}

/** Both sides, read again only when the machine or the form has changed. @throws the system's error */
function read({form: {vm, gpa, lba, sectors}, machine, state}: Ui, lab: LabControls): Bytes {
	const key = [state.revision, vm, gpa, lba, sectors].join();
	const known = latest.get(machine);
	if (known?.key === key) return known.bytes;
	const length = Math.min(sectors * SECTOR, MOST);
	const guest = lab.guestBytes(vm, gpa, length);
	const disk = lab.diskBytes(vm, lba, length);
	let different = 0;
	for (let i = 0; i < Math.min(guest.length, disk.length); i++) if (guest[i] !== disk[i]) different++;
	const bytes = {guest, disk, different};
	latest.set(machine, {key, bytes});
	return bytes;
}

/** A passthru device's DMA has no disk beside it. */
const guestRow = ({guest}: Bytes, at: number): Row => [
	[at.toString(16).padStart(4, '0'), 'dim'],
	' ',
	...side(guest, guest, at, 'bad'),
];

function hexRow({guest, disk}: Bytes, at: number): Row {
	return [
		[at.toString(16).padStart(4, '0'), 'dim'],
		' ',
		...side(guest, disk, at, 'bad'),
		[' │ ', 'border'],
		...side(disk, guest, at, 'good'),
	];
}

/** Eight bytes in hex and as text; runs of equal or of different bytes share a span. */
function side(own: Uint8Array, other: Uint8Array, at: number, tone: 'bad' | 'good'): Span[] {
	const hexes: Span[] = [];
	const texts: Span[] = [];
	for (let i = at; i < at + PER_ROW; i++) {
		const there = i < own.length;
		const differs = there && i < other.length && own[i] !== other[i];
		const byte = there ? own[i].toString(16).padStart(2, '0') : '  ';
		const char = there ? (own[i] >= 0x20 && own[i] < 0x7f ? String.fromCharCode(own[i]) : '·') : ' ';
		hexes.push(differs ? [byte, tone] : byte, differs ? ['*', tone] : ' ');
		texts.push(differs ? [char, tone] : char);
	}
	return [...joined(hexes), ...joined(texts)];
}

function joined(spans: readonly Span[]): Span[] {
	const result: [string, 'plain' | 'bad' | 'good'][] = [];
	for (const span of spans) {
		const [text, tone] = typeof span === 'string' ? [span, 'plain' as const] : span;
		const last = result[result.length - 1];
		if (last?.[1] === tone) last[0] += text;
		else if (tone === 'plain' || tone === 'bad' || tone === 'good') result.push([text, tone]);
	}
	return result;
}
