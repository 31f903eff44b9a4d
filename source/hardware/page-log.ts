// Old contents of memory pages or disk blocks, from before their first write. The copies are in a store that reuses
// freed pages, so that a long session does not fragment the heap.

import {PAGE_SIZE} from '../formats/address.js';

/** Pages allocated at a time: 1 MiB. */
const SLAB_PAGES = 256;

/** Room for copies of pages. */
export class PageStore {
	/** Pages in use. */
	used = 0;
	private readonly free: Uint8Array[] = [];
	private readonly most: number;

	/** Up to `most` unused pages stay allocated. */
	constructor(most: number) {
		this.most = most;
	}

	/** A page with arbitrary contents. */
	take(): Uint8Array {
		this.used++;
		if (this.free.length === 0) this.grow();
		return this.free.pop() ?? new Uint8Array(PAGE_SIZE);
	}

	/** Takes a page back; the caller must not use it again. */
	give(page: Uint8Array): void {
		this.used--;
		if (this.used + this.free.length < this.most) this.free.push(page);
	}

	private grow(): void {
		const slab = new Uint8Array(SLAB_PAGES * PAGE_SIZE);
		for (let i = SLAB_PAGES - 1; i >= 0; i--)
			this.free.push(slab.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE));
	}
}

/** Copies of pages by their addresses, or of blocks by their numbers. */
export class PageLog {
	private readonly pages = new Map<number, Uint8Array>();
	private readonly store: PageStore;

	constructor(store: PageStore) {
		this.store = store;
	}

	get size(): number {
		return this.pages.size;
	}

	has(key: number): boolean {
		return this.pages.has(key);
	}

	get(key: number): Uint8Array | undefined {
		return this.pages.get(key);
	}

	keys(): Iterable<number> {
		return this.pages.keys();
	}

	entries(): Iterable<[number, Uint8Array]> {
		return this.pages.entries();
	}

	/** Keeps a copy unless there is one. */
	keep(key: number, bytes: Uint8Array): void {
		if (this.pages.has(key)) return;
		const page = this.store.take();
		page.set(bytes);
		this.pages.set(key, page);
	}

	/** Swaps in a page of the store. @returns the page it replaces */
	swap(key: number, page: Uint8Array): Uint8Array {
		const there = this.pages.get(key);
		if (there === undefined) throw new RangeError(`no page ${key} in this log`);
		this.pages.set(key, page);
		return there;
	}

	drop(key: number): void {
		const page = this.pages.get(key);
		if (page === undefined) return;
		this.pages.delete(key);
		this.store.give(page);
	}

	/** Takes from another log the pages that this one lacks, and empties the other. */
	absorb(other: PageLog): void {
		for (const [key, page] of other.pages) {
			if (this.pages.has(key)) this.store.give(page);
			else this.pages.set(key, page);
		}
		other.pages.clear();
	}

	/** The number of pages that both logs have. */
	shared(other: PageLog): number {
		let count = 0;
		for (const key of other.pages.keys()) if (this.pages.has(key)) count++;
		return count;
	}

	clear(): void {
		for (const page of this.pages.values()) this.store.give(page);
		this.pages.clear();
	}
}
