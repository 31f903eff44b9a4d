// The legacy-mode walk: requester id → root entry → context entry → second-level tables, with every check in
// the order the specification gives (VT-d 3.4 and 7.1.3). It allocates nothing: addresses are a slot (bits
// 51:32) and a low half, words are signed 32-bit integers, and what two numbers must say is left in fields.

import {HIGH, PAGE_SIZE} from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT} from '../formats/vtd.js';
import type {Memory} from './memory.js';

/** 0xFEE00000–0xFEEFFFFF, as signed words. */
const INTERRUPTS = 0xfee00000 | 0;
const INTERRUPTS_END = 0xfef00000 | 0;

export type VtdCapabilities = {
	capLo: number;
	capHi: number;
	ecapLo: number;
	/** Width of physical addresses in bits; address bits above it are reserved in every entry. */
	hostAddressWidth: number;
};

export class VtdWalk {
	/** Whether the context entry of the last walk disables fault processing for what it refused. */
	faultProcessingDisabled = false;
	/** The context entry last read: where its tables start, their levels, its domain and translation type. */
	slot = 0;
	low = 0;
	levels = 0;
	domain = 0;
	type = 0;
	/** The entry that the last walk ended at: its level, and the permissions of all entries on the way ANDed. */
	leafLevel = 0;
	leafPermissions = 0;

	readonly #slots: readonly Int32Array[];
	readonly #sagaw: number;
	/** By number of levels: 2^min(AW, MGAW). */
	readonly #limits: number[];
	readonly #deviceTlb: boolean;
	readonly #passThrough: boolean;
	/** Bits of the high half that must be zero: in root and context entries, and in table entries. */
	readonly #reservedHigh: number;
	readonly #entryReservedHigh: number;
	/** Bits of the low half that must be zero in a table entry, by level: pointing to a table, and a leaf. */
	readonly #tableReservedLow: Int32Array;
	readonly #leafReservedLow: Int32Array;
	#lo = 0;
	#hi = 0;

