// What pages of memory, or blocks of a disk, held before they were first written to. The copies lie in a store of their
// own, which reuses what is given back: malloc and V8 would keep the holes of a long session.

import {PAGE_SIZE} from '../formats/address.js';

/** Pages allocated at a time: 1 MiB. */
const SLAB_PAGES = 256;

/** Room for copies of pages. */
export class PageStore {
	/** Pages in use. */
	used = 0;
	private readonly free: Uint8Array[] = [];
	private readonly most: number;

	/** Up to `most` pages stay allocated while nobody uses them. */
	constructor(most: number) {
		this.most = most;
	}

	/** A page with anything in it. */
	take(): Uint8Array {
		this.used++;
		if (this.free.length === 0) this.grow();
		return this.free.pop() ?? new Uint8Array(PAGE_SIZE);
	}

	/** Takes a page back; whoever gives it must not use it again. */
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

	/** Keeps a copy, where there is none yet. */
	keep(key: number, bytes: Uint8Array): void {
		if (this.pages.has(key)) return;
		const page = this.store.take();
		page.set(bytes);
		this.pages.set(key, page);
	}

	/** Puts a page of the store in the place of the one that is there. @returns that one */
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

	/** Takes what another log has and this one lacks. The other is empty then. */
	absorb(other: PageLog): void {
		for (const [key, page] of other.pages) {
			if (this.pages.has(key)) this.store.give(page);
			else this.pages.set(key, page);
		}
		other.pages.clear();
	}

	/** How many pages both have. */
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
