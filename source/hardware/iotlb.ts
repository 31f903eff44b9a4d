// A set-associative translation cache, tagged by domain. Entries stay in use until they are invalidated, even after the
// tables have changed: that makes a missing invalidation visible.
//
// Everything is signed 32-bit integers, because doubles would slow down a hit: a page number is its low 32 bits and the
// rest (a 57-bit address has a 45-bit page number); a physical address is a slot (bits 51:32) and a low half.

import {HIGH, join64, PAGE_SIZE} from '../formats/address.js';

const SETS = 256;
const WAYS = 4;
const ENTRIES = SETS * WAYS;
const EMPTY = -1;
/** A tag: domain 30:15, the page number's high part 14:2, permissions 1:0. */
const PERMISSIONS = 3;

const tagOf = (domain: number, pageHigh: number): number => (domain << 15) | (pageHigh << 2);
const domainOf = (tag: number): number => tag >> 15;
const pageHighOf = (tag: number): number => (tag >> 2) & 0x1fff;
/** The pages that an entry of a level maps: 1, 512, 512². */
const pagesOf = (level: number): number => 512 ** (level - 1);

/** An entry, decoded for display. */
export type CachedPage = {domain: number; iova: number; hpa: number; read: boolean; write: boolean};

export class Iotlb {
	misses = 0;
	/** The number of cached pages. */
	size = 0;
	/** By entry: the page's physical address. */
	readonly slots = new Int32Array(ENTRIES);
	readonly lows = new Int32Array(ENTRIES);
	private readonly levels = new Int32Array(ENTRIES);
	private readonly pages = new Int32Array(ENTRIES);
	private readonly tags = new Int32Array(ENTRIES).fill(EMPTY);
	/** The way of each set to replace next. */
	private readonly victims = new Int32Array(SETS);

	/** Finds the entry of a domain's page that has all `needed` permissions (1 read, 2 write). @returns −1 if none does */
	find(domain: number, pageLow: number, pageHigh: number, needed: number): number {
		const tag = tagOf(domain, pageHigh);
		const first = ((pageLow ^ domain) & (SETS - 1)) * WAYS;
		const pages = this.pages;
		const tags = this.tags;
		for (let i = first; i < first + WAYS; i++) {
			if (pages[i] !== pageLow || (tags[i] & ~PERMISSIONS) !== tag) continue;
			// Software may add a permission without an invalidation, so the tables decide (VT-d 6.2.3).
			return (tags[i] & needed) === needed ? i : this.miss();
		}
		return this.miss();
	}

	private miss(): number {
		this.misses++;
		return -1;
	}

	/** The entry of a domain's address, whatever its permissions. This is not a lookup: it counts no miss. */
	cached(domain: number, iova: number): CachedPage | undefined {
		const {misses} = this;
		const page = Math.floor(iova / PAGE_SIZE);
		const at = this.find(domain, page | 0, Math.floor(page / HIGH), 0);
		this.misses = misses;
		return at < 0 ? undefined : this.decoded(at);
	}

	entries(): CachedPage[] {
		const found: CachedPage[] = [];
		for (let i = 0; i < ENTRIES; i++) if (this.tags[i] !== EMPTY) found.push(this.decoded(i));
		return found;
	}

	private decoded(at: number): CachedPage {
		const tag = this.tags[at];
		return {
			domain: domainOf(tag),
			iova: (pageHighOf(tag) * HIGH + (this.pages[at] >>> 0)) * PAGE_SIZE,
			hpa: join64(this.lows[at] >>> 0, this.slots[at]),
			read: (tag & 1) !== 0,
			write: (tag & 2) !== 0,
		};
	}

	/** Caches the result of a walk for one 4 KiB page; `level` is the level of the leaf that maps it. */
	fill(
		domain: number,
		pageLow: number,
		pageHigh: number,
		hpa: number,
		permissions: number,
		level: number,
	): void {
		const tag = tagOf(domain, pageHigh);
		const set = (pageLow ^ domain) & (SETS - 1);
		const first = set * WAYS;
		let at = first;
		while (at < first + WAYS && (this.pages[at] !== pageLow || (this.tags[at] & ~PERMISSIONS) !== tag)) at++;
		if (at === first + WAYS) {
			at = first + this.victims[set];
			this.victims[set] = (this.victims[set] + 1) % WAYS;
			if (this.tags[at] === EMPTY) this.size++;
		}
		this.pages[at] = pageLow;
		this.tags[at] = tag | (permissions & PERMISSIONS);
		this.slots[at] = Math.floor(hpa / HIGH);
		this.lows[at] = hpa | 0;
		this.levels[at] = level;
	}

	invalidateAll(): void {
		this.tags.fill(EMPTY);
		this.size = 0;
	}

	invalidateDomain(domain: number): void {
		this.drop(i => domainOf(this.tags[i]) === domain);
	}

	/** Drops `count` pages of a domain, and all cached pages of any large page that contains one of them. */
	invalidatePages(domain: number, page: number, count: number): void {
		this.drop(i => {
			if (domainOf(this.tags[i]) !== domain) return false;
			const own = pageHighOf(this.tags[i]) * HIGH + (this.pages[i] >>> 0);
			const size = pagesOf(this.levels[i]);
			const start = Math.floor(own / size) * size;
			return start < page + count && start + size > page;
		});
	}

	private drop(which: (entry: number) => boolean): void {
		for (let i = 0; i < ENTRIES; i++) {
			if (this.tags[i] === EMPTY || !which(i)) continue;
			this.tags[i] = EMPTY;
			this.size--;
		}
	}
}
