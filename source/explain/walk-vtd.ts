// VT-d's walk in legacy mode, told entry by entry: the checks and their order are those of hardware/vtd-walk.ts
// (VT-d 3.4 and 7.1.3). A test holds the two against each other.

import {hex, pageAddress} from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT} from '../formats/vtd.js';
import type {PhysicalReader, VtdUnit} from '../machine/tables.js';
import {
	type Access,
	accessWord,
	addStep,
	bit,
	type Field,
	type Found,
	indexAt,
	pagesOf,
	type Refused,
	reservedField,
	type Start,
	type StartTables,
	type Step,
	within,
} from './walk-steps.js';

const UNRECORDED = 'FPD is set in the context entry, so the fault is not recorded';

/** Marks the step as the one that stops the walk. */
function refuse(step: Step, reason: number, why: string, unrecorded?: string): Refused {
	step.verdict = why;
	return {to: 'fault', reason, text: vtd.reasonText(reason), why, unrecorded};
}

/** The high bits of an address that this machine's memory does not have. */
const beyondWidth = ({hostAddressWidth}: VtdUnit): number => ~(2 ** (hostAddressWidth - 32) - 1);

/** Root entry and context entry. */
export function vtdStart(memory: PhysicalReader, unit: VtdUnit, rid: Rid, steps: Step[]): Start {
	const bus = ridBus(rid);
	const root = addStep(steps, memory, 'root entry', unit.table, bus, 2);
	if (root.raw.length === 0) return refuse(root, FAULT.ROOT_UNREADABLE, root.verdict ?? '');
	const [[lo, hi], [lo1, hi1]] = root.raw;
	const reserved = [lo & 0xffe, hi & beyondWidth(unit)] as const;
	root.fields = [
		['P', bit(lo, vtd.PRESENT), lo & vtd.PRESENT ? 'present' : `no context table for bus ${bus}`],
		['CTP', hex(pageAddress(lo, hi)), `context table of bus ${bus}`],
		...reservedField(...reserved),
		...reservedField(lo1, hi1),
	];
	if ((lo & vtd.PRESENT) === 0)
		return refuse(root, FAULT.ROOT_ABSENT, `P is clear: bus ${bus} has no context table`);
	if ((reserved[0] | reserved[1] | lo1 | hi1) !== 0)
		return refuse(root, FAULT.ROOT_RESERVED, 'The root entry has bits set that must be zero');
	return contextStart(memory, unit, rid, pageAddress(lo, hi), steps);
}

function contextStart(memory: PhysicalReader, unit: VtdUnit, rid: Rid, table: number, steps: Step[]): Start {
	const step = addStep(steps, memory, 'context entry', table, ridDevfn(rid), 2);
	if (step.raw.length === 0) return refuse(step, FAULT.CONTEXT_UNREADABLE, step.verdict ?? '');
	const [[lo, hi], [lo1, hi1]] = step.raw;
	const {sagaw} = vtd.decodeCap(unit.capLo, unit.capHi);
	const type = vtd.contextType(lo);
	const levels = vtd.contextLevels(lo1);
	const domain = vtd.contextDomain(lo1);
	const reserved = [lo & 0xff0, hi & beyondWidth(unit), lo1 & 0xff000080, hi1] as const;
	const unrecorded = lo & vtd.CTX_FPD ? UNRECORDED : undefined;
	const width = `${levels} levels, ${12 + 9 * levels} bits`;
	const knownWidth = ((sagaw >>> (lo1 & 7)) & 1) !== 0;
	step.fields = [
		['P', bit(lo, vtd.PRESENT), lo & vtd.PRESENT ? 'present' : 'the function is in no domain'],
		['FPD', bit(lo, vtd.CTX_FPD), unrecorded ? 'faults are not recorded' : 'faults are recorded'],
		['TT', `${type}`, translationType(unit, type)],
		['SLPTPTR', hex(pageAddress(lo, hi)), 'where its tables start'],
		['AW', `${lo1 & 7}`, knownWidth ? width : `${width}, which this unit does not have`],
		['DID', `${domain}`, `domain ${domain}`],
		...reservedField(reserved[0], reserved[1]),
		...reservedField(reserved[2], reserved[3]),
	];
	if ((lo & vtd.PRESENT) === 0)
		return refuse(step, FAULT.CONTEXT_ABSENT, 'P is clear: the function is in no domain', unrecorded);
	if ((reserved[0] | reserved[1] | reserved[2] | reserved[3]) !== 0)
		return refuse(step, FAULT.CONTEXT_RESERVED, 'The context entry has bits set that must be zero');
	if (!knownWidth || !knowsType(unit, type))
		return refuse(
			step,
			FAULT.CONTEXT_INVALID,
			`${knownWidth ? `TT ${type}` : `AW ${lo1 & 7}`} is nothing that this unit has`,
			unrecorded,
		);
	if (type === 2)
		return {
			to: 'memory',
			read: true,
			write: true,
			why: 'TT is 2, pass-through: the address is not translated',
		};
	const root = pageAddress(lo, hi);
	return {to: 'tables', domain, root, levels, read: true, write: true, unrecorded};
}

function knowsType({ecapLo}: VtdUnit, type: number): boolean {
	const {deviceTlb, passThrough} = vtd.decodeEcap(ecapLo);
	return [true, deviceTlb, passThrough, false][type] ?? false;
}

function translationType(unit: VtdUnit, type: number): string {
	if (!knowsType(unit, type)) return 'this unit knows no such translation type';
	return ['translated', 'translated, device TLBs too', 'passed through untranslated'][type] ?? '';
}

