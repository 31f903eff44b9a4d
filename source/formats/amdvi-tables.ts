// What AMD-Vi's tables say, entry by entry (48882: 2.2.2.1 device table entry, 2.2.3 page table entries). Everything that
// reads tables uses this, except the hardware model's walk; tests compare the two.

import {pageAddress} from './address.js';
import * as amdvi from './amdvi.js';

/** DTE 8:2 and 63, and 60:52, which belong to features that the unit lacks (PPR, guest translation). */
const DTE_RESERVED_LOW = 0x1fc;
const DTE_RESERVED_HIGH = 0x9ff0_0000;

/** Bits 55 and 52, in the high half. */
const DTE_GV = 0x0080_0000;
const DTE_PPR = 0x0010_0000;

/** The first three words of a device table entry. Without V nothing in it counts, without TV its tables do not. */
export const decodeDte = (lo: number, hi: number, lo1: number) => ({
	valid: (lo & amdvi.DTE_V) !== 0,
	translates: (lo & amdvi.DTE_TV) !== 0,
	root: pageAddress(lo, hi),
	levels: amdvi.level(lo),
	domain: lo1 & 0xffff,
	read: (hi & amdvi.IR) !== 0,
	write: (hi & amdvi.IW) !== 0,
	/** GV: addresses are a guest's, translated by the tables of GCR3, of GLX + 1 levels of PASIDs. PPR: page requests. */
	...(hi & DTE_GV ? {guest: {glx: (hi >>> 24) & 3, ppr: (hi & DTE_PPR) !== 0}} : {}),
});

/** The set bits that must be zero, as two halves. */
export const dteReserved = (lo: number, hi: number): readonly [lo: number, hi: number] => [
	lo & DTE_RESERVED_LOW,
	hi & DTE_RESERVED_HIGH,
];

export const isPage = (lo: number): boolean => {
	const next = amdvi.level(lo);
	return next === 0 || next === amdvi.NL_SIZED;
};

/** The set bits of the high half that must be zero; the low half has none. */
export const entryReserved = (lo: number, hi: number): number =>
	hi & (isPage(lo) ? amdvi.LEAF_RESERVED_HIGH : amdvi.TABLE_RESERVED_HIGH);

/** Bits 1:0, read and write, which are IR and IW. */
export const rights = (hi: number): number => (hi >>> 29) & 3;

/** The level of the table that an entry points to; 0 if it maps a page; -1 if it is absent, or hardware refuses it. */
export function nextLevel(lo: number, hi: number, level: number): number {
	if ((lo & amdvi.PR) === 0) return -1;
	const next = amdvi.level(lo);
	if (next === 0) return level === amdvi.MODE_MAX || (hi & amdvi.LEAF_RESERVED_HIGH) !== 0 ? -1 : 0;
	if (next === amdvi.NL_SIZED) return sizedPage(lo, hi, level);
	return next < level && (hi & amdvi.TABLE_RESERVED_HIGH) === 0 ? next : -1;
}

const sizedPage = (lo: number, hi: number, level: number): number =>
	hi & amdvi.LEAF_RESERVED_HIGH || amdvi.leafShift(lo, hi, level) === undefined ? -1 : 0;
