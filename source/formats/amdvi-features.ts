// What an AMD-Vi unit can do, as its extended feature register says it (48882, 3.4.4, MMIO offset 0x30), and the
// header of its PCI capability (3.3.1).

import type {Halves} from './halves.js';

export type AmdViFeatures = {
	/** Levels of host tables, at most. */
	levels: number | undefined;
	has: readonly string[];
};

const BITS: readonly (readonly [bit: number, name: string])[] = [
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

/** HATS, bits 11:10, is 4, 5 or 6 levels. */
export const amdViFeatures = ({lo, hi}: Halves): AmdViFeatures => ({
	levels: [4, 5, 6][(lo >>> 10) & 3],
	has: BITS.flatMap(([bit, name]) => (((bit < 32 ? lo >>> bit : hi >>> (bit - 32)) & 1) === 1 ? [name] : [])),
});

const CAPABILITY_BITS: readonly (readonly [bit: number, name: string])[] = [
	[24, 'device TLBs (ATS)'],
	[26, 'caches absent entries: an emulated unit'],
];

export const amdViCapability = ({lo}: Halves): string[] =>
	CAPABILITY_BITS.flatMap(([bit, name]) => ((lo >>> bit) & 1 ? [name] : []));
