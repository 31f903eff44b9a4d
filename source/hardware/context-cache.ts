// A VT-d unit's context cache, by requester ID. Entries that are not present or invalid are not cached (VT-d 6.2.2.1).

import {join64} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {VtdWalk} from './vtd-walk.js';

const RIDS = 65536;
const VALID = 0x80;
const FPD = 0x40;

/** A cached context entry in one word: domain 31:16, valid 7, FPD 6, type 5:4, levels 3:0. */
export type Context = number;

export class ContextCache {
	/** The number of cached entries. */
	size = 0;
	/** By requester ID: the address of its tables. */
	readonly slots = new Int32Array(RIDS);
	readonly lows = new Int32Array(RIDS);
	private readonly contexts = new Int32Array(RIDS);

	/** 0 if the entry is not cached. */
	find(rid: Rid): Context {
		return this.contexts[rid];
	}

	domain(context: Context): number {
		return context >>> 16;
	}

	type(context: Context): number {
		return (context >> 4) & 3;
	}

	levels(context: Context): number {
		return context & 15;
	}

	faultProcessingDisabled(context: Context): boolean {
		return (context & FPD) !== 0;
	}

	/** The cached entry, decoded for display. */
	cached(rid: Rid) {
		const context = this.contexts[rid];
		if (context === 0) return undefined;
		return {
			domain: this.domain(context),
			root: join64(this.lows[rid] >>> 0, this.slots[rid]),
			levels: this.levels(context),
			passesThrough: this.type(context) === 2,
		};
	}

	/** Caches the valid entry that the walk has just read. */
	fill(rid: Rid, {slot, low, levels, domain, type, faultProcessingDisabled}: VtdWalk): void {
		this.slots[rid] = slot;
		this.lows[rid] = low;
		const fpd = faultProcessingDisabled ? FPD : 0;
		if (this.contexts[rid] === 0) this.size++;
		this.contexts[rid] = (domain << 16) | VALID | fpd | (type << 4) | levels;
	}

	invalidateAll(): void {
		this.contexts.fill(0);
		this.size = 0;
	}

	invalidateDomain(domain: number): void {
		for (let rid = 0; rid < RIDS; rid++) this.drop(rid, domain);
	}

	/** `mask` 1, 2, 3 ignores function bits 2, 2:1, 2:0 (VT-d 6.5.2.1). */
	invalidateDevice(domain: number, rid: Rid, mask: number): void {
		const ignored = [0, 4, 6, 7][mask & 3];
		for (let fn = 0; fn < 8; fn++) {
			const other = (rid & ~7) | fn;
			if ((other & ~ignored) === (rid & ~ignored)) this.drop(other, domain);
		}
	}

	private drop(rid: Rid, domain: number): void {
		if (this.contexts[rid] === 0 || this.domain(this.contexts[rid]) !== domain) return;
		this.contexts[rid] = 0;
		this.size--;
	}
}
