// VT-d's walk in scalable mode, entry by entry, with the checks in the specification's order (VT-d 3.4.3, 3.6, 3.7 and
// 7.1.3): root, context, PASID directory, PASID table, then the tables of the first or the second stage. It is held
// against another unit's answers (npm run conformance).

import {type Halves, HIGH, hex, hexHalves, PAGE_SIZE, pageAddress} from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {faultText} from '../formats/vtd-reasons.js';
import * as scalable from '../formats/vtd-scalable.js';
import {
	FAULT,
	FIRST,
	IGNORES_FPD,
	indexOf,
	PGTT,
	type ScalableLimits,
	SECOND,
} from '../formats/vtd-scalable.js';
import * as tables from '../formats/vtd-tables.js';
import type {PhysicalReader, VtdUnit} from '../machine/tables.js';
import {
	denies,
	type EntryRead,
	type Found,
	type Qword,
	RESERVED_SET,
	type Refused,
	readEntry,
	type Start,
	type StartTables,
	ZERO_ENTRY,
} from './walk-steps.js';

/** An access to any address: first-stage addresses are canonical, and half of them exceed 2^53. */
export type WideAccess = {iova: Halves; write: boolean};

/** Whether a unit's tables are those of scalable mode. */
export const isScalable = (unit: VtdUnit): unit is VtdUnit & ScalableLimits => unit.ecapHi !== undefined;

const unrecordedBy = (entry: string): string => `FPD is set in the ${entry} entry: the fault is not recorded`;

/** Marks the entry as the one that ends the walk. */
function refuse(step: EntryRead | undefined, reason: number, why: string, unrecorded?: string): Refused {
	if (step) step.verdict = why;
	const text = faultText(reason) ?? `reason ${reason}`;
	return {to: 'fault', reason, text, why, unrecorded: IGNORES_FPD.has(reason) ? undefined : unrecorded};
}

const anySet = (bits: tables.ReservedBits): boolean => bits.some(([lo, hi]) => (lo | hi) !== 0);
const noMemory = (step: EntryRead): string => step.verdict ?? '';

/** From the root entry to the entry of the PASID that requests without one have. */
export function scalableStart(
	memory: PhysicalReader,
	unit: VtdUnit & ScalableLimits,
	rid: Rid,
	steps: EntryRead[],
): Start {
	const bus = ridBus(rid);
	const devfn = ridDevfn(rid);
	const root = readEntry(steps, memory, 'root', unit.table, bus, 2);
	if (root.raw.length === 0) return refuse(root, FAULT.ROOT_UNREADABLE, noMemory(root));
	const [lo, hi] = root.raw[devfn < 128 ? 0 : 1];
	const {present, contextTable} = scalable.decodeRootHalf(lo, hi);
	if (!present)
		return refuse(
			root,
			FAULT.ROOT_ABSENT,
			`${devfn < 128 ? 'LP' : 'UP'} is clear: bus ${bus} has no context table for that device`,
		);
	if (anySet(scalable.rootHalfReserved(unit, lo, hi))) return refuse(root, FAULT.ROOT_RESERVED, RESERVED_SET);
	const context = readEntry(steps, memory, 'context', contextTable, devfn & 127, scalable.CONTEXT_QWORDS);
	if (context.raw.length === 0) return refuse(context, FAULT.CONTEXT_UNREADABLE, noMemory(context));
	return contextStart(memory, unit, context, steps);
}

