// AMD-Vi's walk, entry by entry, with the checks and their order as in hardware/amdvi-walk.ts (48882, 2.2.2 and 2.2.3).
// A test compares the two.

import {hex, PAGE_SIZE, pageAddress} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {EVENT, FLAG, IR, IW} from '../formats/amdvi.js';
import * as tables from '../formats/amdvi-tables.js';
import type {Rid} from '../formats/pci.js';
import type {AmdviUnit, PhysicalReader} from '../machine/tables.js';
import {sizeText} from '../words.js';
import {
	type Access,
	bit,
	denies,
	type EntryRead,
	type Field,
	type Found,
	indexAt,
	RESERVED_SET,
	type Refused,
	readEntry,
	reservedField,
	type Start,
	type StartTables,
	within,
	ZERO_ENTRY,
} from './walk-steps.js';

const SE = 'SE is set in the device table entry: only the first of consecutive faults is recorded';
const SA = 'SA is set in the device table entry: page faults are not recorded';

/** Marks the entry as the one that ends the walk. */
function refuse(
	step: EntryRead | undefined,
	type: number,
	flags: number,
	why: string,
	unrecorded?: string,
): Refused {
	if (step) step.verdict = why;
	return {to: 'fault', reason: type, text: amdvi.eventText(type, flags), why, unrecorded};
}

/** A write in this range is an interrupt, whatever the tables say (48882, 2.1.4). */
export const isInterrupt = ({iova, write}: Access): boolean =>
	write && iova >= 0xfee00000 && iova < 0xfef00000;

/** An access that the entry does not permit. */
export const notAllowed = (step: EntryRead | undefined, write: boolean, unrecorded?: string): Refused =>
	refuse(
		step,
		EVENT.IO_PAGE_FAULT,
		FLAG.PR | FLAG.PE | (write ? FLAG.RW : 0),
		denies(write ? 'IW' : 'IR', write),
		unrecorded,
	);

/** The device table entry. */
export function amdviStart(memory: PhysicalReader, unit: AmdviUnit, rid: Rid, steps: EntryRead[]): Start {
	// The segment is above bit 15.
	const index = rid & 0xffff;
	const step = readEntry(steps, memory, 'device table', unit.table, index, 4);
	if (index * amdvi.DTE_BYTES >= unit.bytes) {
		step.raw = [];
		const why = `The device table has ${unit.bytes / amdvi.DTE_BYTES} entries, none for this function`;
		return refuse(step, EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0, why);
	}
	if (step.raw.length === 0)
		return refuse(step, EVENT.DEV_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT, step.verdict ?? '');
	const [[lo, hi], [lo1, hi1]] = step.raw;
	const {valid, translates, levels, domain, root, read, write} = tables.decodeDte(lo, hi, lo1);
	if (!valid)
		return {to: 'memory', read: true, write: true, why: 'V is clear: the function’s DMA is not translated'};
	const [reservedLow, reservedHigh] = tables.dteReserved(lo, hi);
	if ((reservedLow | reservedHigh) !== 0 || levels > amdvi.MODE_MAX) {
		const why = levels > amdvi.MODE_MAX ? `Mode ${levels} is reserved` : RESERVED_SET;
		return refuse(step, EVENT.ILLEGAL_DEV_TABLE_ENTRY, FLAG.RZ, why);
	}
	const unrecorded = hi1 & amdvi.DTE_SA ? SA : hi1 & amdvi.DTE_SE ? SE : undefined;
	if (!translates)
		return refuse(step, EVENT.IO_PAGE_FAULT, 0, 'TV is clear: the entry’s tables are not valid', unrecorded);
	if (levels === 0) {
		const why = 'Mode is 0: there are no tables, so addresses are not translated';
		return {to: 'memory', domain, read, write, why, unrecorded};
	}
	return {to: 'tables', format: 'amd-vi', domain, root, levels, read, write, unrecorded};
}

