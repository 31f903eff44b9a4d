// What VT-d's tables say in legacy mode, entry by entry (VT-d 9.1 root, 9.3 context, 9.8 second-level entries). Everything
// that reads tables uses this, except the hardware model's walk; tests compare the two.

import {pageAddress} from './address.js';
import * as vtd from './vtd.js';

/** A unit's limits for entries: its capability registers, and the width of a physical address in bits. */
export type VtdLimits = {capLo: number; capHi: number; ecapLo: number; hostAddressWidth: number};
/** The set bits that must be zero, a 64-bit word each. */
export type ReservedBits = readonly (readonly [lo: number, hi: number])[];

/** The high address bits that the unit does not have. */
const beyondWidth = ({hostAddressWidth}: VtdLimits): number => ~(2 ** (hostAddressWidth - 32) - 1);

export const decodeRoot = (lo: number, hi: number) => ({
	present: (lo & vtd.PRESENT) !== 0,
	contextTable: pageAddress(lo, hi),
});

export const rootReserved = (
	unit: VtdLimits,
	lo: number,
	hi: number,
	lo1: number,
	hi1: number,
): ReservedBits => [
	[lo & 0xffe, hi & beyondWidth(unit)],
	[lo1, hi1],
];

/** AW n means n + 2 levels, 30 + 9n bits. */
export const decodeContext = (lo: number, hi: number, lo1: number) => ({
	present: (lo & vtd.PRESENT) !== 0,
	faultsDisabled: (lo & vtd.CTX_FPD) !== 0,
	type: vtd.contextType(lo),
	root: pageAddress(lo, hi),
	levels: vtd.contextLevels(lo1),
	domain: vtd.contextDomain(lo1),
});

export const contextReserved = (
	unit: VtdLimits,
	lo: number,
	hi: number,
	lo1: number,
	hi1: number,
): ReservedBits => [
	[lo & 0xff0, hi & beyondWidth(unit)],
	[lo1 & 0xff000080, hi1],
];

/** Whether the unit supports tables of that many levels. */
export const hasLevels = ({capLo, capHi}: VtdLimits, levels: number): boolean =>
	((vtd.decodeCap(capLo, capHi).sagaw >>> (levels - 2)) & 1) !== 0;

/** Whether the unit supports a translation type: 0 tables, 1 tables and device TLBs, 2 pass-through. */
export function hasType({ecapLo}: VtdLimits, type: number): boolean {
	const {deviceTlb, passThrough} = vtd.decodeEcap(ecapLo);
	return [true, deviceTlb, passThrough][type] ?? false;
}

/** How many address bits the unit translates with tables of that many levels. */
export const addressBits = ({capLo, capHi}: VtdLimits, levels: number): number =>
	Math.min(12 + 9 * levels, vtd.decodeCap(capLo, capHi).mgaw);

/** By level, the bits that a page's entry must not have: address bits below its size; PS where there are no pages. */
const PAGE_RESERVED = [0, 0, 0x1ff000, 0x3ffff000, ...Array.from({length: 6}, () => vtd.PTE_PS)];

export const isPage = (lo: number, level: number): boolean =>
	level === 1 || (level <= 3 && (lo & vtd.PTE_PS) !== 0);

/** Bits 1:0, read and write. */
export const rights = (lo: number): number => lo & 3;

/**
 * The level of the table that an entry points to; 0 if it maps a page; -1 if it is absent, or no unit accepts it.
 * Large pages have no branch of their own: V8 compiles code poorly before it has run.
 */
export function nextLevel(lo: number, level: number): number {
	// Neither R nor W.
	if ((lo & 3) === 0) return -1;
	if (level === 1) return 0;
	const page = (lo & PAGE_RESERVED[level]) === 0 ? 0 : -1;
	return (lo & vtd.PTE_PS) === 0 ? level - 1 : page;
}

/** Whether the unit supports pages of the size that entries of a level map. */
export function hasPageSize({capLo, capHi}: VtdLimits, level: number): boolean {
	const {pages2M, pages1G} = vtd.decodeCap(capLo, capHi);
	return [false, true, pages2M, pages1G][level] ?? false;
}

export function entryReserved(unit: VtdLimits, lo: number, hi: number, level: number): ReservedBits {
	const {deviceTlb, snoop} = vtd.decodeEcap(unit.ecapLo);
	const page = isPage(lo, level);
	const low =
		(snoop ? 0 : vtd.PTE_SNP) |
		(page ? PAGE_RESERVED[level] : vtd.PTE_PS) |
		(page && !hasPageSize(unit, level) ? vtd.PTE_PS : 0);
	const high = (beyondWidth(unit) & 0xfffff) | (deviceTlb ? 0 : vtd.PTE_TM);
	return [[lo & low, hi & high]];
}
