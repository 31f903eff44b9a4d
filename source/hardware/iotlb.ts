// A set-associative translation cache, tagged by domain. An entry is used until it is invalidated, whatever the
// tables say by then: that is what makes a forgotten invalidation visible.
//
// All of it is signed 32-bit integers, so that a hit costs no double: a page number is its low 32 bits and those
// above (an address of 57 bits has 45 of page number), a physical address is a slot (bits 51:32) and a low half.

import {HIGH, join64, PAGE_SIZE} from '../formats/address.js';

const SETS = 256;
const PATHS = 4;
const ENTRIES = SETS * PATHS;
const EMPTY = -1;
/** A tag, below: domain 30:15, the page number's high part 14:2, what is allowed 1:0. */
const PERMISSIONS = 3;

const tagOf = (domain: number, pageHigh: number): number => (domain << 15) | (pageHigh << 2);
const domainOf = (tag: number): number => tag >> 15;
const pageHighOf = (tag: number): number => (tag >> 2) & 0x1fff;
/** Pages that an entry of a level stands for: 1, 512, 512². */
const pagesOf = (level: number): number => 512 ** (level - 1);

/** An entry as others may look at it. */
export type Kept = {domain: number; iova: number; hpa: number; read: boolean; write: boolean};

export class Iotlb {
	/** Lookups in vain, and entries that it holds. */
	misses = 0;
	held = 0;
	/** By entry, for those who have found one: where the page lies. */
	readonly slots = new Int32Array(ENTRIES);
	readonly lows = new Int32Array(ENTRIES);
	private readonly levels = new Int32Array(ENTRIES);
	private readonly pages = new Int32Array(ENTRIES);
	private readonly tags = new Int32Array(ENTRIES).fill(EMPTY);
	/** The way that is replaced next, set by set. */
	private readonly victims = new Int32Array(SETS);

	/** The entry of a domain's page that allows all of `needed` (1 to read, 2 to write), or −1. */
	find(domain: number, pageLow: number, pageHigh: number, needed: number): number {
		const tag = tagOf(domain, pageHigh);
		const first = ((pageLow ^ domain) & (SETS - 1)) * PATHS;
		const pages = this.pages;
		const tags = this.tags;
		for (let i = first; i < first + PATHS; i++) {
			if (pages[i] !== pageLow || (tags[i] & ~PERMISSIONS) !== tag) continue;
			// Software may add a permission without an invalidation: such an access is looked up again (VT-d 6.2.3).
			return (tags[i] & needed) === needed ? i : this.miss();
		}
		return this.miss();
	}

	private miss(): number {
		this.misses++;
		return -1;
	}

	/** What is kept for an address of a domain, whatever it allows. Looking changes nothing. */
	peek(domain: number, iova: number): Kept | undefined {
		const page = Math.floor(iova / PAGE_SIZE);
		const at = this.find(domain, page | 0, Math.floor(page / HIGH), 0);
		return at < 0 ? undefined : this.kept(at);
	}

	/** All that is kept. */
	entries(): Kept[] {
		const found: Kept[] = [];
		for (let i = 0; i < ENTRIES; i++) if (this.tags[i] !== EMPTY) found.push(this.kept(i));
		return found;
	}

	private kept(at: number): Kept {
		const tag = this.tags[at];
		return {
			domain: domainOf(tag),
			iova: (pageHighOf(tag) * HIGH + (this.pages[at] >>> 0)) * PAGE_SIZE,
			hpa: join64(this.lows[at] >>> 0, this.slots[at]),
			read: (tag & 1) !== 0,
			write: (tag & 2) !== 0,
		};
	}

	/** Keeps what a walk found for one page; `level` says how large a page the table's entry maps. */
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
		const first = set * PATHS;
		let at = first;
		while (at < first + PATHS && (this.pages[at] !== pageLow || (this.tags[at] & ~PERMISSIONS) !== tag)) at++;
		if (at === first + PATHS) {
			at = first + this.victims[set];
			this.victims[set] = (this.victims[set] + 1) % PATHS;
			if (this.tags[at] === EMPTY) this.held++;
		}
		this.pages[at] = pageLow;
		this.tags[at] = tag | (permissions & PERMISSIONS);
		this.slots[at] = Math.floor(hpa / HIGH);
		this.lows[at] = hpa | 0;
		this.levels[at] = level;
	}

	invalidateAll(): void {
		this.tags.fill(EMPTY);
		this.held = 0;
	}

	invalidateDomain(domain: number): void {
		this.drop(i => domainOf(this.tags[i]) === domain);
	}

	/** Drops `count` pages of a domain, and every part of a large page that one of them lies in. */
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
			this.held--;
		}
	}
}