function contextStart(
	memory: PhysicalReader,
	unit: VtdUnit & ScalableLimits,
	step: EntryRead,
	steps: EntryRead[],
): Start {
	const [[lo, hi], [lo1]] = step.raw;
	const context = scalable.decodeContext(lo, hi, lo1, unit);
	const unrecorded = context.faultsDisabled ? unrecordedBy('context') : undefined;
	if (!context.present)
		return refuse(step, FAULT.CONTEXT_ABSENT, 'P is clear: the function is in no domain', unrecorded);
	if (anySet(scalable.contextReserved(unit, step.raw)))
		return refuse(step, FAULT.CONTEXT_RESERVED, RESERVED_SET);
	const {pasid, directory, directoryEntries} = context;
	const index = Math.floor(pasid / scalable.PASIDS_PER_TABLE);
	if (index >= directoryEntries)
		return refuse(step, FAULT.RID_PASID, `PASID ${pasid} is beyond the directory’s size (PDTS)`, unrecorded);
	const entry = readEntry(steps, memory, 'PASID directory', directory, index, 1);
	if (entry.raw.length === 0) return refuse(entry, FAULT.DIRECTORY_UNREADABLE, noMemory(entry));
	const [[low, high]] = entry.raw;
	const {present, faultsDisabled, table} = scalable.decodeDirectory(low, high);
	const silent = unrecorded ?? (faultsDisabled ? unrecordedBy('PASID directory') : undefined);
	if (!present)
		return refuse(entry, FAULT.DIRECTORY_ABSENT, 'P is clear: no PASID table for that PASID', silent);
	if (anySet(scalable.directoryReserved(unit, low, high)))
		return refuse(entry, FAULT.DIRECTORY_RESERVED, RESERVED_SET);
	const last = readEntry(
		steps,
		memory,
		'PASID table',
		table,
		pasid % scalable.PASIDS_PER_TABLE,
		scalable.PASID_QWORDS,
	);
	if (last.raw.length === 0) return refuse(last, FAULT.PASID_UNREADABLE, noMemory(last));
	return pasidStart(unit, last, silent);
}

/** Where the entry of a PASID leads. */
function pasidStart(unit: VtdUnit & ScalableLimits, step: EntryRead, above: string | undefined): Start {
	const entry = scalable.decodePasid(step.raw);
	const unrecorded = above ?? (entry.faultsDisabled ? unrecordedBy('PASID table') : undefined);
	const {present, type, domain} = entry;
	if (!present) return refuse(step, FAULT.PASID_ABSENT, 'P is clear: the PASID is not in use', unrecorded);
	const invalid = invalidWords(unit, entry);
	if (invalid !== undefined) return refuse(step, FAULT.PASID_INVALID, invalid, unrecorded);
	const allowed = {domain, read: true, write: true, unrecorded};
	if (type === PGTT.PASS_THROUGH)
		return {to: 'memory', ...allowed, why: 'PGTT is 4, pass-through: the address is not translated'};
	if (type === PGTT.FIRST)
		return {
			to: 'tables',
			...allowed,
			format: 'vt-d first stage',
			root: entry.firstRoot,
			levels: entry.firstLevels,
		};
	// Nested: the guest's own tables, the first stage, are not decoded; the second stage bounds what they reach.
	const accessed = entry.secondAccessed && (unit.ecapHi & 0x2000) !== 0;
	return {
		to: 'tables',
		...allowed,
		format: 'vt-d',
		root: entry.secondRoot,
		levels: entry.secondLevels,
		...(accessed ? {accessed} : {}),
	};
}

/** Why the unit does not accept an entry; undefined if it does. */
export function invalidWords(unit: ScalableLimits, entry: scalable.PasidEntry): string | undefined {
	const {type, firstLevels, secondLevels} = entry;
	if (!scalable.hasType(unit, type)) return `PGTT ${type} is not supported by this unit`;
	const first = type === PGTT.FIRST || type === PGTT.NESTED;
	const second = type !== PGTT.FIRST;
	if (first && !scalable.hasFirstLevels(unit, firstLevels))
		return `FSPM ${firstLevels - 4} is not supported by this unit`;
	if (second && type !== PGTT.PASS_THROUGH && !tables.hasLevels(unit, secondLevels))
		return `AW ${secondLevels - 2} is not supported by this unit`;
	return undefined;
}

/** The tables of a PASID's entry, which is the last of `steps`. */
export const scalableTables = (
	memory: PhysicalReader,
	unit: VtdUnit & ScalableLimits,
	start: StartTables,
	access: WideAccess,
	steps: EntryRead[],
): Refused | Found =>
	start.format === 'vt-d first stage'
		? firstStage(memory, unit, start, access, steps)
		: secondStage(memory, unit, start, access, steps);

