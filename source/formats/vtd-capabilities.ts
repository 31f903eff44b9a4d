// What a VT-d unit can do, as CAP and ECAP say it (VT-d 11.4.2 and 11.4.3; the names of later bits as in Linux's
// iommu.h). Each in the specification's short name and a few words.

import type {Halves} from './halves.js';
import {decodeCap, decodeEcap} from './vtd.js';

export type VtdCapabilities = {
	/** Bits of a device's address. */
	addressBits: number;
	/** Levels of second-level tables. */
	levels: readonly number[];
	pageSizes: readonly string[];
	domains: number;
	faultRecords: number;
	passThrough: boolean;
	interruptRemapping: boolean;
	snoop: boolean;
	has: readonly string[];
};

type Bit = readonly [bit: number, name: string];

const CAP_BITS: readonly Bit[] = [
	[3, 'AFL advanced fault log'],
	[4, 'RWBF write buffer to be flushed'],
	[5, 'PLMR protected low memory'],
	[6, 'PHMR protected high memory'],
	[7, 'CM caching mode: an emulated unit'],
	[22, 'ZLR zero-length reads'],
	[39, 'PSI page-selective invalidation'],
	[54, 'DWD write draining'],
	[55, 'DRD read draining'],
	[59, 'PI posted interrupts'],
];
const ECAP_BITS: readonly Bit[] = [
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

const isSet = ({lo, hi}: Halves, bit: number): boolean =>
	((bit < 32 ? lo >>> bit : hi >>> (bit - 32)) & 1) === 1;
const named = (word: Halves, bits: readonly Bit[]): string[] =>
	bits.flatMap(([bit, name]) => (isSet(word, bit) ? [name] : []));

export function vtdCapabilities(cap: Halves, ecap: Halves): VtdCapabilities {
	const {sagaw, mgaw, pages2M, pages1G, records} = decodeCap(cap.lo, cap.hi);
	const {passThrough, snoop} = decodeEcap(ecap.lo);
	return {
		addressBits: mgaw,
		// SAGAW bit n: n + 2 levels.
		levels: [0, 1, 2, 3, 4].filter(n => (sagaw >>> n) & 1).map(n => n + 2),
		pageSizes: ['4K', ...(pages2M ? ['2M'] : []), ...(pages1G ? ['1G'] : [])],
		domains: 2 ** (4 + 2 * (cap.lo & 7)),
		faultRecords: records,
		passThrough,
		interruptRemapping: isSet(ecap, 3),
		snoop,
		has: [...named(cap, CAP_BITS), ...named(ecap, ECAP_BITS)],
	};
}