/** The tables of a device table entry, which is the last of `steps`. */
export function amdviTables(
	memory: PhysicalReader,
	{root, levels, read, write: writes, unrecorded}: StartTables,
	{iova, write}: Access,
	steps: EntryRead[],
): Refused | Found {
	const rw = write ? FLAG.RW : 0;
	const fault = (step: EntryRead | undefined, flags: number, why: string) =>
		refuse(step, EVENT.IO_PAGE_FAULT, flags | rw, why, unrecorded);
	const start = steps.at(-1);
	const bits = 12 + 9 * levels;
	if (iova >= 2 ** bits)
		return fault(start, 0, `The address needs more than ${bits} bits, the limit of ${levels} levels`);
	let table = root;
	let permissions = IR | IW;
	for (let level = levels; ; ) {
		const step = readEntry(steps, memory, level, table, indexAt(iova, level), 1);
		if (step.raw.length === 0)
			return refuse(step, EVENT.PAGE_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT | rw, step.verdict ?? '');
		const [[lo, hi]] = step.raw;
		if ((lo & amdvi.PR) === 0)
			return fault(step, 0, (lo | hi) === 0 ? ZERO_ENTRY : 'PR is clear: nothing is mapped here');
		permissions &= hi;
		if (tables.entryReserved(lo, hi) !== 0) return fault(step, FLAG.PR | FLAG.RZ, RESERVED_SET);
		if (tables.isPage(lo)) {
			const needed = write ? IW : IR;
			if ((permissions & needed) === 0) return notAllowed(denier(steps, needed), write, unrecorded);
			if (!(write ? writes : read)) return notAllowed(start, write, unrecorded);
			const shift = amdvi.leafShift(lo, hi, level);
			if (shift === undefined)
				return fault(step, FLAG.PR | FLAG.RZ, `Level ${level} has no page of that size`);
			const hpa = within(pageAddress(lo, hi), 2 ** shift, iova);
			const allowed = {read: read && (permissions & IR) !== 0, write: writes && (permissions & IW) !== 0};
			return {to: 'page', hpa, pages: 2 ** shift / PAGE_SIZE, ...allowed};
		}
		const next = amdvi.level(lo);
		if (next >= level) return fault(step, FLAG.PR | FLAG.RZ, `NextLevel ${next} is not below level ${level}`);
		if (skippedBits(iova, level, next) !== 0)
			return fault(step, 0, 'The entry skips levels whose bits of the address are not zero');
		table = pageAddress(lo, hi);
		level = next;
	}
}

/** The first page table entry that denies a permission. */
const denier = (steps: readonly EntryRead[], needed: number): EntryRead | undefined =>
	steps.find(({at, raw: [word]}) => typeof at === 'number' && (word[1] & needed) === 0);

/** The bits of an address that the skipped levels would use. */
const skippedBits = (iova: number, level: number, next: number): number =>
	Math.floor(iova / 2 ** amdvi.shiftOf(next + 1)) % 512 ** (level - 1 - next);

/** An entry's fields in words. */
export function amdviFields({at, raw}: EntryRead): Field[] {
	if (raw.length === 0) return [];
	const [[lo, hi], [lo1, hi1] = [0, 0]] = raw;
	return typeof at === 'number' ? entryFields(lo, hi, at) : deviceFields(lo, hi, lo1, hi1);
}

const rights = (hi: number): Field[] => [
	['IR', bit(hi, IR), hi & IR ? 'readable' : 'not readable'],
	['IW', bit(hi, IW), hi & IW ? 'writable' : 'not writable'],
];

function deviceFields(lo: number, hi: number, lo1: number, hi1: number): Field[] {
	const {valid, translates, levels, root, domain} = tables.decodeDte(lo, hi, lo1);
	const mode = levels === 0 ? 'no tables: 1:1' : levels > amdvi.MODE_MAX ? 'reserved' : `${levels} levels`;
	return [
		['V', bit(lo, amdvi.DTE_V), valid ? 'valid' : 'DMA is not translated'],
		['TV', bit(lo, amdvi.DTE_TV), translates ? 'tables valid' : 'tables not valid'],
		['Mode', `${levels}`, mode],
		['Root', hex(root), 'top table'],
		...rights(hi),
		['DomainID', `${domain}`, `domain ${domain}`],
		['SE', bit(hi1, amdvi.DTE_SE), hi1 & amdvi.DTE_SE ? 'only the first page fault is recorded' : ''],
		['SA', bit(hi1, amdvi.DTE_SA), hi1 & amdvi.DTE_SA ? 'page faults are not recorded' : ''],
		...(valid ? reservedField(tables.dteReserved(lo, hi)) : []),
	];
}

function entryFields(lo: number, hi: number, level: number): Field[] {
	if ((lo | hi) === 0) return [['PR', '0', 'not present']];
	return [
		['PR', bit(lo, amdvi.PR), lo & amdvi.PR ? 'present' : 'not present'],
		...(tables.isPage(lo) ? pageFields(lo, hi, level) : tableFields(lo, hi, level)),
		...rights(hi),
		...reservedField([0, tables.entryReserved(lo, hi)]),
	];
}

function pageFields(lo: number, hi: number, level: number): Field[] {
	const next = amdvi.level(lo);
	const shift = amdvi.leafShift(lo, hi, level);
	const address = pageAddress(lo, hi);
	const size = shift === undefined ? 'a size that this level does not have' : sizeText(2 ** shift);
	return [
		['NextLevel', `${next}`, next === 0 ? `maps ${size}` : `maps ${size}, encoded in the address`],
		['ADDR', hex(shift === undefined ? address : address - (address % 2 ** shift)), 'page'],
	];
}

function tableFields(lo: number, hi: number, level: number): Field[] {
	const next = amdvi.level(lo);
	const skipped = level - 1 - next;
	const meaning = skipped < 0 ? 'not below this level' : skipped === 0 ? 'next level' : `skips ${skipped}`;
	return [
		['NextLevel', `${next}`, meaning],
		['ADDR', hex(pageAddress(lo, hi)), `table of level ${next}`],
	];
}
