// VT-d, legacy mode: registers, root, context and second-level entries, fault records, invalidation and capabilities
// (Intel VT-d Architecture Specification, chapters 6, 9 and 10). Words are (lo, hi) halves.

import {type Halves, isBitSet, join64, type NamedBit, namesOfBits} from './address.js';
export const REG = {
	VER: 0x0,
	CAP: 0x8,
	ECAP: 0x10,
	GCMD: 0x18,
	GSTS: 0x1c,
	RTADDR: 0x20,
	CCMD: 0x28,
	FSTS: 0x34,
	FECTL: 0x38,
	IQH: 0x80,
	IQT: 0x88,
	IQA: 0x90,
	ICS: 0x9c,
} as const;

/** The high bits of GCMD and GSTS: translation enable, set root table pointer, queued invalidation enable. */
export const TE = 0x8000_0000;
export const SRTP = 0x4000_0000;
export const QIE = 0x0400_0000;

/** Bit 63 of CCMD and the IOTLB register, in the high half: busy until the invalidation is done. */
export const INVALIDATE = 0x8000_0000;
/** CCMD: bits 62:61 = 1, global. */
export const CCMD_GLOBAL = 0x2000_0000;
/** IOTLB register: bits 61:60 = 1, global; with read and write drain. */
export const IOTLB_GLOBAL_DRAIN = 0x1003_0000;

export const FSTS_PFO = 1;
export const FSTS_PPF = 2;
/** Invalidation queue error, invalidation completion error, invalidation timeout. */
export const FSTS_IQE = 0x10;
export const FSTS_ICE = 0x20;
export const FSTS_ITE = 0x40;
/** ICS: a wait descriptor with an interrupt is done. Write 1 to clear. */
export const ICS_IWC = 1;
/** A fault record's last 32-bit word: bits 127 (F) and 126 (T: 1 is a read). */
export const FRCD_F = 0x8000_0000;
export const FRCD_READ = 0x4000_0000;

export const PRESENT = 1;
export const CTX_FPD = 2;
export const CTX_TT_DEVICE_TLB = 1 << 2;
export const contextType = (lo: number): number => (lo >>> 2) & 3;
/** AW n in a context entry: n + 2 levels, 30 + 9n bits. */
export const contextLevels = (hi: number): number => (hi & 7) + 2;
export const contextDomain = (hi: number): number => (hi >>> 8) & 0xffff;

export const PTE_READ = 1;
export const PTE_WRITE = 2;
export const PTE_PS = 0x80;
/** SNP, bit 11, is reserved without ECAP.SC; TM, bit 62, without ECAP.DT. */
export const PTE_SNP = 0x800;
export const PTE_TM = 0x4000_0000;

/** Decodes CAP. `fro`, like ECAP's `iro`, is a byte offset in the register page. */
export const decodeCap = (lo: number, hi: number) => ({
	sagaw: (lo >>> 8) & 0x1f,
	mgaw: ((lo >>> 16) & 0x3f) + 1,
	fro: (((lo >>> 24) & 0xff) | ((hi & 3) << 8)) * 16,
	pages2M: (hi & 4) !== 0,
	pages1G: (hi & 8) !== 0,
	records: ((hi >>> 8) & 0xff) + 1,
});

export const decodeEcap = (lo: number) => ({
	queuedInvalidation: (lo & 2) !== 0,
	deviceTlb: (lo & 4) !== 0,
	passThrough: (lo & 0x40) !== 0,
	snoop: (lo & 0x80) !== 0,
	iro: ((lo >>> 8) & 0x3ff) * 16,
});

/** The fault reasons of legacy mode. */
export const FAULT = {
	ROOT_ABSENT: 1,
	CONTEXT_ABSENT: 2,
	CONTEXT_INVALID: 3,
	BEYOND_WIDTH: 4,
	WRITE: 5,
	READ: 6,
	TABLE_UNREADABLE: 7,
	ROOT_UNREADABLE: 8,
	CONTEXT_UNREADABLE: 9,
	ROOT_RESERVED: 0xa,
	CONTEXT_RESERVED: 0xb,
	ENTRY_RESERVED: 0xc,
	TRANSLATION_BLOCKED: 0xd,
	INTERRUPT_RANGE: 0xe,
} as const;

/** As Linux's dmar.c prints them. It has no text for 0xe. */
export const legacyReasons: Readonly<Record<number, string>> = {
	0: 'Software',
	1: 'Present bit in root entry is clear',
	2: 'Present bit in context entry is clear',
	3: 'Invalid context entry',
	4: 'Access beyond MGAW',
	5: 'PTE Write access is not set',
	6: 'PTE Read access is not set',
	7: 'Next page table ptr is invalid',
	8: 'Root table address invalid',
	9: 'Context table ptr is invalid',
	10: 'non-zero reserved fields in RTP',
	11: 'non-zero reserved fields in CTP',
	12: 'non-zero reserved fields in PTE',
	13: 'PCE for translation request specifies blocking',
	14: 'Translated address is in the interrupt range',
};
export const reasonText = (reason: number): string => legacyReasons[reason] ?? `reason ${reason}`;

/** Decodes a fault record's four 32-bit words; undefined if F is clear. */
export function decodeFaultRecord(w0: number, w1: number, w2: number, w3: number) {
	if ((w3 & FRCD_F) === 0) return undefined;
	return {
		iova: w1 * 2 ** 32 + ((w0 & 0xfffff000) >>> 0),
		rid: w2 & 0xffff,
		reason: w3 & 0xff,
		read: (w3 & FRCD_READ) !== 0,
	};
}

