// The legacy-mode walk: requester ID → root entry → context entry → second-level tables, with every check in the
// specification's order (VT-d 3.4 and 7.1.3). It allocates nothing: an address is a slot (bits 51:32) and a low half,
// words are signed 32-bit integers, and results that do not fit into one number go into fields.

import * as address from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT} from '../formats/vtd.js';
import type {Memory} from './memory.js';

// V8 inlines a module's own constants, but loads and checks imported ones at each use: a fifth of a walk.
const {HIGH} = address;
const {PRESENT, CTX_FPD, PTE_READ, PTE_WRITE, PTE_PS} = vtd;
const NO_MEMORY = new Int32Array(0);

/** 0xFEE00000–0xFEEFFFFF, as signed words. */
const INTERRUPTS = 0xfee00000 | 0;
const INTERRUPTS_END = 0xfef00000 | 0;

/** A unit's capability registers and address width. */
export type VtdModel = {
	capLo: number;
	capHi: number;
	ecapLo: number;
	/** The bits of a physical address. Higher address bits are reserved in every entry. */
	hostAddressWidth: number;
};

export class VtdWalk {
	/** Whether the last context entry disables fault processing (FPD). */
	faultProcessingDisabled = false;
	/** The last context entry: its tables' address and levels, its domain and translation type. */
	slot = 0;
	low = 0;
	levels = 0;
	domain = 0;
	type = 0;
	/** The last walk's leaf: its level, and the AND of all permissions on the way. */
	leafLevel = 0;
	leafPermissions = 0;

	private readonly slots: readonly Int32Array[];
	private readonly sagaw: number;
	/** By number of levels: 2^min(AW, MGAW). */
	private readonly limits: number[];
	/** Bit n: translation type n is supported. */
	private readonly types: number;
	/** Reserved bits in the high half: of root and context entries, and of table entries. */
	private readonly reservedHigh: number;
	private readonly entryReservedHigh: number;
	/** Reserved bits in the low half of a table entry: one that points to a table; a leaf, by level. */
	private readonly tableReservedLow: number;
	private readonly leafReservedLow: Int32Array;

	constructor(memory: Memory, {capLo, capHi, ecapLo, hostAddressWidth}: VtdModel) {
		const cap = vtd.decodeCap(capLo, capHi);
		const ecap = vtd.decodeEcap(ecapLo);
		this.slots = memory.signed;
		this.sagaw = cap.sagaw;
		this.limits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(levels => 2 ** Math.min(12 + 9 * levels, cap.mgaw));
		this.types = 1 | (ecap.deviceTlb ? 2 : 0) | (ecap.passThrough ? 4 : 0);
		this.reservedHigh = ~(2 ** (hostAddressWidth - 32) - 1) | 0;
		this.entryReservedHigh = (this.reservedHigh & 0xfffff) | (ecap.deviceTlb ? 0 : vtd.PTE_TM);
		const snoop = ecap.snoop ? 0 : vtd.PTE_SNP;
		// PS is reserved at levels without large pages. At other levels an entry with PS is a leaf.
		this.tableReservedLow = snoop | PTE_PS;
		// The address bits below a large page's size are reserved too (bits 20:12 and 29:12).
		const never = ~0;
		const large = cap.pages2M ? snoop | 0x1ff000 : never;
		const huge = cap.pages1G ? snoop | 0x3ffff000 : never;
		this.leafReservedLow = Int32Array.of(0, snoop, large, huge);
	}

