// The parts of a walk as it is shown, the same for both families: its steps, and what it comes to.

import {hex, PAGE_SIZE} from '../formats/address.js';
import type {PhysicalReader} from '../machine/tables.js';

/** A 64-bit word of a table. */
export type Qword = readonly [lo: number, hi: number];
/** Bits of an entry: what the specification calls them, what they hold, and what that means. */
export type Field = readonly [name: string, value: string, meaning: string];

/** An entry that the hardware reads on its way. */
export type Step = {
	name: string;
	tableAddress: number;
	index: number;
	entryAddress: number;
	/** One word of a page table's entry, two of a root or context entry, four of AMD-Vi's device table entry. */
	raw: readonly Qword[];
	fields: readonly Field[];
	/** What stops the walk here, in words. */
	verdict?: string;
};

/** The access is refused. `unrecorded` says why hardware keeps no record of it. */
export type Refused = {to: 'fault'; reason: number; text: string; why: string; unrecorded?: string};
/** What a function's root and context entries, or its device table entry, lead to. */
export type Start =
	| Refused
	/** No tables: an address is its own. */
	| {to: 'memory'; read: boolean; write: boolean; why: string; unrecorded?: string}
	| ({to: 'tables'} & StartTables);
/** `read` and `write` are what the entry lets through; `unrecorded`, why no fault in its tables is recorded. */
export type StartTables = {
	domain: number;
	root: number;
	levels: number;
	read: boolean;
	write: boolean;
	unrecorded?: string;
};
/** Where tables lead an address to; `pages` is what the entry found maps. */
export type Found = {to: 'page'; hpa: number; pages: number; read: boolean; write: boolean};

/** An access as a walk is asked for it. */
export type Access = {iova: number; write: boolean};

/** Adds the step that reads entry `index` of a table. It has no words where there is no memory. */
export function addStep(
	steps: Step[],
	memory: PhysicalReader,
	name: string,
	tableAddress: number,
	index: number,
	qwords: number,
): Step {
	const entryAddress = tableAddress + index * qwords * 8;
	const offset = entryAddress % PAGE_SIZE;
	const words = memory.page(entryAddress - offset);
	const raw = Array.from({length: words === undefined ? 0 : qwords}, (_, i): Qword => {
		const at = offset / 4 + 2 * i;
		return [words?.[at] ?? 0, words?.[at + 1] ?? 0];
	});
	const verdict = words === undefined ? `There is no memory at ${hex(entryAddress)}` : undefined;
	const step: Step = {name, tableAddress, index, entryAddress, raw, fields: [], verdict};
	steps.push(step);
	return step;
}

/** The numbers of the bits that are set and must not be: "3, 52". */
export const bitNumbers = (lo: number, hi: number): string =>
	Array.from({length: 64}, (_, bit) => bit)
		.filter(bit => ((bit < 32 ? lo >>> bit : hi >>> (bit - 32)) & 1) !== 0)
		.join(', ');

export const bit = (word: number, mask: number): string => ((word & mask) !== 0 ? '1' : '0');

/** A field for bits that must be zero, where some are not. */
export const reservedField = (lo: number, hi: number): Field[] =>
	(lo | hi) === 0 ? [] : [['reserved', bitNumbers(lo, hi), 'bits that must be zero are set']];

/** The entry of a level's table that an address takes. */
export const indexAt = (iova: number, level: number): number => Math.floor(iova / 2 ** (3 + 9 * level)) % 512;

/** A page's address with the offset of an access in it. */
export const within = (page: number, bytes: number, iova: number): number =>
	page - (page % bytes) + (iova % bytes);

/** 64 bits as they are printed: 0000_0001_2345_6003. */
export function qwordText([lo, hi]: Qword): string {
	const digits = (hi >>> 0).toString(16).padStart(8, '0') + (lo >>> 0).toString(16).padStart(8, '0');
	return (digits.match(/.{4}/g) ?? []).join('_');
}

export const pagesOf = (level: number): number => 512 ** (level - 1);
export const accessWord = (write: boolean): string => (write ? 'write' : 'read');
