// Device table entries that an AMD-Vi unit has read, by requester id. Whatever was read is kept, entries without
// V or TV too, until INVALIDATE_DEVTAB_ENTRY or INVALIDATE_ALL.

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
/** An I/O page fault of this device is in the event log: with SE the next are silent. */
const FAULTED = 0x400;

export class DteCache {
	/** How many entries it holds. */
	held = 0;
	/** By requester id, where `has` says so: where its tables start, and its domain. */
	readonly slots = new Int32Array(RIDS);
	readonly lows = new Int32Array(RIDS);
	readonly domains = new Int32Array(RIDS);
	readonly #rest = new Uint16Array(RIDS);

	has(rid: Rid): boolean {
		return (this.#rest[rid] & CACHED) !== 0;
	}

	/** The levels of its tables; 0 where there is nothing to walk. */
	levels(rid: Rid): number {
		return this.#rest[rid] & MODE;
	}

	valid(rid: Rid): boolean {
		return (this.#rest[rid] & V) !== 0;
	}

	translates(rid: Rid): boolean {
		return (this.#rest[rid] & TV) !== 0;
	}

	allows(rid: Rid, write: boolean): boolean {
		return (this.#rest[rid] & (write ? WRITE : READ)) !== 0;
	}

	/** Whether an I/O page fault of this device goes unrecorded. */
	silent(rid: Rid): boolean {
		const rest = this.#rest[rid];
		return (rest & SA) !== 0 || (rest & (SE | FAULTED)) === (SE | FAULTED);
	}

	faulted(rid: Rid): void {
		this.#rest[rid] |= FAULTED;
	}

	/** All of it for those who look; undefined where nothing is kept. */
	peek(rid: Rid) {
		if (!this.has(rid)) return undefined;
		return {
			domain: this.domains[rid],
			root: join64(this.lows[rid] >>> 0, this.slots[rid]),
			levels: this.levels(rid),
			valid: this.valid(rid),
			translates: this.translates(rid),
			read: this.allows(rid, false),
			write: this.allows(rid, true),
		};
	}

	/** Keeps the entry that the walk has just read and found good. */
	fill(rid: Rid, {dteLow, dteHigh, dteFlags, domain}: AmdviWalk): void {
		if (!this.has(rid)) this.held++;
		const valid = (dteLow & amdvi.DTE_V) !== 0;
		const translates = valid && (dteLow & amdvi.DTE_TV) !== 0;
		this.slots[rid] = dteHigh & 0xfffff;
		this.lows[rid] = dteLow & ~0xfff;
		this.domains[rid] = domain;
		this.#rest[rid] =
			CACHED |
			(valid ? V : 0) |
			(translates ? TV | amdvi.level(dteLow) : 0) |
			(dteHigh & amdvi.IR ? READ : 0) |
			(dteHigh & amdvi.IW ? WRITE : 0) |
			(dteFlags & amdvi.DTE_SE ? SE : 0) |
			(dteFlags & amdvi.DTE_SA ? SA : 0);
	}

	invalidate(rid: Rid): void {
		if (this.has(rid)) this.held--;
		this.#rest[rid] = 0;
	}

	invalidateAll(): void {
		this.#rest.fill(0);
		this.held = 0;
	}
}
