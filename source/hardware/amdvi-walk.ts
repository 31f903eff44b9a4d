// AMD-Vi's walk: requester id → device table entry → host page tables, with every check (48882, 2.2.2 and 2.2.3).
// As in vtd-walk.ts it allocates nothing: addresses are a slot (bits 51:32) and a low half, words are signed
// 32-bit integers, and what two numbers must say is left in fields.

import * as address from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {EVENT, FLAG} from '../formats/amdvi.js';
import type {Rid} from '../formats/pci.js';
import type {Memory} from './memory.js';

// Constants of this module's own, for V8: see vtd-walk.ts.
const {HIGH, PAGE_SIZE} = address;
const {DTE_BYTES, DTE_V, IR, IW, PR, NL_SIZED, TABLE_RESERVED_HIGH, LEAF_RESERVED_HIGH} = amdvi;

const NOT_PRESENT = -amdvi.refusal(EVENT.IO_PAGE_FAULT, 0);
const NO_PERMISSION = -amdvi.refusal(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.PE);
const ENTRY_RESERVED = -amdvi.refusal(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.RZ);
const TABLE_UNREADABLE = -amdvi.refusal(EVENT.PAGE_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT);
const DEVICE_BEYOND = -amdvi.refusal(EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0);
const DTE_RESERVED = -amdvi.refusal(EVENT.ILLEGAL_DEV_TABLE_ENTRY, FLAG.RZ);
const DTE_UNREADABLE = -amdvi.refusal(EVENT.DEV_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT);

/** DTE 8:2 and 63, and 60:52, whose features (PPR, guest translation) this unit does not have. */
const DTE_RESERVED_LOW = 0x1fc;
const DTE_RESERVED_HIGH = 0x9ff0_0000 | 0;

export class AmdviWalk {
	/** The device table entry last read: the halves of its first quadword, its domain, and SE and SA. */
	dteLow = 0;
	dteHigh = 0;
	domain = 0;
	dteFlags = 0;
	/** The entry that the last walk ended at: its level, and IR and IW of all entries on the way ANDed. */
	leafLevel = 0;
	leafPermissions = 0;
	/** Where a table was looked for that is in no memory. */
	unreadable = 0;

	private readonly slots: readonly Int32Array[];
	private readonly memory: Memory;

	constructor(memory: Memory) {
		this.memory = memory;
		this.slots = memory.signed;
	}

	/**
	 * Reads and checks a function's device table entry into the fields above. Without V nothing in it counts.
	 * The second half of the entry is about interrupts and is not looked at.
	 * @returns 0, or minus the refusal.
	 */
	device(table: number, bytes: number, rid: Rid): number {
		if (rid * DTE_BYTES >= bytes) return DEVICE_BEYOND;
		const entryAt = table + rid * DTE_BYTES;
		if (!this.memory.has(entryAt, DTE_BYTES)) {
			this.unreadable = entryAt;
			return DTE_UNREADABLE;
		}
		const slot = entryAt < HIGH ? 0 : Math.floor(entryAt / HIGH);
		const words = this.slots[slot];
		const at = (entryAt | 0) >>> 2;
		const low = words[at];
		const high = words[at + 1];
		this.dteLow = low;
		this.dteHigh = high;
		this.domain = words[at + 2] & 0xffff;
		this.dteFlags = words[at + 3];
		if ((low & DTE_V) === 0) return 0;
		if ((low & DTE_RESERVED_LOW) | (high & DTE_RESERVED_HIGH)) return DTE_RESERVED;
		return amdvi.level(low) > amdvi.MODE_MAX ? DTE_RESERVED : 0;
	}

	/**
	 * Walks tables from slot:low, whose entries have the level `top`. `allowed` is what the device table entry
	 * allows and `needed` what the access asks for, as IR and IW. What the entry found maps is left above.
	 * @returns the physical address, or minus the refusal.
	 */
	tables(slot: number, low: number, top: number, iova: number, needed: number, allowed: number): number {
		const slots = this.slots;
		const iovaLo = iova | 0;
		// Bits 61:30, from which the upper levels take theirs.
		const iovaUpper = ((iova < HIGH ? 0 : Math.floor(iova / HIGH)) << 2) | (iovaLo >>> 30);
		let permissions = IR | IW;
		for (let level = top; ; ) {
			// (iova >> (12 + 9(level − 1))) & 511
			const index = level < 3 ? (iovaLo >>> (3 + 9 * level)) & 511 : (iovaUpper >>> (9 * (level - 3))) & 511;
			const at = ((low >>> 12) << 10) + 2 * index;
			if (slot >= slots.length) return this.noTable(slot, at);
			const words = slots[slot];
			if (at >= words.length) return this.noTable(slot, at);
			low = words[at];
			const hi = words[at + 1];
			if ((low & PR) === 0) return NOT_PRESENT;
			permissions &= hi;
			const next = (low >>> 9) & 7;
			if (next === 0 || next === NL_SIZED) {
				if (hi & LEAF_RESERVED_HIGH) return ENTRY_RESERVED;
				this.leafLevel = level;
				this.leafPermissions = permissions;
				if ((permissions & needed & allowed) === 0) return NO_PERMISSION;
				if (level > 1 || next !== 0) return this.largePage(low, hi, level, iova);
				slot = hi & 0xfffff;
				low = (low & ~(PAGE_SIZE - 1)) | (iovaLo & (PAGE_SIZE - 1));
				return slot === 0 && low >= 0 ? low : slot * HIGH + (low >>> 0);
			}
			if (next >= level || hi & TABLE_RESERVED_HIGH) return ENTRY_RESERVED;
			if (next < level - 1 && skippedBits(iova, level, next) !== 0) return NOT_PRESENT;
			slot = hi & 0xfffff;
			level = next;
		}
	}

	private largePage(low: number, hi: number, level: number, iova: number): number {
		const shift = amdvi.leafShift(low, hi, level);
		if (shift === undefined) return ENTRY_RESERVED;
		// An encoded size is between two levels' own: the IOTLB is told of the larger, so that it drops enough.
		if (shift > amdvi.shiftOf(level)) this.leafLevel = level + 1;
		const offsetLow = shift >= 32 ? -1 : (1 << shift) - 1;
		const offsetHigh = shift <= 32 ? 0 : (1 << (shift - 32)) - 1;
		const iovaHigh = iova < HIGH ? 0 : Math.floor(iova / HIGH);
		const slot = ((hi & ~offsetHigh) | (iovaHigh & offsetHigh)) & 0xfffff;
		return slot * HIGH + (((low & ~0xfff & ~offsetLow) | (iova & offsetLow)) >>> 0);
	}

	private noTable(slot: number, at: number): number {
		this.unreadable = slot * HIGH + 4 * at;
		return TABLE_UNREADABLE;
	}
}

/** The part of an address that the levels between two would index: where they are left out it must be zero. */
const skippedBits = (iova: number, level: number, next: number): number =>
	Math.floor(iova / 2 ** amdvi.shiftOf(next + 1)) % 512 ** (level - 1 - next);
