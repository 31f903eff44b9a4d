// The parts of a walk, the same for both formats: the entries that hardware reads, and where they lead.

import {hex, PAGE_SIZE} from '../formats/address.js';
import type {PhysicalReader} from '../machine/tables.js';

/** A 64-bit word of a table. */
export type Qword = readonly [lo: number, hi: number];
/** A field of an entry: its name in the specification, its value, and the meaning of that value. */
export type Field = readonly [name: string, value: string, meaning: string];

/** An entry that hardware reads. */
export type EntryRead = {
	/** A level of page tables, or an entry before them. */
	at: 'root' | 'context' | 'device table' | number;
	tableAddress: number;
	index: number;
	entryAddress: number;
	/** One word in page tables, two in a root or context entry, four in AMD-Vi's device table; empty outside memory. */
	raw: readonly Qword[];
	/** Why the walk ends here, if it does. */
	verdict?: string;
};
/** The same with its fields in words. */
export type WalkStep = EntryRead & {name: string; fields: readonly Field[]};

/** The access is refused. `unrecorded`: why hardware does not record the fault. */
export type Refused = {to: 'fault'; reason: number; text: string; why: string; unrecorded?: string};
/** Where a function's root and context entries, or its device table entry, lead. */
export type Start =
	| Refused
	/** Addresses are not translated. `domain` is undefined if no entry names one. */
	| {to: 'memory'; domain?: number; read: boolean; write: boolean; why: string; unrecorded?: string}
	| ({to: 'tables'} & StartTables);
/** `read` and `write`: what the entry allows. `unrecorded`: why faults in its tables are not recorded. */
export type StartTables = {
	domain: number;
	root: number;
	levels: number;
	read: boolean;
	write: boolean;
	unrecorded?: string;
};
/** Where the tables lead; `pages`: how many the last entry maps. */
export type Found = {to: 'page'; hpa: number; pages: number; read: boolean; write: boolean};

export type Access = {iova: number; write: boolean};

/** Reads entry `index` of a table and appends it to `steps`. */
export function readEntry(
	steps: EntryRead[],
	memory: PhysicalReader,
	at: EntryRead['at'],
	tableAddress: number,
	index: number,
	qwords: number,
): EntryRead {
	const entryAddress = tableAddress + index * qwords * 8;
	const offset = entryAddress % PAGE_SIZE;
	const words = memory.page(entryAddress - offset);
	const raw: Qword[] = [];
	if (words !== undefined)
		for (let at = offset / 4; raw.length < qwords; at += 2) raw.push([words[at], words[at + 1]]);
	const verdict = words === undefined ? `There is no memory at ${hex(entryAddress)}` : undefined;
	const step: EntryRead = {at, tableAddress, index, entryAddress, raw, verdict};
	steps.push(step);
	return step;
}

/** The numbers of the set bits: "3, 52". */
const bitNumbers = (lo: number, hi: number): string =>
	Array.from({length: 64}, (_, bit) => bit)
		.filter(bit => ((bit < 32 ? lo >>> bit : hi >>> (bit - 32)) & 1) !== 0)
		.join(', ');

export const bit = (word: number, mask: number): string => ((word & mask) !== 0 ? '1' : '0');

/** A field for reserved bits, if any are set. */
export const reservedField = ([lo, hi]: Qword): Field[] =>
	(lo | hi) === 0 ? [] : [['reserved', bitNumbers(lo, hi), 'must be zero']];

/** The index of an address in a table of a level. */
export const indexAt = (iova: number, level: number): number => Math.floor(iova / 2 ** (3 + 9 * level)) % 512;

/** The address in a page that has the offset of an access. */
export const within = (page: number, bytes: number, iova: number): number =>
	page - (page % bytes) + (iova % bytes);

/** 64 bits in groups of four digits: 0000_0001_2345_6003. */
export function qwordText([lo, hi]: Qword): string {
	const digits = (hi >>> 0).toString(16).padStart(8, '0') + (lo >>> 0).toString(16).padStart(8, '0');
	return (digits.match(/.{4}/g) ?? []).join('_');
}

/** "The entry denies writes", by the bit that withholds the permission. */
export const denies = (bitName: string, write: boolean): string =>
	`${bitName} is clear: the entry denies ${write ? 'writes' : 'reads'}`;
export const ZERO_ENTRY = 'The entry is zero: nothing is mapped here';
export const RESERVED_SET = 'The entry has reserved bits set';
