// AMD-Vi: registers, device table entries, table entries and events (AMD I/O Virtualization Technology (IOMMU)
// Specification, 48882, chapters 2 and 3). Words are (lo, hi) halves.

import {join64} from './address.js';

export const REG = {
	DEVICE_TABLE: 0x0,
	COMMAND_BASE: 0x8,
	EVENT_BASE: 0x10,
	CONTROL: 0x18,
	EXTENDED_FEATURES: 0x30,
	COMMAND_HEAD: 0x2000,
	COMMAND_TAIL: 0x2008,
	EVENT_HEAD: 0x2010,
	EVENT_TAIL: 0x2018,
	STATUS: 0x2020,
} as const;
export const REGISTER_BYTES = 0x4000;

export const CONTROL = {IOMMU_EN: 1, EVENT_LOG_EN: 4, EVENT_INT_EN: 8, COMMAND_EN: 0x1000} as const;
/** Overflow and the two interrupt bits are cleared by writing 1; what runs is read-only. */
export const STATUS = {
	EVENT_OVERFLOW: 1,
	EVENT_INT: 2,
	COMPLETION_INT: 4,
	EVENT_RUN: 8,
	COMMAND_RUN: 0x10,
} as const;
/** Extended features: IASup 6, HATS 11:10 (2: tables of up to 6 levels). */
export const EFR_IA = 0x40;
export const EFR_HATS_6_LEVELS = 0x800;

export const DTE_BYTES = 32;
/** The bytes of a device table, from its base register: Size 8:0, in pages less one. */
export const deviceTableBytes = (lo: number): number => ((lo & 0x1ff) + 1) * 4096;
/** Entries of the command buffer and of the event log are 16 bytes; their base registers hold log2 in 59:56. */
export const ENTRY_BYTES = 16;
export const ringBytes = (hi: number): number => ENTRY_BYTES * 2 ** ((hi >>> 24) & 0xf);

/** V and TV are bits 0 and 1 of a DTE; Mode is 11:9, as a table entry's NextLevel is. */
export const DTE_V = 1;
export const DTE_TV = 2;
/** IR and IW, bits 61 and 62, in the high half: in a DTE and in table entries alike. */
export const IR = 0x2000_0000;
export const IW = 0x4000_0000;
/** In the DTE's second quadword: suppress I/O page faults after the first, or all of them (bits 33, 34). */
export const DTE_SE = 2;
export const DTE_SA = 4;
export const MODE_MAX = 6;
export const level = (lo: number): number => (lo >>> 9) & 7;
export const levelBits = (n: number): number => n << 9;

export const PR = 1;
/** NextLevel 7: a page whose size is encoded in its address. */
export const NL_SIZED = 7;
/** Reserved in the high half: 60:52 of an entry that points to a table, 58:52 of one that maps a page. */
export const TABLE_RESERVED_HIGH = 0x1ff0_0000;
export const LEAF_RESERVED_HIGH = 0x07f0_0000;
/** Bits of a page's offset where the entry at a level has NextLevel 0. */
export const shiftOf = (n: number): number => 3 + 9 * n;
/**
 * Bits of a page's offset, as the address of an entry with NextLevel 7 encodes them: one more than its first
 * zero bit from 12 up (Table 14). Undefined where the level cannot have that size: those between its own
 * default and the next level's (Table 15).
 */
export function sizedShift(lo: number, hi: number, n: number): number | undefined {
	const zerosLow = ~(lo | 0xfff);
	const zerosHigh = ~hi & 0xfffff;
	const firstZero = zerosLow !== 0 ? lowestBit(zerosLow) : zerosHigh !== 0 ? 32 + lowestBit(zerosHigh) : 52;
	const shift = firstZero + 1;
	return firstZero < 52 && shift > shiftOf(n) && shift < shiftOf(n + 1) ? shift : undefined;
}
const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);
/** The same of any entry that maps a page. Six levels' topmost has none (Table 15). */
export function leafShift(lo: number, hi: number, n: number): number | undefined {
	if (n === MODE_MAX) return undefined;
	return level(lo) === NL_SIZED ? sizedShift(lo, hi, n) : shiftOf(n);
}

/** Event types and flags, as bits 31:28 and 27:16 of an event's second word hold them. */
export const EVENT = {
	ILLEGAL_DEV_TABLE_ENTRY: 1,
	IO_PAGE_FAULT: 2,
	DEV_TAB_HARDWARE_ERROR: 3,
	PAGE_TAB_HARDWARE_ERROR: 4,
	ILLEGAL_COMMAND_ERROR: 5,
	COMMAND_HARDWARE_ERROR: 6,
	IOTLB_INV_TIMEOUT: 7,
	INVALID_DEVICE_REQUEST: 8,
	INVALID_PPR_REQUEST: 9,
	EVENT_COUNTER_ZERO: 0xa,
	GUEST_EVENT_FAULT: 0xb,
	VIOMMU_HW_ERROR: 0xc,
	RMP_PAGE_FAULT: 0xd,
	RMP_HW_ERROR: 0xe,
} as const;
export const FLAG = {
	GN: 1,
	NX: 2,
	US: 4,
	I: 8,
	PR: 0x10,
	RW: 0x20,
	PE: 0x40,
	RZ: 0x80,
	TR: 0x100,
	MASTER_ABORT: 0x200,
} as const;

/** What an access was refused for, as one number: the upper half of an event's second word. */
export const refusal = (type: number, flags: number): number => (type << 12) | flags;
export const refusalType = (code: number): number => code >>> 12;
export const refusalFlags = (code: number): number => code & 0xfff;

const names = new Map(Object.entries(EVENT).map(([name, type]): [number, string] => [type, name]));
export const eventName = (type: number): string | undefined => names.get(type);
/** An event in words: "IO_PAGE_FAULT: not present". */
export function eventText(type: number, flags: number): string {
	const name = names.get(type) ?? `event ${type}`;
	const why = eventCause(type, flags);
	return why === undefined ? name : `${name}: ${why}`;
}

function eventCause(type: number, flags: number): string | undefined {
	switch (type) {
		case EVENT.ILLEGAL_DEV_TABLE_ENTRY:
			return flags & FLAG.RZ ? 'reserved bits or mode' : 'beyond the device table';
		case EVENT.IO_PAGE_FAULT:
			if (flags & FLAG.RZ) return 'reserved bits or level in an entry';
			if (flags & FLAG.PE) return `no permission to ${flags & FLAG.RW ? 'write' : 'read'}`;
			return 'not present';
		case EVENT.DEV_TAB_HARDWARE_ERROR:
			return 'device table outside memory';
		case EVENT.PAGE_TAB_HARDWARE_ERROR:
			return 'page table outside memory';
		default:
			return undefined;
	}
}

export const encodeEvent = (code: number, rid: number, domain: number, lo: number, hi: number): number[] => [
	rid,
	((code << 16) | domain) >>> 0,
	lo >>> 0,
	hi >>> 0,
];

export const decodeEvent = (w0: number, w1: number, w2: number, w3: number) => ({
	type: w1 >>> 28,
	flags: (w1 >>> 16) & 0xfff,
	rid: w0 & 0xffff,
	domain: w1 & 0xffff,
	address: join64(w2 >>> 0, w3 >>> 0),
});
