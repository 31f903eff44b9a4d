// Context entries that the unit has read, by requester id. Not-present and invalid ones are never kept
// (VT-d 6.2.2.1).

import type {Rid} from '../formats/pci.js';
import type {VtdWalk} from './vtd-walk.js';

const RIDS = 65536;
const VALID = 0x80;
const FPD = 0x40;

export class ContextCache {
	/** By requester id, where `has` says so: where its tables start, and its domain. */
	readonly slots = new Int32Array(RIDS);
	readonly lows = new Int32Array(RIDS);
	readonly domains = new Int32Array(RIDS);
	/** Levels 3:0, type 5:4, FPD 6, valid 7. */
	readonly #rest = new Uint8Array(RIDS);

	has(rid: Rid): boolean {
		return (this.#rest[rid] & VALID) !== 0;
	}

	levels(rid: Rid): number {
		return this.#rest[rid] & 15;
	}

	type(rid: Rid): number {
		return (this.#rest[rid] >> 4) & 3;
	}

	faultProcessingDisabled(rid: Rid): boolean {
		return (this.#rest[rid] & FPD) !== 0;
	}

	/** Keeps the entry that the walk has just read and found good. */
	fill(rid: Rid, {slot, low, levels, domain, type, faultProcessingDisabled}: VtdWalk): void {
		this.slots[rid] = slot;
		this.lows[rid] = low;
		this.domains[rid] = domain;
		this.#rest[rid] = VALID | levels | (type << 4) | (faultProcessingDisabled ? FPD : 0);
	}

	invalidateAll(): void {
		this.#rest.fill(0);
	}

	invalidateDomain(domain: number): void {
		for (let rid = 0; rid < RIDS; rid++) if (this.domains[rid] === domain) this.#rest[rid] = 0;
	}

	/** `mask` 1 to 3 leaves out that many function bits, from the highest: 2, 2:1, 2:0 (VT-d 6.5.2.1). */
	invalidateDevice(domain: number, rid: Rid, mask: number): void {
		const ignored = [0, 4, 6, 7][mask & 3];
		for (let fn = 0; fn < 8; fn++) {
			const other = (rid & ~7) | fn;
			if ((other & ~ignored) === (rid & ~ignored) && this.domains[other] === domain) this.#rest[other] = 0;
		}
	}
}
