// VT-d's walk in legacy mode, entry by entry, with the checks and their order as in hardware/vtd-walk.ts (VT-d 3.4 and
// 7.1.3). A test compares the two.

import {hex, PAGE_SIZE, pageAddress} from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT} from '../formats/vtd.js';
import * as tables from '../formats/vtd-tables.js';
import type {PhysicalReader, VtdUnit} from '../machine/tables.js';
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

const UNRECORDED = 'FPD is set in the context entry: the fault is not recorded';
const UNSUPPORTED = 'not supported by this unit';

/** Marks the entry as the one that ends the walk. */
function refuse(step: EntryRead | undefined, reason: number, why: string, unrecorded?: string): Refused {
	if (step) step.verdict = why;
	return {to: 'fault', reason, text: vtd.reasonText(reason), why, unrecorded};
}

const anySet = (bits: tables.ReservedBits): boolean => bits.some(([lo, hi]) => (lo | hi) !== 0);

/** Root entry and context entry. */
export function vtdStart(memory: PhysicalReader, unit: VtdUnit, rid: Rid, steps: EntryRead[]): Start {
	const bus = ridBus(rid);
	const step = readEntry(steps, memory, 'root', unit.table, bus, 2);
	if (step.raw.length === 0) return refuse(step, FAULT.ROOT_UNREADABLE, step.verdict ?? '');
	const [[lo, hi], [lo1, hi1]] = step.raw;
	const {present, contextTable} = tables.decodeRoot(lo, hi);
	if (!present) return refuse(step, FAULT.ROOT_ABSENT, `P is clear: bus ${bus} has no context table`);
	if (anySet(tables.rootReserved(unit, lo, hi, lo1, hi1)))
		return refuse(step, FAULT.ROOT_RESERVED, RESERVED_SET);
	return contextStart(memory, unit, rid, contextTable, steps);
}

function contextStart(
	memory: PhysicalReader,
	unit: VtdUnit,
	rid: Rid,
	table: number,
	steps: EntryRead[],
): Start {
	const step = readEntry(steps, memory, 'context', table, ridDevfn(rid), 2);
	if (step.raw.length === 0) return refuse(step, FAULT.CONTEXT_UNREADABLE, step.verdict ?? '');
	const [[lo, hi], [lo1, hi1]] = step.raw;
	const {present, faultsDisabled, type, root, levels, domain} = tables.decodeContext(lo, hi, lo1);
	const unrecorded = faultsDisabled ? UNRECORDED : undefined;
	if (!present)
		return refuse(step, FAULT.CONTEXT_ABSENT, 'P is clear: the function is in no domain', unrecorded);
	if (anySet(tables.contextReserved(unit, lo, hi, lo1, hi1)))
		return refuse(step, FAULT.CONTEXT_RESERVED, RESERVED_SET);
	const unsupported = !tables.hasLevels(unit, levels)
		? `AW ${lo1 & 7}`
		: !tables.hasType(unit, type)
			? `TT ${type}`
			: undefined;
	if (unsupported !== undefined)
		return refuse(step, FAULT.CONTEXT_INVALID, `${unsupported} is ${UNSUPPORTED}`, unrecorded);
	if (type === 2) {
		const why = 'TT is 2, pass-through: the address is not translated';
		return {to: 'memory', domain, read: true, write: true, why};
	}
	return {to: 'tables', format: 'vt-d', domain, root, levels, read: true, write: true, unrecorded};
}