	constructor(memory: Memory, {capLo, capHi, ecapLo, hostAddressWidth}: VtdCapabilities) {
		const cap = vtd.decodeCap(capLo, capHi);
		const ecap = vtd.decodeEcap(ecapLo);
		this.#slots = memory.signed;
		this.#sagaw = cap.sagaw;
		this.#limits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(levels => 2 ** Math.min(12 + 9 * levels, cap.mgaw));
		this.#deviceTlb = ecap.deviceTlb;
		this.#passThrough = ecap.passThrough;
		this.#reservedHigh = ~(2 ** (hostAddressWidth - 32) - 1) | 0;
		this.#entryReservedHigh = (this.#reservedHigh & 0xfffff) | (ecap.deviceTlb ? 0 : vtd.PTE_TM);
		const snoop = ecap.snoop ? 0 : vtd.PTE_SNP;
		// A large page's address bits below its size are reserved too (bits 20:12 and 29:12).
		const never = ~0;
		this.#tableReservedLow = Int32Array.of(0, 0, snoop, snoop, snoop | vtd.PTE_PS, snoop | vtd.PTE_PS, 0);
		this.#leafReservedLow = Int32Array.of(
			0,
			snoop,
			cap.pages2M ? snoop | 0x1ff000 : never,
			cap.pages1G ? snoop | 0x3ffff000 : never,
			never,
			never,
			never,
		);
	}

	/**
	 * Reads and checks a function's context entry into the fields below.
	 * @returns 0, or minus the fault reason.
	 */
	context(rootSlot: number, rootLow: number, rid: Rid): number {
		this.faultProcessingDisabled = false;
		const root = rootLow + ridBus(rid) * 16;
		if (!this.#load(rootSlot, root)) return -FAULT.ROOT_UNREADABLE;
		const rootLo = this.#lo;
		const rootHi = this.#hi;
		if ((rootLo & vtd.PRESENT) === 0) return -FAULT.ROOT_ABSENT;
		this.#load(rootSlot, root + 8);
		if (rootLo & 0xffe || rootHi & this.#reservedHigh || this.#lo || this.#hi) return -FAULT.ROOT_RESERVED;

		const context = ((rootLo & 0xfffff000) >>> 0) + ridDevfn(rid) * 16;
		if (!this.#load(rootHi, context)) return -FAULT.CONTEXT_UNREADABLE;
		const lo = this.#lo;
		const hi = this.#hi;
		this.faultProcessingDisabled = (lo & vtd.CTX_FPD) !== 0;
		if ((lo & vtd.PRESENT) === 0) return -FAULT.CONTEXT_ABSENT;
		this.#load(rootHi, context + 8);
		const high = this.#lo;
		if (lo & 0xff0 || hi & this.#reservedHigh || high & 0xff000080 || this.#hi)
			return -FAULT.CONTEXT_RESERVED;
		this.type = vtd.contextType(lo);
		if ((this.#sagaw & (1 << (high & 7))) === 0 || !this.#supports(this.type)) return -FAULT.CONTEXT_INVALID;
		this.slot = hi & 0xfffff;
		this.low = lo & ~0xfff;
		this.levels = vtd.contextLevels(high);
		this.domain = vtd.contextDomain(high);
		return 0;
	}

	/** The first address past what the context's width and the unit's allow. */
	limit(levels: number): number {
		return this.#limits[levels];
	}

	/**
	 * Walks second-level tables from slot:low. What the entry found maps is left in the fields below.
	 * @returns the physical address, or minus the fault reason.
	 */
	tables(slot: number, low: number, levels: number, iova: number, write: boolean): number {
		const slots = this.#slots;
		const iovaLo = iova | 0;
		// Bits 56:30, from which the upper levels take theirs.
		const iovaUpper = ((iova < HIGH ? 0 : Math.floor(iova / HIGH)) << 2) | (iovaLo >>> 30);
		const needed = write ? vtd.PTE_WRITE : vtd.PTE_READ;
		let permissions = vtd.PTE_READ | vtd.PTE_WRITE;
		for (let level = levels; ; level--) {
			// (iova >> (12 + 9(level − 1))) & 511
			const index = level < 3 ? (iovaLo >>> (3 + 9 * level)) & 511 : (iovaUpper >>> (9 * (level - 3))) & 511;
			const at = ((low >>> 12) << 10) + 2 * index;
			if (slot >= slots.length) return level === levels ? -FAULT.CONTEXT_INVALID : -FAULT.TABLE_UNREADABLE;
			const words = slots[slot];
			if (at >= words.length) return level === levels ? -FAULT.CONTEXT_INVALID : -FAULT.TABLE_UNREADABLE;
			low = words[at];
			const hi = words[at + 1];
			permissions &= low;
			if ((low & needed) === 0) return write ? -FAULT.WRITE : -FAULT.READ;
			const leaf = level === 1 || (level <= 3 && (low & vtd.PTE_PS) !== 0);
			const reservedLow = leaf ? this.#leafReservedLow[level] : this.#tableReservedLow[level];
			if ((low & reservedLow) | (hi & this.#entryReservedHigh)) return -FAULT.ENTRY_RESERVED;
			slot = hi & 0xfffff;
			if (leaf) {
				const offset = level === 1 ? PAGE_SIZE - 1 : level === 2 ? 0x1fffff : 0x3fffffff;
				this.leafLevel = level;
				this.leafPermissions = permissions;
				return this.#output(slot, (low & ~0xfff & ~offset) | (iovaLo & offset));
			}
		}
	}

	/** An address in the interrupt window is no memory (VT-d 3.14). */
	#output(slot: number, low: number): number {
		if (slot === 0) {
			if (low >= 0) return low;
			if (low >= INTERRUPTS && low < INTERRUPTS_END) return -FAULT.INTERRUPT_RANGE;
		}
		return slot * HIGH + (low >>> 0);
	}

	#supports(type: number): boolean {
		return type === 0 || (type === 1 && this.#deviceTlb) || (type === 2 && this.#passThrough);
	}

	/** Leaves the 64-bit word at slot:low in #lo and #hi; false where there is no memory. */
	#load(slot: number, low: number): boolean {
		const at = low >>> 2;
		if (slot >= this.#slots.length || at >= this.#slots[slot].length) return false;
		const words = this.#slots[slot];
		this.#lo = words[at];
		this.#hi = words[at + 1];
		return true;
	}
}
