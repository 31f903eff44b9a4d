// AMD-Vi's walk, told entry by entry: the checks and their order are those of hardware/amdvi-walk.ts (48882, 2.2.2
// and 2.2.3). A test holds the two against each other.

import {hex, PAGE_SIZE, pageAddress} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {EVENT, FLAG, IR, IW} from '../formats/amdvi.js';
import type {Rid} from '../formats/pci.js';
import type {AmdviUnit, PhysicalReader} from '../machine/tables.js';
import {
	type Access,
	accessWord,
	addStep,
	bit,
	type Field,
	type Found,
	indexAt,
	type Refused,
	reservedField,
	type Start,
	type StartTables,
	type Step,
	within,
} from './walk-steps.js';

/** DTE 8:2 and 63, and 60:52, whose features (PPR, guest translation) the unit does not have. */
const DTE_RESERVED_LOW = 0x1fc;
const DTE_RESERVED_HIGH = 0x9ff0_0000;
const SE = 'SE is set in the device table entry: of faults in a row, only the first is recorded';
const SA = 'SA is set in the device table entry, so no page fault is recorded';

function refuse(
	step: Step | undefined,
	type: number,
	flags: number,
	why: string,
	unrecorded?: string,
): Refused {
	if (step) step.verdict = why;
	return {to: 'fault', reason: type, text: amdvi.eventText(type, flags), why, unrecorded};
}

/** A write there is an interrupt, whatever the tables say (48882, 2.1.4). */
export const isInterrupt = ({iova, write}: Access): boolean =>
	write && iova >= 0xfee00000 && iova < 0xfef00000;

/** What an access without permission comes to. */
export const notAllowed = (step: Step | undefined, write: boolean, unrecorded?: string): Refused =>
	refuse(
		step,
		EVENT.IO_PAGE_FAULT,
		FLAG.PR | FLAG.PE | (write ? FLAG.RW : 0),
		`${write ? 'IW' : 'IR'} is clear: this entry lets nobody ${accessWord(write)}`,
		unrecorded,
	);

/** The device table entry. */
export function amdviStart(memory: PhysicalReader, unit: AmdviUnit, rid: Rid, steps: Step[]): Start {
	const step = addStep(steps, memory, 'device table entry', unit.table, rid, 4);
	if (rid * amdvi.DTE_BYTES >= unit.bytes) {
		step.raw = [];
		const why = `The device table ends before this function: it has ${unit.bytes / amdvi.DTE_BYTES} entries`;
		return refuse(step, EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0, why);
	}
	if (step.raw.length === 0)
		return refuse(step, EVENT.DEV_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT, step.verdict ?? '');
	const [[lo, hi], [lo1, hi1]] = step.raw;
	step.fields = deviceFields(lo, hi, lo1, hi1);
	if ((lo & amdvi.DTE_V) === 0)
		return {to: 'memory', read: true, write: true, why: 'V is clear: the function’s DMA is not translated'};
	const levels = amdvi.level(lo);
	if (((lo & DTE_RESERVED_LOW) | (hi & DTE_RESERVED_HIGH)) !== 0 || levels > amdvi.MODE_MAX) {
		const why =
			levels > amdvi.MODE_MAX ? `Mode ${levels} is reserved` : 'The entry has bits set that must be zero';
		return refuse(step, EVENT.ILLEGAL_DEV_TABLE_ENTRY, FLAG.RZ, why);
	}
	const unrecorded = hi1 & amdvi.DTE_SA ? SA : hi1 & amdvi.DTE_SE ? SE : undefined;
	if ((lo & amdvi.DTE_TV) === 0)
		return refuse(step, EVENT.IO_PAGE_FAULT, 0, 'TV is clear: the entry leads nowhere', unrecorded);
	const [read, write] = [(hi & IR) !== 0, (hi & IW) !== 0];
	const oneToOne = 'Mode is 0: there are no tables, and every address is its own';
	if (levels === 0) return {to: 'memory', read, write, why: oneToOne, unrecorded};
	return {to: 'tables', domain: lo1 & 0xffff, root: pageAddress(lo, hi), levels, read, write, unrecorded};
}

function deviceFields(lo: number, hi: number, lo1: number, hi1: number): Field[] {
	const levels = amdvi.level(lo);
	const mode =
		levels === 0 ? 'no tables: 1:1' : levels > amdvi.MODE_MAX ? 'reserved' : `tables of ${levels} levels`;
	return [
		[
			'V',
			bit(lo, amdvi.DTE_V),
			lo & amdvi.DTE_V ? 'the entry counts' : 'nothing of the function is translated',
		],
		['TV', bit(lo, amdvi.DTE_TV), lo & amdvi.DTE_TV ? 'the tables below count' : 'leads nowhere'],
		['Mode', `${levels}`, mode],
		['Root', hex(pageAddress(lo, hi)), 'where its tables start'],
		...rights(hi),
		['DomainID', `${lo1 & 0xffff}`, `domain ${lo1 & 0xffff}`],
		['SE', bit(hi1, amdvi.DTE_SE), hi1 & amdvi.DTE_SE ? 'only its first page fault is recorded' : ''],
		['SA', bit(hi1, amdvi.DTE_SA), hi1 & amdvi.DTE_SA ? 'none of its page faults is recorded' : ''],
		...(lo & amdvi.DTE_V ? reservedField(lo & DTE_RESERVED_LOW, hi & DTE_RESERVED_HIGH) : []),
	];
}