	/**
	 * Reads and checks a function's context entry, and leaves it in the fields above.
	 * @returns 0, or minus the fault reason.
	 */
	context(rootSlot: number, rootLow: number, rid: Rid): number {
		this.faultProcessingDisabled = false;
		const root = this.wordsOf(rootSlot);
		const rootAt = (rootLow >>> 2) + ridBus(rid) * 4;
		if (rootAt >= root.length) return -FAULT.ROOT_UNREADABLE;
		const rootLo = root[rootAt];
		const rootHi = root[rootAt + 1];
		if ((rootLo & PRESENT) === 0) return -FAULT.ROOT_ABSENT;
		if ((rootLo & 0xffe) | (rootHi & this.reservedHigh) | root[rootAt + 2] | root[rootAt + 3])
			return -FAULT.ROOT_RESERVED;

		const context = this.wordsOf(rootHi);
		const at = ((rootLo >>> 12) << 10) + ridDevfn(rid) * 4;
		if (at >= context.length) return -FAULT.CONTEXT_UNREADABLE;
		const lo = context[at];
		const hi = context[at + 1];
		const high = context[at + 2];
		this.faultProcessingDisabled = (lo & CTX_FPD) !== 0;
		if ((lo & PRESENT) === 0) return -FAULT.CONTEXT_ABSENT;
		if ((lo & 0xff0) | (hi & this.reservedHigh) | (high & 0xff000080) | context[at + 3])
			return -FAULT.CONTEXT_RESERVED;
		const type = vtd.contextType(lo);
		if (((this.sagaw >>> (high & 7)) & (this.types >>> type) & 1) === 0) return -FAULT.CONTEXT_INVALID;
		this.type = type;
		this.slot = hi;
		this.low = lo & ~0xfff;
		this.levels = vtd.contextLevels(high);
		this.domain = vtd.contextDomain(high);
		return 0;
	}

	/** The first address beyond the widths of the context entry and the unit. */
	limit(levels: number): number {
		return this.limits[levels];
	}

	/**
	 * Walks second-level tables from slot:low, and leaves the leaf in the fields above. The address comes in halves.
	 * @returns the physical address, or minus the fault reason.
	 */
	tables(slot: number, low: number, levels: number, iovaLo: number, iovaHi: number, write: boolean): number {
		// Bits 61:30, which index the upper levels.
		const iovaUpper = (iovaHi << 2) | (iovaLo >>> 30);
		const needed = write ? PTE_WRITE : PTE_READ;
		const top = 9 * levels + 3;
		let permissions = PTE_READ | PTE_WRITE;
		// `| 0` tells V8 that the loop carries integers.
		let lo = low | 0;
		let hi = slot | 0;
		// An entry maps 2^shift bytes: 2^12 at level 1, 2^21 at level 2, …
		for (let shift = top; ; shift -= 9) {
			const words = this.wordsOf(hi & 0xfffff);
			const index = shift < 30 ? iovaLo >>> shift : iovaUpper >>> (shift - 30);
			const at = ((lo >>> 12) << 10) | ((index & 511) << 1);
			if (at >= words.length) return shift === top ? -FAULT.CONTEXT_INVALID : -FAULT.TABLE_UNREADABLE;
			lo = words[at];
			hi = words[at + 1];
			permissions &= lo;
			if ((lo & needed) === 0) return write ? -FAULT.WRITE : -FAULT.READ;
			if (shift === 12 || (shift <= 30 && (lo & PTE_PS) !== 0)) {
				return this.leaf(lo, hi, shift, permissions, iovaLo);
			}
			if ((lo & this.tableReservedLow) | (hi & this.entryReservedHigh)) return -FAULT.ENTRY_RESERVED;
		}
	}

	/** Checks a leaf's reserved bits, and translates the address. */
	private leaf(lo: number, hi: number, shift: number, permissions: number, iovaLo: number): number {
		const level = (shift - 3) / 9;
		if ((lo & this.leafReservedLow[level]) | (hi & this.entryReservedHigh)) return -FAULT.ENTRY_RESERVED;
		this.leafLevel = level;
		this.leafPermissions = permissions;
		const offset = (1 << shift) - 1;
		return this.output(hi & 0xfffff, (lo & ~0xfff & ~offset) | (iovaLo & offset));
	}

	/** The interrupt window is not memory (VT-d 3.14). */
	private output(slot: number, low: number): number {
		if (slot === 0) {
			if (low >= 0) return low;
			if (low >= INTERRUPTS && low < INTERRUPTS_END) return -FAULT.INTERRUPT_RANGE;
		}
		return slot * HIGH + (low >>> 0);
	}

	/** The memory of a slot; empty beyond its end. */
	private wordsOf(slot: number): Int32Array {
		return slot < this.slots.length ? this.slots[slot] : NO_MEMORY;
	}
}
