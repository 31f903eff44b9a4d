// VT-d's invalidation commands: the CCMD and IOTLB registers, and the descriptors of the invalidation queue
// (VT-d 6.5.2 and 10.4.7–10.4.8).

import {join64} from './address.js';

/** CIRG, IIRG and a descriptor's G. 3 is one device for contexts, and pages for the IOTLB. */
export const GRANULARITY = {GLOBAL: 1, DOMAIN: 2, DEVICE: 3, PAGE: 3} as const;

/** Descriptor types, 16 bytes each. */
export const IQ = {CONTEXT: 1, IOTLB: 2, WAIT: 5} as const;
export const IQ_DESCRIPTOR_BYTES = 16;
/** IQA: QS 2:0, 2^QS pages of descriptors. */
export const queueBytes = (iqaLo: number): number => 4096 * 2 ** (iqaLo & 7);

/** CCMD, high half: ICC 31 (63), CIRG 30:29; CAIG 28:27 says what was done. */
export const decodeCcmd = (lo: number, hi: number) => ({
	granularity: (hi >>> 29) & 3,
	domain: lo & 0xffff,
	rid: (lo >>> 16) & 0xffff,
	mask: hi & 3,
});
export const ccmdDone = (hi: number, done: number): number => (hi & 0x67ffffff) | (done << 27);

/** IOTLB register, high half: IVT 31 (63), IIRG 29:28, DID 15:0; IAIG 26:25 says what was done. */
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
