// The form of the device-model panel: plain values, the field that is chosen, and what is being typed.

import {hex, PAGE_SIZE, SECTOR} from '../../formats/address.js';
import type {TransferCommand} from '../../machine/command.js';

export const FIELDS = ['vm', 'op', 'lba', 'sectors', 'segments', 'gpa'] as const;
export type Field = (typeof FIELDS)[number];
export const OPS = ['read', 'write', 'ppt write', 'ppt read'] as const;
export type Op = (typeof OPS)[number];

export type Form = {
	vm: string;
	op: Op;
	lba: number;
	sectors: number;
	segments: number;
	gpa: number;
	chosen: Field;
	/** What is being typed into the chosen field; undefined when nothing is. */
	draft?: string;
};

/** What the machine offers the form: its guests, each with its passthru devices. */
export type Choices = readonly {name: string; passthru: readonly string[]}[];

const isNumber = (field: Field): field is 'lba' | 'sectors' | 'segments' | 'gpa' =>
	field !== 'vm' && field !== 'op';

export const newForm = (vm: string, gpa: number): Form => ({
	vm,
	op: 'read',
	lba: 0,
	sectors: 8,
	segments: 1,
	gpa,
	chosen: 'lba',
});

/** Whether the form asks for a passthru device's DMA, which has neither an LBA nor segments. */
export const isDma = ({op}: Form): boolean => op === 'ppt write' || op === 'ppt read';
export const isIdle = (form: Form, field: Field): boolean =>
	isDma(form) && (field === 'lba' || field === 'segments');

/** What a field shows; after what is being typed, the cursor's place. */
export function fieldText(form: Form, field: Field): string {
	if (form.draft !== undefined && field === form.chosen) return `${form.draft} `;
	return field === 'gpa' ? hex(form.gpa) : String(form[field]);
}

export function moveField(form: Form, by: 1 | -1): Form {
	let at = FIELDS.indexOf(form.chosen);
	do at = (at + by + FIELDS.length) % FIELDS.length;
	while (isIdle(form, FIELDS[at]));
	return {...commitDraft(form), chosen: FIELDS[at]};
}

/** The next or previous value: another guest or operation, the next LBA of this size, twice the sectors, a page. */
export function stepField(before: Form, by: 1 | -1, choices: Choices): Form {
	const form = commitDraft(before);
	const cycle = <T>(values: readonly T[], value: T): T =>
		values[(values.indexOf(value) + by + values.length) % values.length];
	switch (form.chosen) {
		case 'vm':
			return {
				...form,
				vm: cycle(
					choices.map(({name}) => name),
					form.vm,
				),
			};
		case 'op':
			return {...form, op: cycle(OPS, form.op)};
		case 'lba':
			return {...form, lba: Math.max(0, form.lba + by * form.sectors)};
		case 'sectors':
			return {...form, sectors: Math.max(1, by > 0 ? form.sectors * 2 : Math.floor(form.sectors / 2))};
		case 'segments':
			return {...form, segments: Math.max(1, form.segments + by)};
		default:
			return {...form, gpa: Math.max(0, form.gpa + by * PAGE_SIZE)};
	}
}

/** As many signs as a field shows. */
const LONGEST = 18;

/** Starts typing into the chosen field, where it takes a number. */
export const edit = (form: Form): Form => (isNumber(form.chosen) ? {...form, draft: ''} : form);

/** Whether a key goes into the field that is being typed: a digit; in the GPA, which is hex, a letter from a to f too. */
export function accepts({chosen, draft}: Form, key: string): boolean {
	if (draft === undefined) return false;
	if (key === 'backspace') return true;
	return (chosen === 'gpa' ? (draft === '0' ? /^[0-9a-fx]$/i : /^[0-9a-f]$/i) : /^[0-9]$/).test(key);
}

export function type(form: Form, key: string): Form {
	const draft = form.draft ?? '';
	if (key !== 'backspace') {
		if (draft.length >= LONGEST) return form;
		// A digit that makes the number too large is not taken: the number that is shown is the one that is used.
		const longer = {...form, draft: draft + key};
		return numberIn(longer) === undefined && draft + key !== '0x' ? form : longer;
	}
	return {...form, draft: draft.slice(0, -1)};
}

/** Takes what was typed as the field's value; a GPA is hex, with or without 0x. What is no number is dropped. */
export function commitDraft(typed: Form): Form {
	const {draft, ...form} = typed;
	const value = draft && isNumber(form.chosen) ? numberIn(typed) : undefined;
	return value === undefined ? form : {...form, [form.chosen]: value};
}

/** Undefined where what was typed is no number, or one too large. */
function numberIn({chosen, draft = ''}: Form): number | undefined {
	const value = Number(chosen === 'gpa' && !/^0x/i.test(draft) ? `0x${draft}` : draft);
	return Number.isSafeInteger(value) ? value : undefined;
}

/** The command that Enter runs; a sentence where there is none. */
export function commandOf(
	{vm, op, lba, sectors, segments, gpa}: Form,
	choices: Choices,
): TransferCommand | string {
	if (op === 'read' || op === 'write') return {do: op, vm, lba, sectors, segments, gpa};
	const device = choices.find(({name}) => name === vm)?.passthru[0];
	if (device === undefined) return `${vm} has no passthru device; choose a guest that has one.`;
	return {do: 'dma', device, access: op === 'ppt write' ? 'write' : 'read', gpa, bytes: sectors * SECTOR};
}
