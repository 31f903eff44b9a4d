// The legacy-mode walk: requester id → root entry → context entry → second-level tables, with every check in
// the order the specification gives (VT-d 3.4 and 7.1.3). It allocates nothing: addresses are a slot (bits
// 51:32) and a low half, and an entry's two halves are left in fields.

import {HIGH, PAGE_SIZE} from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT} from '../formats/vtd.js';
import type {Memory} from './memory.js';

const INTERRUPTS = 0xfee00000;
const INTERRUPTS_END = 0xfef00000;

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

	readonly #memory: Memory;
	readonly #sagaw: number;
	/** By number of levels: 2^min(AW, MGAW). */
	readonly #limits: number[];
	readonly #deviceTlb: boolean;
	readonly #passThrough: boolean;
	/** Bits of the high half that must be zero: in root and context entries, and in table entries. */
	readonly #reservedHigh: number;
	readonly #entryReservedHigh: number;
	/** Bits of the low half that must be zero in a table entry, by level: pointing to a table, and a leaf. */
	readonly #tableReservedLow: number[];
	readonly #leafReservedLow: number[];
	#lo = 0;
	#hi = 0;

	constructor(memory: Memory, {capLo, capHi, ecapLo, hostAddressWidth}: VtdCapabilities) {
		const cap = vtd.decodeCap(capLo, capHi);
		const ecap = vtd.decodeEcap(ecapLo);
		this.#memory = memory;
		this.#sagaw = cap.sagaw;
		this.#limits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(levels => 2 ** Math.min(12 + 9 * levels, cap.mgaw));
		this.#deviceTlb = ecap.deviceTlb;
		this.#passThrough = ecap.passThrough;
		this.#reservedHigh = ~(2 ** (hostAddressWidth - 32) - 1) >>> 0;
		this.#entryReservedHigh = (this.#reservedHigh & 0xfffff) | (ecap.deviceTlb ? 0 : vtd.PTE_TM);
		const snoop = ecap.snoop ? 0 : vtd.PTE_SNP;
		// A large page's address bits below its size are reserved too (bits 20:12 and 29:12).
		const never = ~0;
		this.#tableReservedLow = [0, 0, snoop, snoop, snoop | vtd.PTE_PS, snoop | vtd.PTE_PS, 0];
		this.#leafReservedLow = [
			0,
			snoop,
			cap.pages2M ? snoop | 0x1ff000 : never,
			cap.pages1G ? snoop | 0x3ffff000 : never,
			never,
			never,
			never,
		];
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
		this.slot = hi;
		this.low = (lo & 0xfffff000) >>> 0;
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
		const iovaLo = iova >>> 0;
		const iovaHi = (iova / HIGH) | 0;
		const needed = write ? vtd.PTE_WRITE : vtd.PTE_READ;
		let permissions = vtd.PTE_READ | vtd.PTE_WRITE;
		for (let level = levels; ; level--) {
			if (!this.#load(slot, ((low & 0xfffff000) >>> 0) + 8 * indexAt(level, iovaLo, iovaHi))) {
				return level === levels ? -FAULT.CONTEXT_INVALID : -FAULT.TABLE_UNREADABLE;
			}
			low = this.#lo;
			permissions &= low;
			if ((low & needed) === 0) return write ? -FAULT.WRITE : -FAULT.READ;
			const leaf = level === 1 || (level <= 3 && (low & vtd.PTE_PS) !== 0);
			const reservedLow = (leaf ? this.#leafReservedLow : this.#tableReservedLow)[level];
			if (low & reservedLow || this.#hi & this.#entryReservedHigh) return -FAULT.ENTRY_RESERVED;
			slot = this.#hi & 0xfffff;
			if (leaf) {
				const offset = level === 1 ? PAGE_SIZE - 1 : level === 2 ? 0x1fffff : 0x3fffffff;
				const hpa = slot * HIGH + ((low & ~offset & 0xfffff000) >>> 0) + (iovaLo & offset);
				this.leafLevel = level;
				this.leafPermissions = permissions;
				return hpa >= INTERRUPTS && hpa < INTERRUPTS_END ? -FAULT.INTERRUPT_RANGE : hpa;
			}
		}
	}

	#supports(type: number): boolean {
		return type === 0 || (type === 1 && this.#deviceTlb) || (type === 2 && this.#passThrough);
	}

	/** Leaves the 64-bit word at slot:low in #lo and #hi; false where there is no memory. */
	#load(slot: number, low: number): boolean {
		const words = this.#memory.words(slot);
		const at = low >>> 2;
		if (words === undefined || at >= words.length) return false;
		this.#lo = words[at];
		this.#hi = words[at + 1];
		return true;
	}
}

/** The 9 bits of an address that index the table at `level`: (iova >> (12 + 9(level − 1))) & 511. */
function indexAt(level: number, lo: number, hi: number): number {
	switch (level) {
		case 1:
			return (lo >>> 12) & 511;
		case 2:
			return (lo >>> 21) & 511;
		case 3:
			return ((lo >>> 30) | (hi << 2)) & 511;
		case 4:
			return (hi >>> 7) & 511;
		case 5:
			return (hi >>> 16) & 511;
		default:
			return hi >>> 25;
	}
}
