// VT-d, legacy mode: registers, root, context and second-level entries, fault records
// (Intel VT-d Architecture Specification, chapters 9 and 10). Words are (lo, hi) halves.

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

/** The high bits of GCMD and GSTS: translation enable, set root table pointer. */
export const TE = 0x8000_0000;
export const SRTP = 0x4000_0000;
/** Queued invalidation enable. */
export const QIE = 0x0400_0000;

/** Bit 63 of CCMD and of the IOTLB register, in the high half: busy until the invalidation is done. */
export const INVALIDATE = 0x8000_0000;
/** CCMD: global granularity, 62:61 = 1. */
export const CCMD_GLOBAL = 0x2000_0000;
/** IOTLB register: global granularity, 61:60 = 1, with read and write drain. */
export const IOTLB_GLOBAL_DRAIN = 0x1003_0000;

export const FSTS_PFO = 1;
export const FSTS_PPF = 2;
/** Invalidation queue error, invalidation completion error, invalidation time-out. */
export const FSTS_IQE = 0x10;
export const FSTS_ICE = 0x20;
export const FSTS_ITE = 0x40;
/** ICS: a wait descriptor that asked for an interrupt is done; write 1 to clear. */
export const ICS_IWC = 1;
/** Fault record, bits 127 (F) and 126 (T: 1 is a read), in its last 32-bit word. */
export const FRCD_F = 0x8000_0000;
export const FRCD_READ = 0x4000_0000;

export const PRESENT = 1;
export const CTX_FPD = 2;
export const CTX_TT_DEVICE_TLB = 1 << 2;
export const contextType = (lo: number): number => (lo >>> 2) & 3;
/** AW n of a context entry: n + 2 levels, 30 + 9n bits. */
export const contextLevels = (hi: number): number => (hi & 7) + 2;
export const contextDomain = (hi: number): number => (hi >>> 8) & 0xffff;

export const PTE_READ = 1;
export const PTE_WRITE = 2;
export const PTE_PS = 0x80;
/** SNP, bit 11, is reserved unless ECAP.SC; TM, bit 62, unless ECAP.DT. */
export const PTE_SNP = 0x800;
export const PTE_TM = 0x4000_0000;

/** CAP and ECAP, decoded. `iro` and `fro` are byte offsets into the register page. */
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

/** Fault reasons of legacy mode, in the words that Linux's dmar.c prints. */
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

/** The first fourteen of legacy mode as Linux's dmar.c prints them; it has no words for 0xe. */
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

/** A fault record's four 32-bit words, decoded; undefined where F is clear. */
export function decodeFaultRecord(w0: number, w1: number, w2: number, w3: number) {
	if ((w3 & FRCD_F) === 0) return undefined;
	return {
		iova: w1 * 2 ** 32 + ((w0 & 0xfffff000) >>> 0),
		rid: w2 & 0xffff,
		reason: w3 & 0xff,
		read: (w3 & FRCD_READ) !== 0,
	};
}
