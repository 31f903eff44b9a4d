// What VT-d's tables say in scalable mode, entry by entry (VT-d 9.2 root, 9.4 context, 9.5 and 9.6 PASID directory and
// table, 9.7 first-stage, 9.8 second-stage entries). The second stage's entries are those of legacy mode.

import {type Halves, isBitSet, pageAddress} from './address.js';
import * as vtd from './vtd.js';
import type {ReservedBits, VtdLimits} from './vtd-tables.js';

/** A unit's limits, with the half of ECAP that only scalable mode needs. */
export type ScalableLimits = VtdLimits & {ecapHi: number};

/** RTADDR, bits 11:10, the translation table mode (VT-d 11.4.5). */
export const tableMode = (rtaddrLo: number): 'legacy' | 'scalable' | 'reserved' | 'abort' =>
	(['legacy', 'scalable', 'reserved', 'abort'] as const)[(rtaddrLo >>> 10) & 3];

export const CONTEXT_QWORDS = 4;
export const PASID_QWORDS = 8;
/** A page of the PASID directory's leaves, and the PASIDs that it has. */
export const PASIDS_PER_TABLE = 64;

/** The fault reasons (VT-d, table 7.1.3), by the specification's own numbers. */
export const FAULT = {
	ROOT_UNREADABLE: 56,
	ROOT_ABSENT: 57,
	ROOT_RESERVED: 58,
	CONTEXT_UNREADABLE: 64,
	CONTEXT_ABSENT: 65,
	CONTEXT_RESERVED: 66,
	RID_PASID: 72,
	DIRECTORY_UNREADABLE: 80,
	DIRECTORY_ABSENT: 81,
	DIRECTORY_RESERVED: 82,
	PASID_UNREADABLE: 88,
	PASID_ABSENT: 89,
	PASID_RESERVED: 90,
	PASID_INVALID: 91,
	FIRST_UNREADABLE: 112,
	FIRST_ABSENT: 113,
	FIRST_RESERVED: 114,
	FIRST_TOP_UNREADABLE: 115,
	SECOND_UNREADABLE: 120,
	SECOND_DENIES: 121,
	SECOND_RESERVED: 122,
	SECOND_TOP_UNREADABLE: 123,
	NOT_CANONICAL: 128,
	SUPERVISOR: 129,
	BEYOND_SECOND: 132,
	WRITE: 133,
	INTERRUPT_RANGE: 135,
} as const;

/** These are recorded even where an entry disables fault processing (FPD). */
export const IGNORES_FPD: ReadonlySet<number> = new Set([
	FAULT.ROOT_UNREADABLE,
	FAULT.ROOT_ABSENT,
	FAULT.ROOT_RESERVED,
	FAULT.CONTEXT_UNREADABLE,
	FAULT.CONTEXT_RESERVED,
	FAULT.DIRECTORY_UNREADABLE,
	FAULT.DIRECTORY_RESERVED,
	FAULT.PASID_UNREADABLE,
	FAULT.PASID_RESERVED,
]);

const beyondWidth = ({hostAddressWidth}: VtdLimits): number => ~(2 ** (hostAddressWidth - 32) - 1);

/** Half of a root entry: a context table for the devices 0 to 15, or for 16 to 31. */
export const decodeRootHalf = (lo: number, hi: number) => ({
	present: (lo & vtd.PRESENT) !== 0,
	contextTable: pageAddress(lo, hi),
});

export const rootHalfReserved = (unit: VtdLimits, lo: number, hi: number): ReservedBits => [
	[lo & 0xffe, hi & beyondWidth(unit)],
];

/** `pasid`: the PASID of requests without one. */
export const decodeContext = (lo: number, hi: number, lo1: number, unit: ScalableLimits) => ({
	present: (lo & vtd.PRESENT) !== 0,
	faultsDisabled: (lo & vtd.CTX_FPD) !== 0,
	deviceTlb: (lo & 4) !== 0,
	pasidRequests: (lo & 8) !== 0,
	directory: pageAddress(lo, hi),
	/** 2^(PDTS + 7) entries. */
	directoryEntries: 2 ** (((lo >>> 9) & 7) + 7),
	// Without ECAP.RPS (bit 49) it is 0, whatever the entry says.
	pasid: (unit.ecapHi & 0x2_0000) === 0 ? 0 : lo1 & 0xfffff,
});

/** By word: bits 8:5 and those beyond the width; 63:21; the last two words. */
export const contextReserved = (
	unit: VtdLimits,
	words: readonly (readonly [lo: number, hi: number])[],
): ReservedBits => {
	const [[lo, hi], [lo1, hi1], ...rest] = words;
	return [[lo & 0x1e0, hi & beyondWidth(unit)], [lo1 & ~0x1fffff, hi1], ...rest];
};

export const decodeDirectory = (lo: number, hi: number) => ({
	present: (lo & vtd.PRESENT) !== 0,
	faultsDisabled: (lo & vtd.CTX_FPD) !== 0,
	table: pageAddress(lo, hi),
});

