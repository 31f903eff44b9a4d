// Context entries that the unit has read, by requester id. Not-present and invalid ones are never kept
// (VT-d 6.2.2.1).

import type {Rid} from '../formats/pci.js';
import type {VtdWalk} from './vtd-walk.js';

const RIDS = 65536;

export class ContextCache {
	/** Of the entry last hit. */
	slot = 0;
	low = 0;
	levels = 0;
	domain = 0;
	type = 0;
	faultProcessingDisabled = false;
	readonly #valid = new Uint8Array(RIDS);
	readonly #slots = new Float64Array(RIDS);
	readonly #lows = new Uint32Array(RIDS);
	readonly #domains = new Uint16Array(RIDS);
	/** Levels 3:0, type 5:4, FPD 6. */
	readonly #rest = new Uint8Array(RIDS);

	lookup(rid: Rid): boolean {
		if (this.#valid[rid] === 0) return false;
		const rest = this.#rest[rid];
		this.slot = this.#slots[rid];
		this.low = this.#lows[rid];
		this.domain = this.#domains[rid];
		this.levels = rest & 15;
		this.type = (rest >> 4) & 3;
		this.faultProcessingDisabled = (rest & 0x40) !== 0;
		return true;
	}

	/** Keeps the entry that the walk has just read and found good. */
	fill(rid: Rid, {slot, low, levels, domain, type, faultProcessingDisabled}: VtdWalk): void {
		this.#valid[rid] = 1;
		this.#slots[rid] = slot;
		this.#lows[rid] = low;
		this.#domains[rid] = domain;
		this.#rest[rid] = levels | (type << 4) | (faultProcessingDisabled ? 0x40 : 0);
	}

	invalidateAll(): void {
		this.#valid.fill(0);
	}

	invalidateDomain(domain: number): void {
		for (let rid = 0; rid < RIDS; rid++) if (this.#domains[rid] === domain) this.#valid[rid] = 0;
	}

	/** `mask` 1 to 3 leaves out that many function bits, from the highest: 2, 2:1, 2:0 (VT-d 6.5.2.1). */
	invalidateDevice(domain: number, rid: Rid, mask: number): void {
		const ignored = [0, 4, 6, 7][mask & 3];
		for (let fn = 0; fn < 8; fn++) {
			const other = (rid & ~7) | fn;
			if ((other & ~ignored) === (rid & ~ignored) && this.#domains[other] === domain) this.#valid[other] = 0;
		}
	}
}