/** The tables of a context entry, which is the last of `steps`. */
export function vtdTables(
	memory: PhysicalReader,
	unit: VtdUnit,
	{root, levels, unrecorded}: StartTables,
	{iova, write}: Access,
	steps: EntryRead[],
): Refused | Found {
	const limit = tables.addressBits(unit, levels);
	if (iova >= 2 ** limit) {
		const why = `The address needs more than ${limit} bits, the limit of the domain’s tables and the unit`;
		return refuse(steps.at(-1), FAULT.BEYOND_WIDTH, why, unrecorded);
	}
	let table = root;
	let permissions = vtd.PTE_READ | vtd.PTE_WRITE;
	for (let level = levels; ; level--) {
		const step = readEntry(steps, memory, level, table, indexAt(iova, level), 1);
		if (step.raw.length === 0) {
			const reason = level === levels ? FAULT.CONTEXT_INVALID : FAULT.TABLE_UNREADABLE;
			return refuse(step, reason, step.verdict ?? '', unrecorded);
		}
		const [[lo, hi]] = step.raw;
		permissions &= lo;
		if ((lo & (write ? vtd.PTE_WRITE : vtd.PTE_READ)) === 0) {
			const why = (lo | hi) === 0 ? ZERO_ENTRY : denies(write ? 'W' : 'R', write);
			return refuse(step, write ? FAULT.WRITE : FAULT.READ, why, unrecorded);
		}
		if (anySet(tables.entryReserved(unit, lo, hi, level)))
			return refuse(step, FAULT.ENTRY_RESERVED, reservedWhy(unit, lo, level), unrecorded);
		if (!tables.isPage(lo, level)) {
			table = pageAddress(lo, hi);
			continue;
		}
		const pages = 512 ** (level - 1);
		const hpa = within(pageAddress(lo, hi), pages * PAGE_SIZE, iova);
		if (hpa >= 0xfee00000 && hpa < 0xfef00000) {
			const why = `The entry maps the address to ${hex(hpa)}, in the interrupt range`;
			return refuse(step, FAULT.INTERRUPT_RANGE, why, unrecorded);
		}
		const read = (permissions & vtd.PTE_READ) !== 0;
		return {to: 'page', hpa, pages, read, write: (permissions & vtd.PTE_WRITE) !== 0};
	}
}

const reservedWhy = (unit: VtdUnit, lo: number, level: number): string =>
	(lo & vtd.PTE_PS) !== 0 && level > 1 && !tables.hasPageSize(unit, level)
		? `PS is set, but this unit has no page of that size at level ${level}`
		: RESERVED_SET;

/** An entry's fields in words. */
export function vtdFields(unit: VtdUnit, {at, index, raw}: EntryRead): Field[] {
	if (raw.length === 0) return [];
	const [[lo, hi], [lo1, hi1] = [0, 0]] = raw;
	if (at === 'root') {
		const {present, contextTable} = tables.decodeRoot(lo, hi);
		return [
			['P', bit(lo, vtd.PRESENT), present ? 'present' : `no context table for bus ${index}`],
			['CTP', hex(contextTable), `context table of bus ${index}`],
			...tables.rootReserved(unit, lo, hi, lo1, hi1).flatMap(reservedField),
		];
	}
	return typeof at === 'number'
		? entryFields(unit, lo, hi, at)
		: [
				...contextFields(unit, lo, hi, lo1),
				...tables.contextReserved(unit, lo, hi, lo1, hi1).flatMap(reservedField),
			];
}

const TYPES = ['translated', 'translated, with device TLBs', 'passed through untranslated'];

function contextFields(unit: VtdUnit, lo: number, hi: number, lo1: number): Field[] {
	const {present, faultsDisabled, type, root, levels, domain} = tables.decodeContext(lo, hi, lo1);
	const width = `${levels} levels, ${12 + 9 * levels} bits`;
	return [
		['P', bit(lo, vtd.PRESENT), present ? 'present' : 'the function is in no domain'],
		['FPD', bit(lo, vtd.CTX_FPD), faultsDisabled ? 'faults are not recorded' : 'faults are recorded'],
		['TT', `${type}`, tables.hasType(unit, type) ? TYPES[type] : UNSUPPORTED],
		['SLPTPTR', hex(root), 'top table'],
		['AW', `${lo1 & 7}`, tables.hasLevels(unit, levels) ? width : `${width}, ${UNSUPPORTED}`],
		['DID', `${domain}`, `domain ${domain}`],
	];
}

export function entryFields(unit: VtdUnit, lo: number, hi: number, level: number): Field[] {
	const fields: Field[] = [
		['R', bit(lo, vtd.PTE_READ), lo & vtd.PTE_READ ? 'readable' : 'not readable'],
		['W', bit(lo, vtd.PTE_WRITE), lo & vtd.PTE_WRITE ? 'writable' : 'not writable'],
	];
	const below = `table of level ${level - 1}`;
	// An entry of zero leads nowhere: its address means nothing.
	if ((lo | hi) !== 0) {
		if (level > 1)
			fields.push(['PS', bit(lo, vtd.PTE_PS), lo & vtd.PTE_PS ? 'large page' : `points to a ${below}`]);
		fields.push(['ADDR', hex(pageAddress(lo, hi)), tables.isPage(lo, level) ? 'page' : below]);
	}
	if (lo & vtd.PTE_SNP) fields.push(['SNP', '1', 'accesses snoop the CPU caches']);
	if (hi & vtd.PTE_TM) fields.push(['TM', '1', 'not for device TLBs']);
	return [...fields, ...tables.entryReserved(unit, lo, hi, level).flatMap(reservedField)];
}