const rights = (hi: number): Field[] => [
	['IR', bit(hi, IR), hi & IR ? 'may be read' : 'may not be read'],
	['IW', bit(hi, IW), hi & IW ? 'may be written' : 'may not be written'],
];

/** The tables that a device table entry points to. `steps` ends with that entry. */
export function amdviTables(
	memory: PhysicalReader,
	{root, levels, read, write: writes, unrecorded}: StartTables,
	{iova, write}: Access,
	steps: Step[],
): Refused | Found {
	const rw = write ? FLAG.RW : 0;
	const fault = (step: Step | undefined, flags: number, why: string) =>
		refuse(step, EVENT.IO_PAGE_FAULT, flags | rw, why, unrecorded);
	const start = steps.at(-1);
	if (iova >= 2 ** (12 + 9 * levels))
		return fault(start, 0, `The address needs more than the ${12 + 9 * levels} bits of ${levels} levels`);
	let table = root;
	let permissions = IR | IW;
	for (let level = levels; ; ) {
		const step = addStep(steps, memory, `level ${level}`, table, indexAt(iova, level), 1);
		if (step.raw.length === 0)
			return refuse(step, EVENT.PAGE_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT | rw, step.verdict ?? '');
		const [[lo, hi]] = step.raw;
		const next = amdvi.level(lo);
		const leaf = next === 0 || next === amdvi.NL_SIZED;
		step.fields = entryFields(lo, hi, level);
		if ((lo & amdvi.PR) === 0) return fault(step, 0, absent(lo, hi));
		permissions &= hi;
		if ((hi & (leaf ? amdvi.LEAF_RESERVED_HIGH : amdvi.TABLE_RESERVED_HIGH)) !== 0)
			return fault(step, FLAG.PR | FLAG.RZ, 'The entry has bits set that must be zero');
		if (leaf) {
			const needed = write ? IW : IR;
			if ((permissions & needed) === 0) return notAllowed(blameOf(steps, needed), write, unrecorded);
			if (!(write ? writes : read)) return notAllowed(start, write, unrecorded);
			const shift = amdvi.leafShift(lo, hi, level);
			if (shift === undefined)
				return fault(step, FLAG.PR | FLAG.RZ, `Level ${level} has no page of that size`);
			const hpa = within(pageAddress(lo, hi), 2 ** shift, iova);
			const allowed = {read: read && (permissions & IR) !== 0, write: writes && (permissions & IW) !== 0};
			return {to: 'page', hpa, pages: 2 ** shift / PAGE_SIZE, ...allowed};
		}
		if (next >= level)
			return fault(step, FLAG.PR | FLAG.RZ, `NextLevel ${next} does not lie below level ${level}`);
		if (skipped(iova, level, next) !== 0)
			return fault(step, 0, `The entry leaves out levels whose bits of the address are not zero`);
		table = pageAddress(lo, hi);
		level = next;
	}
}

const absent = (lo: number, hi: number): string =>
	(lo | hi) === 0 ? 'The entry is all zero: nothing is mapped here' : 'PR is clear: nothing is mapped here';

/** The first table entry on the way that withholds a permission. */
const blameOf = (steps: readonly Step[], needed: number): Step | undefined =>
	steps.find(({name, raw: [word]}) => name.startsWith('level') && (word[1] & needed) === 0);

/** The bits of an address that levels left out would have used. */
const skipped = (iova: number, level: number, next: number): number =>
	Math.floor(iova / 2 ** amdvi.shiftOf(next + 1)) % 512 ** (level - 1 - next);

function entryFields(lo: number, hi: number, level: number): Field[] {
	if ((lo | hi) === 0) return [['PR', '0', 'nothing here']];
	const next = amdvi.level(lo);
	const leaf = next === 0 || next === amdvi.NL_SIZED;
	const shift = leaf ? amdvi.leafShift(lo, hi, level) : undefined;
	const size = shift === undefined ? 'a size that this level has not' : sizeWords(2 ** shift / PAGE_SIZE);
	const address = pageAddress(lo, hi);
	const left = level - 1 - next;
	const below = next >= level ? 'no level below' : left === 0 ? 'the table below' : `${left} left out`;
	return [
		['PR', bit(lo, amdvi.PR), lo & amdvi.PR ? 'present' : 'nothing here'],
		[
			'NextLevel',
			`${next}`,
			!leaf ? below : next === 0 ? `maps ${size}` : `maps ${size}, encoded in the address`,
		],
		leaf
			? ['ADDR', hex(shift === undefined ? address : address - (address % 2 ** shift)), 'the page']
			: ['ADDR', hex(address), `the table of level ${next}`],
		...rights(hi),
		...reservedField(0, hi & (leaf ? amdvi.LEAF_RESERVED_HIGH : amdvi.TABLE_RESERVED_HIGH)),
	];
}

const sizeWords = (pages: number): string => (pages === 1 ? '4 KiB' : `${pages} pages`);