/** The tables that a context entry points to. `steps` ends with that entry. */
export function vtdTables(
	memory: PhysicalReader,
	unit: VtdUnit,
	{root, levels, unrecorded}: StartTables,
	{iova, write}: Access,
	steps: Step[],
): Refused | Found {
	const limit = Math.min(12 + 9 * levels, vtd.decodeCap(unit.capLo, unit.capHi).mgaw);
	const start = steps.at(-1);
	if (iova >= 2 ** limit) {
		const why = `The address needs more than the ${limit} bits that the domain's tables and the unit have`;
		if (start) start.verdict = why;
		return {
			to: 'fault',
			reason: FAULT.BEYOND_WIDTH,
			text: vtd.reasonText(FAULT.BEYOND_WIDTH),
			why,
			unrecorded,
		};
	}
	let table = root;
	let permissions = vtd.PTE_READ | vtd.PTE_WRITE;
	for (let level = levels; ; level--) {
		const step = addStep(steps, memory, `level ${level}`, table, indexAt(iova, level), 1);
		if (step.raw.length === 0) {
			const reason = level === levels ? FAULT.CONTEXT_INVALID : FAULT.TABLE_UNREADABLE;
			return refuse(step, reason, step.verdict ?? '', unrecorded);
		}
		const [[lo, hi]] = step.raw;
		const leaf = level === 1 || (level <= 3 && (lo & vtd.PTE_PS) !== 0);
		const [reservedLow, reservedHigh] = reservedIn(unit, lo, hi, level, leaf);
		step.fields = entryFields(unit, lo, hi, level, leaf);
		permissions &= lo;
		if ((lo & (write ? vtd.PTE_WRITE : vtd.PTE_READ)) === 0)
			return refuse(step, write ? FAULT.WRITE : FAULT.READ, withheld(lo, hi, write), unrecorded);
		if ((reservedLow | reservedHigh) !== 0)
			return refuse(step, FAULT.ENTRY_RESERVED, reservedWhy(unit, lo, level, leaf), unrecorded);
		if (!leaf) {
			table = pageAddress(lo, hi);
			continue;
		}
		const pages = pagesOf(level);
		const hpa = within(pageAddress(lo, hi), pages * 4096, iova);
		if (hpa >= 0xfee00000 && hpa < 0xfef00000)
			return refuse(
				step,
				FAULT.INTERRUPT_RANGE,
				`It maps the address to ${hex(hpa)}, where interrupts are sent and no memory is`,
				unrecorded,
			);
		const read = (permissions & vtd.PTE_READ) !== 0;
		return {to: 'page', hpa, pages, read, write: (permissions & vtd.PTE_WRITE) !== 0};
	}
}

const withheld = (lo: number, hi: number, write: boolean): string =>
	(lo | hi) === 0
		? 'The entry is all zero: nothing is mapped here'
		: `${write ? 'W' : 'R'} is clear: this entry lets nobody ${accessWord(write)}`;

/** Bits that are set and must be zero in an entry: a page's by its size, or one that points to a table. */
function reservedIn(
	unit: VtdUnit,
	lo: number,
	hi: number,
	level: number,
	leaf: boolean,
): readonly [number, number] {
	const {deviceTlb, snoop} = vtd.decodeEcap(unit.ecapLo);
	const high = (beyondWidth(unit) & 0xfffff) | (deviceTlb ? 0 : vtd.PTE_TM);
	const low = (snoop ? 0 : vtd.PTE_SNP) | (leaf ? [0, 0, 0x1ff000, 0x3ffff000][level] : vtd.PTE_PS);
	return [lo & (leaf && !hasSize(unit, level) ? low | vtd.PTE_PS : low), hi & high];
}

function hasSize({capLo, capHi}: VtdUnit, level: number): boolean {
	const {pages2M, pages1G} = vtd.decodeCap(capLo, capHi);
	return level === 1 || (level === 2 ? pages2M : pages1G);
}

const reservedWhy = (unit: VtdUnit, lo: number, level: number, leaf: boolean): string =>
	(lo & vtd.PTE_PS) !== 0 && level > 1 && !(leaf && hasSize(unit, level))
		? `PS is set, and this unit has no page of that size at level ${level}`
		: 'The entry has bits set that must be zero';

function entryFields(unit: VtdUnit, lo: number, hi: number, level: number, leaf: boolean): Field[] {
	const address = pageAddress(lo, hi);
	const size: Field[] =
		level === 1
			? []
			: [
					[
						'PS',
						bit(lo, vtd.PTE_PS),
						lo & vtd.PTE_PS ? 'maps a large page' : `points to a table of level ${level - 1}`,
					],
				];
	const snoop: Field[] = lo & vtd.PTE_SNP ? [['SNP', '1', 'accesses are snooped by the caches']] : [];
	const mapping: Field[] = hi & vtd.PTE_TM ? [['TM', '1', 'not for the caches of devices']] : [];
	// An entry that is all zero leads nowhere: its address is none.
	const target: Field[] =
		(lo | hi) === 0
			? []
			: [...size, ['ADDR', hex(address), leaf ? 'the page' : `the table of level ${level - 1}`]];
	return [
		['R', bit(lo, vtd.PTE_READ), lo & vtd.PTE_READ ? 'may be read' : 'may not be read'],
		['W', bit(lo, vtd.PTE_WRITE), lo & vtd.PTE_WRITE ? 'may be written' : 'may not be written'],
		...target,
		...snoop,
		...mapping,
		...reservedField(...reservedIn(unit, lo, hi, level, leaf)),
	];
}
