// An AMD-Vi unit's cache of device table entries, by requester ID. Every entry that was read stays, even without V or
// TV, until INVALIDATE_DEVTAB_ENTRY or INVALIDATE_ALL.

import {join64} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import type {Rid} from '../formats/pci.js';
import type {AmdviWalk} from './amdvi-walk.js';

const RIDS = 65536;
const MODE = 7;
const READ = 8;
const WRITE = 0x10;
const TV = 0x20;
const V = 0x40;
const SE = 0x80;
const SA = 0x100;
const CACHED = 0x200;
/** An I/O page fault of this device has been logged: with SE the next ones are silent. */
const FAULTED = 0x400;

/** A cached device table entry in one word: domain 31:16, and the bits above. */
export type Dte = number;

export class DteCache {
	/** The number of cached entries. */
	size = 0;
	/** By requester ID: the address of its tables. */
	readonly slots = new Int32Array(RIDS);
	readonly lows = new Int32Array(RIDS);
	private readonly entries = new Int32Array(RIDS);

	/** 0 if the entry is not cached. */
	find(rid: Rid): Dte {
		return this.entries[rid];
	}

	domain(dte: Dte): number {
		return dte >>> 16;
	}

	/** The levels of its tables; 0 if it has none. */
	levels(dte: Dte): number {
		return dte & MODE;
	}

	valid(dte: Dte): boolean {
		return (dte & V) !== 0;
	}

	translates(dte: Dte): boolean {
		return (dte & TV) !== 0;
	}

	allows(dte: Dte, write: boolean): boolean {
		return (dte & (write ? WRITE : READ)) !== 0;
	}

	/** Whether the device's I/O page faults are not logged. */
	silent(dte: Dte): boolean {
		return (dte & SA) !== 0 || (dte & (SE | FAULTED)) === (SE | FAULTED);
	}

	/** Marks the entry, unless the kernel's handler has already invalidated it. */
	markFaulted(rid: Rid): void {
		if (this.entries[rid] !== 0) this.entries[rid] |= FAULTED;
	}

	/** The cached entry, decoded for display. */
	cached(rid: Rid) {
		const dte = this.entries[rid];
		if (dte === 0) return undefined;
		return {
			domain: this.domain(dte),
			root: join64(this.lows[rid] >>> 0, this.slots[rid]),
			levels: this.levels(dte),
			valid: this.valid(dte),
			translates: this.translates(dte),
			read: this.allows(dte, false),
			write: this.allows(dte, true),
		};
	}

	/** Caches the valid entry that the walk has just read. */
	fill(rid: Rid, {dteLow, dteHigh, dteFlags, domain}: AmdviWalk): void {
		if (this.entries[rid] === 0) this.size++;
		const valid = (dteLow & amdvi.DTE_V) !== 0;
		const translates = valid && (dteLow & amdvi.DTE_TV) !== 0;
		this.slots[rid] = dteHigh & 0xfffff;
		this.lows[rid] = dteLow & ~0xfff;
		this.entries[rid] =
			(domain << 16) |
			CACHED |
			(valid ? V : 0) |
			(translates ? TV | amdvi.level(dteLow) : 0) |
			(dteHigh & amdvi.IR ? READ : 0) |
			(dteHigh & amdvi.IW ? WRITE : 0) |
			(dteFlags & amdvi.DTE_SE ? SE : 0) |
			(dteFlags & amdvi.DTE_SA ? SA : 0);
	}

	invalidate(rid: Rid): void {
		if (this.entries[rid] !== 0) this.size--;
		this.entries[rid] = 0;
	}

	invalidateAll(): void {
		this.entries.fill(0);
		this.size = 0;
	}
}
