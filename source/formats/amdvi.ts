// AMD-Vi: registers, device table entries, page table entries, events, commands and features (AMD I/O Virtualization
// Technology (IOMMU) Specification, 48882, chapters 2 and 3). Words are (lo, hi) halves.

import {type Halves, HIGH, join64, type NamedBit, namesOfBits} from './address.js';

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
/** Overflow and the two interrupt bits are cleared by writing 1. The two run bits are read-only. */
export const STATUS = {
	EVENT_OVERFLOW: 1,
	EVENT_INT: 2,
	COMPLETION_INT: 4,
	EVENT_RUN: 8,
	COMMAND_RUN: 0x10,
} as const;
/** Extended features: IASup, bit 6; HATS, bits 11:10 (2: up to 6 table levels). */
export const EFR_IA = 0x40;
export const EFR_HATS_6_LEVELS = 0x800;

export const DTE_BYTES = 32;
/** A device table's size in bytes, from its base register: bits 8:0 hold the pages minus one. */
export const deviceTableBytes = (lo: number): number => ((lo & 0x1ff) + 1) * 4096;
/** Command buffer and event log entries are 16 bytes. Bits 59:56 of the base registers hold log2 of their number. */
export const ENTRY_BYTES = 16;
export const ringBytes = (hi: number): number => ENTRY_BYTES * 2 ** ((hi >>> 24) & 0xf);

/** V and TV are bits 0 and 1 of a DTE. Mode is bits 11:9, like NextLevel in a table entry. */
export const DTE_V = 1;
export const DTE_TV = 2;
/** IR and IW, bits 61 and 62, in the high half of both DTEs and table entries. */
export const IR = 0x2000_0000;
export const IW = 0x4000_0000;
/** In the DTE's second quadword, bits 33 and 34: suppress I/O page faults after the first one, or all of them. */
export const DTE_SE = 2;
export const DTE_SA = 4;
export const MODE_MAX = 6;
export const level = (lo: number): number => (lo >>> 9) & 7;
export const levelBits = (n: number): number => n << 9;

export const PR = 1;
/** NextLevel 7: the page's size is encoded in its address. */
export const NL_SIZED = 7;
/** Reserved in the high half: bits 60:52 of an entry that points to a table, 58:52 of one that maps a page. */
export const TABLE_RESERVED_HIGH = 0x1ff0_0000;
export const LEAF_RESERVED_HIGH = 0x07f0_0000;
/** The bits of a page offset, if the entry at level `n` has NextLevel 0. */
export const shiftOf = (n: number): number => 3 + 9 * n;
/**
 * The bits of a page offset, if the entry at level `n` has NextLevel 7: one more than the address's lowest zero bit
 * from bit 12 up (Table 14). Undefined if the size does not lie between this level's default and the next level's
 * (Table 15).
 */
export function sizedShift(lo: number, hi: number, n: number): number | undefined {
	const zerosLow = ~(lo | 0xfff);
	const zerosHigh = ~hi & 0xfffff;
	const firstZero = zerosLow !== 0 ? lowestBit(zerosLow) : zerosHigh !== 0 ? 32 + lowestBit(zerosHigh) : 52;
	const shift = firstZero + 1;
	return firstZero < 52 && shift > shiftOf(n) && shift < shiftOf(n + 1) ? shift : undefined;
}
const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);
/** The same for any entry that maps a page. Level 6 maps none (Table 15). */
export function leafShift(lo: number, hi: number, n: number): number | undefined {
	if (n === MODE_MAX) return undefined;
	return level(lo) === NL_SIZED ? sizedShift(lo, hi, n) : shiftOf(n);
}

/** Event types and flags: bits 31:28 and 27:16 of an event's second word. */
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

/** Why an access was refused, in one number: the upper half of an event's second word. */
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
			return flags & FLAG.RZ ? 'reserved bits or wrong mode' : 'beyond the device table';
		case EVENT.IO_PAGE_FAULT:
			if (flags & FLAG.RZ) return 'reserved bits or wrong level in an entry';
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

/** Commands, 16 bytes each, in the command buffer (2.4). */
export const COMMAND = {
	COMPLETION_WAIT: 1,
	INVALIDATE_DEVTAB_ENTRY: 2,
	INVALIDATE_PAGES: 3,
	INVALIDATE_INTERRUPT_TABLE: 5,
	INVALIDATE_ALL: 8,
} as const;

/** COMPLETION_WAIT: store a value, raise the interrupt bit. */
export const WAIT_STORE = 1;
export const WAIT_INTERRUPT = 2;
/** INVALIDATE_PAGES, third word: the address encodes a size; also invalidate upper-level table entries. */
export const PAGES_S = 1;
export const PAGES_PDE = 2;
/** With S, this address means the whole domain. */
export const ALL_PAGES = {lo: 0xffff_f000, hi: 0x7fff_ffff} as const;

export type Command = ReturnType<typeof decodeCommand>;
export const decodeCommand = (w0: number, w1: number, w2: number, w3: number) => ({
	opcode: w1 >>> 28,
	rid: w0 & 0xffff,
	domain: w1 & 0xffff,
	store: (w0 & WAIT_STORE) !== 0,
	interrupt: (w0 & WAIT_INTERRUPT) !== 0,
	storeAddress: join64((w0 & ~7) >>> 0, w1 & 0xfffff),
	/** The second quadword: COMPLETION_WAIT's value, or the pages and their flags. */
	lo: w2 >>> 0,
	hi: w3 >>> 0,
});

/**
 * The pages of INVALIDATE_PAGES. With S their number is twice the value of the page number's lowest zero bit.
 * Undefined means the whole domain.
 */
export function commandPages({lo, hi}: Command): {first: number; count: number} | undefined {
	const pageLow = ((lo >>> 12) | (hi << 20)) >>> 0;
	const page = join64(pageLow, hi >>> 12);
	if ((lo & PAGES_S) === 0) return {first: page, count: 1};
	let count = 2;
	for (let bits = pageLow; bits % 2 === 1; bits >>>= 1) count *= 2;
	return count < HIGH ? {first: Math.floor(page / count) * count, count} : undefined;
}

/** The extended feature register in words (3.4.4, MMIO offset 0x30). */
export type AmdViFeatures = {
	/** The most levels that host tables may have. */
	levels: number | undefined;
	has: readonly string[];
};

const FEATURE_BITS: readonly NamedBit[] = [
	[0, 'PREF prefetch'],
	[1, 'PPR page requests'],
	[2, 'XT x2APIC interrupts'],
	[3, 'NX no-execute'],
	[4, 'GT guest translation'],
	[6, 'IA invalidate all'],
	[7, 'GA guest virtual APIC'],
	[8, 'HE hardware error registers'],
	[9, 'PC performance counters'],
	[49, 'HA accessed bits'],
	[50, 'EPH enhanced page requests'],
	[52, 'HD dirty bits'],
	[63, 'SNP secure nested paging'],
];

/** HATS, bits 11:10, means 4, 5 or 6 levels. */
export const amdViFeatures = (register: Halves): AmdViFeatures => ({
	levels: [4, 5, 6][(register.lo >>> 10) & 3],
	has: namesOfBits(register, FEATURE_BITS),
});

/** The header of the unit's PCI capability (3.3.1). */
const CAPABILITY_BITS: readonly NamedBit[] = [
	[24, 'device TLBs (ATS)'],
	[26, 'caches absent entries: an emulated unit'],
];

export const amdViCapability = (header: Halves): string[] => namesOfBits(header, CAPABILITY_BITS);
