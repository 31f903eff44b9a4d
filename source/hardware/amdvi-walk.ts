// AMD-Vi's walk: requester ID → device table entry → host page tables, with every check (48882, 2.2.2 and 2.2.3).
// Like vtd-walk.ts it allocates nothing: an address is a slot (bits 51:32) and a low half, words are signed 32-bit
// integers, and results that do not fit into one number go into fields.

import * as address from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {EVENT, FLAG} from '../formats/amdvi.js';
import type {Rid} from '../formats/pci.js';
import type {Memory} from './memory.js';

// V8 inlines a module's own constants: see vtd-walk.ts.
const {HIGH, PAGE_SIZE} = address;
const {DTE_BYTES, DTE_V, IR, IW, PR, NL_SIZED, TABLE_RESERVED_HIGH, LEAF_RESERVED_HIGH} = amdvi;

const NOT_PRESENT = -amdvi.refusal(EVENT.IO_PAGE_FAULT, 0);
const NO_PERMISSION = -amdvi.refusal(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.PE);
const ENTRY_RESERVED = -amdvi.refusal(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.RZ);
const TABLE_UNREADABLE = -amdvi.refusal(EVENT.PAGE_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT);
const DEVICE_BEYOND = -amdvi.refusal(EVENT.ILLEGAL_DEV_TABLE_ENTRY, 0);
const DTE_RESERVED = -amdvi.refusal(EVENT.ILLEGAL_DEV_TABLE_ENTRY, FLAG.RZ);
const DTE_UNREADABLE = -amdvi.refusal(EVENT.DEV_TAB_HARDWARE_ERROR, FLAG.MASTER_ABORT);

/** DTE bits 8:2 and 63, and 60:52, whose features (PPR, guest translation) this unit lacks. */
const DTE_RESERVED_LOW = 0x1fc;
const DTE_RESERVED_HIGH = 0x9ff0_0000 | 0;

export class AmdviWalk {
	/** The last device table entry: the halves of its first quadword, its domain, and SE and SA. */
	dteLow = 0;
	dteHigh = 0;
	domain = 0;
	dteFlags = 0;
	/** The last walk's leaf: its level, and the AND of all IR and IW bits on the way. */
	leafLevel = 0;
	leafPermissions = 0;
	/** The address of a table that is outside memory. */
	unreadable = 0;

	private readonly slots: readonly Int32Array[];
	private readonly memory: Memory;

	constructor(memory: Memory) {
		this.memory = memory;
		this.slots = memory.signed;
	}

	/**
	 * Reads and checks a function's device table entry, and leaves it in the fields above. Without V its other bits are
	 * ignored; the second half, about interrupts, always is.
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
	 * Walks tables from slot:low, at level `top`, and leaves the leaf in the fields above. The address comes in halves.
	 * `needed` and `allowed`, as IR and IW, are the access and the permissions in the device table entry.
	 * @returns the physical address, or minus the refusal.
	 */
	tables(
		slot: number,
		low: number,
		top: number,
		iovaLo: number,
		iovaHi: number,
		needed: number,
		allowed: number,
	): number {
		const slots = this.slots;
		let permissions = IR | IW;
		for (let level = top; ; ) {
			const index = indexAt(level, iovaLo, iovaHi);
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
				if (level > 1 || next !== 0) return this.largePage(low, hi, level, iovaLo, iovaHi);
				slot = hi & 0xfffff;
				low = (low & ~(PAGE_SIZE - 1)) | (iovaLo & (PAGE_SIZE - 1));
				return slot === 0 && low >= 0 ? low : slot * HIGH + (low >>> 0);
			}
			if (next >= level || hi & TABLE_RESERVED_HIGH) return ENTRY_RESERVED;
			if (next < level - 1 && skipsBits(level, next, iovaLo, iovaHi)) return NOT_PRESENT;
			slot = hi & 0xfffff;
			level = next;
		}
	}

	private largePage(low: number, hi: number, level: number, iovaLo: number, iovaHi: number): number {
		const shift = amdvi.leafShift(low, hi, level);
		if (shift === undefined) return ENTRY_RESERVED;
		// An encoded size lies between two levels' sizes. The IOTLB gets the larger, to drop enough on invalidation.
		if (shift > amdvi.shiftOf(level)) this.leafLevel = level + 1;
		const offsetLow = shift >= 32 ? -1 : (1 << shift) - 1;
		const offsetHigh = shift <= 32 ? 0 : (1 << (shift - 32)) - 1;
		const slot = ((hi & ~offsetHigh) | (iovaHi & offsetHigh)) & 0xfffff;
		return slot * HIGH + (((low & ~0xfff & ~offsetLow) | (iovaLo & offsetLow)) >>> 0);
	}

	private noTable(slot: number, at: number): number {
		this.unreadable = slot * HIGH + 4 * at;
		return TABLE_UNREADABLE;
	}
}

/** (iova >> (12 + 9(level − 1))) & 511, of halves. Level 6 has only bits 63:57. */
function indexAt(level: number, lo: number, hi: number): number {
	if (level < 3) return (lo >>> (3 + 9 * level)) & 511;
	if (level === 3) return ((hi << 2) | (lo >>> 30)) & 511;
	return (hi >>> (9 * level - 29)) & 511;
}

/** Whether the part of an address that the skipped levels would index is not zero. */
function skipsBits(level: number, next: number, lo: number, hi: number): boolean {
	for (let skipped = next + 1; skipped < level; skipped++) if (indexAt(skipped, lo, hi) !== 0) return true;
	return false;
}