/** An invalidation's granularity (CIRG, IIRG, a descriptor's G). 3 means a device for contexts, pages for the IOTLB. */
export const GRANULARITY = {GLOBAL: 1, DOMAIN: 2, DEVICE: 3, PAGE: 3} as const;

/** Invalidation queue descriptors, 16 bytes each (6.5.2). */
export const IQ = {CONTEXT: 1, IOTLB: 2, WAIT: 5} as const;
export const IQ_DESCRIPTOR_BYTES = 16;
/** IQA, bits 2:0: QS; the queue has 2^QS pages. */
export const queueBytes = (iqaLo: number): number => 4096 * 2 ** (iqaLo & 7);

/** CCMD, high half: ICC 31 (63), CIRG 30:29. Hardware reports its granularity in CAIG, 28:27. */
export const decodeCcmd = (lo: number, hi: number) => ({
	granularity: (hi >>> 29) & 3,
	domain: lo & 0xffff,
	rid: (lo >>> 16) & 0xffff,
	mask: hi & 3,
});
export const ccmdDone = (hi: number, done: number): number => (hi & 0x67ffffff) | (done << 27);

/** IOTLB register, high half: IVT 31 (63), IIRG 29:28, DID 15:0. Hardware reports its granularity in IAIG, 26:25. */
export const decodeIotlb = (hi: number) => ({granularity: (hi >>> 28) & 3, domain: hi & 0xffff});
export const iotlbDone = (hi: number, done: number): number => (hi & 0x79ffffff) | (done << 25);
/** IVA: ADDR 63:12, IH 6, AM 5:0. */
export const decodeIva = (lo: number, hi: number) => ({
	address: join64((lo & 0xfffff000) >>> 0, hi),
	mask: lo & 0x3f,
});

export type Descriptor = ReturnType<typeof decodeDescriptor>;

export const decodeDescriptor = (w0: number, w1: number, w2: number, w3: number) => ({
	type: w0 & 0xf,
	granularity: (w0 >>> 4) & 3,
	domain: (w0 >>> 16) & 0xffff,
	rid: w1 & 0xffff,
	mask: (w1 >>> 16) & 3,
	address: join64((w2 & 0xfffff000) >>> 0, w3),
	addressMask: w2 & 0x3f,
	interrupt: (w0 & 0x10) !== 0,
	statusWrite: (w0 & 0x20) !== 0,
	status: w1 >>> 0,
	statusAddress: join64((w2 & ~3) >>> 0, w3),
});

/**
 * CAP and ECAP in words: the specification's short name and a few words for each bit (11.4.2 and 11.4.3; newer bits
 * are named as in Linux's iommu.h).
 */
export type VtdCapabilities = {
	/** The bits of a device's address. */
	addressBits: number;
	/** The supported levels of second-level tables. */
	levels: readonly number[];
	pageSizes: readonly string[];
	domains: number;
	faultRecords: number;
	passThrough: boolean;
	interruptRemapping: boolean;
	snoop: boolean;
	has: readonly string[];
};

const CAP_BITS: readonly NamedBit[] = [
	[3, 'AFL advanced fault log'],
	[4, 'RWBF requires write-buffer flushing'],
	[5, 'PLMR protected low memory'],
	[6, 'PHMR protected high memory'],
	[7, 'CM caching mode: an emulated unit'],
	[22, 'ZLR zero-length reads'],
	[39, 'PSI page-selective invalidation'],
	[54, 'DWD write draining'],
	[55, 'DRD read draining'],
	[59, 'PI posted interrupts'],
];
const ECAP_BITS: readonly NamedBit[] = [
	[0, 'C coherent page walks'],
	[1, 'QI queued invalidation'],
	[2, 'DT device TLBs (ATS)'],
	[3, 'IR interrupt remapping'],
	[4, 'EIM x2APIC interrupts'],
	[6, 'PT pass-through'],
	[7, 'SC snoop control'],
	[26, 'NEST nested translation'],
	[29, 'PRS page requests'],
	[40, 'PASID process address spaces'],
	[43, 'SMTS scalable mode'],
	[45, 'SLADS accessed and dirty bits'],
	[46, 'SLTS second-level translation'],
	[47, 'FLTS first-level translation'],
];

export function vtdCapabilities(cap: Halves, ecap: Halves): VtdCapabilities {
	const {sagaw, mgaw, pages2M, pages1G, records} = decodeCap(cap.lo, cap.hi);
	const {passThrough, snoop} = decodeEcap(ecap.lo);
	return {
		addressBits: mgaw,
		// Bit n of SAGAW: n + 2 levels.
		levels: [0, 1, 2, 3, 4].filter(n => (sagaw >>> n) & 1).map(n => n + 2),
		pageSizes: ['4K', ...(pages2M ? ['2M'] : []), ...(pages1G ? ['1G'] : [])],
		domains: 2 ** (4 + 2 * (cap.lo & 7)),
		faultRecords: records,
		passThrough,
		interruptRemapping: isBitSet(ecap, 3),
		snoop,
		has: [...namesOfBits(cap, CAP_BITS), ...namesOfBits(ecap, ECAP_BITS)],
	};
}
