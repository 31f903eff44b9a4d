// A set-associative translation cache, tagged by domain. An entry is used until it is invalidated, whatever the
// tables say by then: that is what makes a forgotten invalidation visible.

import {PAGE_SIZE} from '../formats/address.js';

const SETS = 256;
const WAYS = 4;
const ENTRIES = SETS * WAYS;
const EMPTY = -1;

/** Pages that an entry of a level stands for: 1, 512, 512². */
const pagesOf = (level: number): number => 512 ** (level - 1);

export class Iotlb {
	hits = 0;
	misses = 0;
	/** Of the entry last hit. */
	hpa = 0;
	permissions = 0;
	readonly #pages = new Float64Array(ENTRIES).fill(EMPTY);
	readonly #domains = new Uint32Array(ENTRIES);
	readonly #frames = new Float64Array(ENTRIES);
	readonly #permissions = new Uint8Array(ENTRIES);
	readonly #levels = new Uint8Array(ENTRIES);
	/** The way that is replaced next, set by set. */
	readonly #victims = new Uint8Array(SETS);

	/** Whether a page of a domain is cached with all of `needed`; then `hpa` is that of its first byte. */
	lookup(domain: number, page: number, needed: number): boolean {
		const set = (page ^ domain) & (SETS - 1);
		for (let i = set * WAYS; i < set * WAYS + WAYS; i++) {
			if (this.#pages[i] !== page || this.#domains[i] !== domain) continue;
			// Software may add a permission without an invalidation: such an access is looked up again (VT-d 6.2.3).
			if ((this.#permissions[i] & needed) !== needed) break;
			this.hits++;
			this.hpa = this.#frames[i] * PAGE_SIZE;
			this.permissions = this.#permissions[i];
			return true;
		}
		this.misses++;
		return false;
	}

	/** Keeps what a walk found for one page; `level` says how large a page the table's entry maps. */
	fill(domain: number, page: number, frame: number, permissions: number, level: number): void {
		const set = (page ^ domain) & (SETS - 1);
		const first = set * WAYS;
		let at = first;
		while (at < first + WAYS && !(this.#pages[at] === page && this.#domains[at] === domain)) at++;
		if (at === first + WAYS) {
			at = first + this.#victims[set];
			this.#victims[set] = (this.#victims[set] + 1) % WAYS;
		}
		this.#pages[at] = page;
		this.#domains[at] = domain;
		this.#frames[at] = frame;
		this.#permissions[at] = permissions;
		this.#levels[at] = level;
	}

	invalidateAll(): void {
		this.#pages.fill(EMPTY);
	}

	invalidateDomain(domain: number): void {
		for (let i = 0; i < ENTRIES; i++) if (this.#domains[i] === domain) this.#pages[i] = EMPTY;
	}

	/** Drops `count` pages of a domain, and every part of a large page that one of them lies in. */
	invalidatePages(domain: number, page: number, count: number): void {
		for (let i = 0; i < ENTRIES; i++) {
			if (this.#pages[i] === EMPTY || this.#domains[i] !== domain) continue;
			const size = pagesOf(this.#levels[i]);
			const start = Math.floor(this.#pages[i] / size) * size;
			if (start < page + count && start + size > page) this.#pages[i] = EMPTY;
		}
	}

	/** What is cached for a page, if anything: for those who look, without counting as a hit. */
	peek(domain: number, page: number): {hpa: number; permissions: number} | undefined {
		for (let i = 0; i < ENTRIES; i++) {
			if (this.#pages[i] === page && this.#domains[i] === domain) {
				return {hpa: this.#frames[i] * PAGE_SIZE, permissions: this.#permissions[i]};
			}
		}
		return undefined;
	}
}