export const directoryReserved = (unit: VtdLimits, lo: number, hi: number): ReservedBits => [
	[lo & 0xffc, hi & beyondWidth(unit)],
];

/** PGTT, the translation type of a PASID. */
export const PGTT = {FIRST: 1, SECOND: 2, NESTED: 3, PASS_THROUGH: 4} as const;

export type PasidEntry = ReturnType<typeof decodePasid>;

/** The first three of eight words. */
export const decodePasid = ([[lo, hi], [lo1], [lo2, hi2]]: readonly (readonly [
	lo: number,
	hi: number,
])[]) => ({
	present: (lo & vtd.PRESENT) !== 0,
	faultsDisabled: (lo & vtd.CTX_FPD) !== 0,
	type: (lo >>> 6) & 7,
	domain: lo1 & 0xffff,
	secondRoot: pageAddress(lo, hi),
	/** AW n: n + 2 levels. */
	secondLevels: ((lo >>> 2) & 7) + 2,
	/** The second stage has accessed and dirty bits. */
	secondAccessed: (lo & 0x200) !== 0,
	firstRoot: pageAddress(lo2, hi2),
	/** FSPM n: n + 4 levels. */
	firstLevels: ((lo2 >>> 2) & 3) + 4,
});

/** PT is ECAP bit 6, nesting bit 26, second stage bit 46, first stage bit 47. */
export function hasType({ecapLo, ecapHi}: ScalableLimits, type: number): boolean {
	const ecap: Halves = {lo: ecapLo, hi: ecapHi};
	switch (type) {
		case PGTT.FIRST:
			return isBitSet(ecap, 47);
		case PGTT.SECOND:
			return isBitSet(ecap, 46);
		case PGTT.NESTED:
			return isBitSet(ecap, 26);
		case PGTT.PASS_THROUGH:
			return isBitSet(ecap, 6);
		default:
			return false;
	}
}

/** Whether the unit has first-stage tables of that many levels: 4, and 5 with CAP.FS5LP (bit 60). */
export const hasFirstLevels = ({capLo, capHi}: VtdLimits, levels: number): boolean =>
	levels === 4 || (levels === 5 && isBitSet({lo: capLo, hi: capHi}, 60));

/** A first-stage entry: the CPU's format. */
export const FIRST = {PRESENT: 1, WRITE: 2, USER: 4, ACCESSED: 0x20, DIRTY: 0x40, PAGE: 0x80} as const;
/** A second-stage entry's, where the PASID's entry switches them on. */
export const SECOND = {ACCESSED: 0x100, DIRTY: 0x200} as const;

export const isFirstPage = (lo: number, level: number): boolean =>
	level === 1 || (level <= 3 && (lo & FIRST.PAGE) !== 0);

/** By level, a page's address bits below its size; bit 12 is PAT. From level 4 on PS is reserved. */
const FIRST_PAGE_RESERVED = [0, 0, 0x1fe000, 0x3fffe000, FIRST.PAGE, FIRST.PAGE];

export function firstReserved(unit: VtdLimits, lo: number, hi: number, level: number): ReservedBits {
	const page = isFirstPage(lo, level);
	// Pages of 1 GiB need CAP.FS1GP, bit 56.
	const size = level === 3 && page && (unit.capHi & 0x100_0000) === 0 ? FIRST.PAGE : 0;
	const low = size | (page || level > 3 ? FIRST_PAGE_RESERVED[level] : 0);
	return [[lo & low, hi & beyondWidth(unit) & 0xfffff]];
}

/** Bits 1:0 in the second stage's sense, read and write: whatever is present can be read by a user. */
export const firstRights = (lo: number): number => (lo & FIRST.USER ? 1 | (lo & FIRST.WRITE) : 0);

/** The level of the table that an entry points to; 0 if it maps a page; -1 if it is absent, or no unit accepts it. */
export function firstNext(lo: number, level: number): number {
	if ((lo & FIRST.PRESENT) === 0) return -1;
	if (!isFirstPage(lo, level)) return level > 3 && (lo & FIRST.PAGE) !== 0 ? -1 : level - 1;
	return (lo & FIRST_PAGE_RESERVED[level]) === 0 ? 0 : -1;
}

/** Whether all bits from the highest that the tables translate are equal: bit 47 of 4 levels, 56 of 5. */
export function isCanonical({lo: _, hi}: Halves, levels: number): boolean {
	const upper = (hi | 0) >> (12 + 9 * levels - 1 - 32);
	return upper === 0 || upper === -1;
}

/** The index of an address in a table of a level. */
export function indexOf({lo, hi}: Halves, level: number): number {
	const shift = 3 + 9 * level;
	if (shift >= 32) return (hi >>> (shift - 32)) & 511;
	return ((lo >>> shift) | (shift > 23 ? hi << (32 - shift) : 0)) & 511;
}