function firstStage(
	memory: PhysicalReader,
	unit: VtdUnit,
	{root, levels, unrecorded}: StartTables,
	{iova, write}: WideAccess,
	steps: EntryRead[],
): Refused | Found {
	const bits = 12 + 9 * levels;
	if (!scalable.isCanonical(iova, levels)) {
		const why = `${hexHalves(iova)} is not canonical: its bits 63 to ${bits - 1} differ`;
		return refuse(steps.at(-1), FAULT.NOT_CANONICAL, why, unrecorded);
	}
	let table = root;
	let writable = true;
	for (let level = levels; ; level--) {
		const step = readEntry(steps, memory, level, table, indexOf(iova, level), 1, 'first');
		if (step.raw.length === 0) {
			const reason = level === levels ? FAULT.FIRST_TOP_UNREADABLE : FAULT.FIRST_UNREADABLE;
			return refuse(step, reason, noMemory(step), unrecorded);
		}
		const [[lo, hi]] = step.raw;
		const refused = firstRefusal(unit, [lo, hi], level, write);
		if (refused !== undefined) return refuse(step, ...refused, unrecorded);
		writable &&= (lo & FIRST.WRITE) !== 0;
		const page = scalable.isFirstPage(lo, level);
		step.sets = FIRST.ACCESSED | (page && write ? FIRST.DIRTY : 0);
		if (page) return leaf(step, level, iova, {read: true, write: writable}, unrecorded);
		table = pageAddress(lo, hi);
	}
}

function firstRefusal(
	unit: VtdUnit,
	[lo, hi]: Qword,
	level: number,
	write: boolean,
): [reason: number, why: string] | undefined {
	if ((lo & FIRST.PRESENT) === 0)
		return [FAULT.FIRST_ABSENT, (lo | hi) === 0 ? ZERO_ENTRY : 'P is clear: nothing is mapped here'];
	if ((lo & FIRST.USER) === 0)
		return [FAULT.SUPERVISOR, 'U/S is clear: the entry is the supervisor’s, and requests are a user’s'];
	if (write && (lo & FIRST.WRITE) === 0) return [FAULT.WRITE, denies('R/W', true)];
	if (anySet(scalable.firstReserved(unit, lo, hi, level))) return [FAULT.FIRST_RESERVED, RESERVED_SET];
	return undefined;
}

function secondStage(
	memory: PhysicalReader,
	unit: VtdUnit & ScalableLimits,
	{root, levels, accessed, unrecorded}: StartTables,
	{iova, write}: WideAccess,
	steps: EntryRead[],
): Refused | Found {
	const limit = tables.addressBits(unit, levels);
	if (iova.hi >= 2 ** (limit - 32)) {
		const why = `The address needs more than ${limit} bits, the limit of the domain’s tables and the unit`;
		return refuse(steps.at(-1), FAULT.BEYOND_SECOND, why, unrecorded);
	}
	let table = root;
	let rights = vtd.PTE_READ | vtd.PTE_WRITE;
	for (let level = levels; ; level--) {
		const step = readEntry(steps, memory, level, table, indexOf(iova, level), 1);
		if (step.raw.length === 0) {
			const reason = level === levels ? FAULT.SECOND_TOP_UNREADABLE : FAULT.SECOND_UNREADABLE;
			return refuse(step, reason, noMemory(step), unrecorded);
		}
		const [[lo, hi]] = step.raw;
		rights &= lo;
		if ((lo & (write ? vtd.PTE_WRITE : vtd.PTE_READ)) === 0) {
			const why = (lo | hi) === 0 ? ZERO_ENTRY : denies(write ? 'W' : 'R', write);
			return refuse(step, FAULT.SECOND_DENIES, why, unrecorded);
		}
		if (anySet(tables.entryReserved(unit, lo, hi, level)))
			return refuse(step, FAULT.SECOND_RESERVED, RESERVED_SET, unrecorded);
		const page = tables.isPage(lo, level);
		if (accessed) step.sets = SECOND.ACCESSED | (page && write ? SECOND.DIRTY : 0);
		const allowed = {read: (rights & vtd.PTE_READ) !== 0, write: (rights & vtd.PTE_WRITE) !== 0};
		if (page) return leaf(step, level, iova, allowed, unrecorded);
		table = pageAddress(lo, hi);
	}
}

function leaf(
	step: EntryRead,
	level: number,
	iova: Halves,
	allowed: {read: boolean; write: boolean},
	unrecorded: string | undefined,
): Refused | Found {
	const [[lo, hi]] = step.raw;
	const pages = 512 ** (level - 1);
	const bytes = pages * PAGE_SIZE;
	const page = pageAddress(lo, hi);
	const hpa = page - (page % bytes) + (((iova.hi & 0xff) * HIGH + iova.lo) % bytes);
	if (hpa >= 0xfee00000 && hpa < 0xfef00000) {
		const why = `The entry maps the address to ${hex(hpa)}, in the interrupt range`;
		return refuse(step, FAULT.INTERRUPT_RANGE, why, unrecorded);
	}
	return {to: 'page', hpa, pages, ...allowed};
}
