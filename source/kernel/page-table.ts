// Page tables with 4 KiB leaves in host memory: the part that Intel's and AMD's drivers share.

import {HIGH, hex, high32, low32, PAGE_SIZE, pageAddress} from '../formats/address.js';
import type {Memory} from '../hardware/memory.js';
import {UserError} from '../user-error.js';
import type {VmPages} from './vm-page.js';

export const OWNER = 'iommu tables';

/** An entry's bits beside the address. Low half: an entry that points to a table of a level, or maps a page. */
export type EntryBits = {table(level: number): number; page: number; high: number};
export type Tables = {root: number; levels: number};

export class PageTables {
	private readonly memory: Memory;
	private readonly pages: VmPages;
	private readonly bits: EntryBits;

	constructor(memory: Memory, pages: VmPages, bits: EntryBits) {
		this.memory = memory;
		this.pages = pages;
		this.bits = bits;
	}

	create(levels: number): Tables {
		return {root: this.pages.allocPage(OWNER), levels};
	}

	map(tables: Tables, gpa: number, hpa: number, bytes: number): void {
		this.eachLeaf(tables, gpa, bytes, (words, at, count, done) => {
			let lo = (low32(hpa + done) | this.bits.page) >>> 0;
			let hi = high32(hpa + done) | this.bits.high;
			for (let i = at; i < at + 2 * count; i += 2) {
				words[i] = lo;
				words[i + 1] = hi;
				lo += PAGE_SIZE;
				if (lo >= HIGH) {
					lo -= HIGH;
					hi++;
				}
			}
		});
	}

	unmap(tables: Tables, gpa: number, bytes: number): void {
		this.eachLeaf(tables, gpa, bytes, (words, at, count) => words.fill(0, at, at + 2 * count));
	}

	/** vtd_free_ptp, amdvi_free_ptp. */
	free({root, levels}: Tables): void {
		if (levels > 1) {
			for (let entry = root; entry < root + PAGE_SIZE; entry += 8) {
				const next = pageAddress(this.memory.u32(entry), this.memory.u32(entry + 4));
				if (next !== 0 && this.memory.has(next, PAGE_SIZE)) this.free({root: next, levels: levels - 1});
			}
		}
		this.pages.freePage(root);
	}

	/** Calls `each` for the part of every leaf table that maps [gpa, gpa + bytes), and creates missing tables. */
	private eachLeaf(
		tables: Tables,
		gpa: number,
		bytes: number,
		each: (words: Uint32Array, at: number, count: number, done: number) => void,
	): void {
		for (let done = 0; done < bytes; ) {
			const words = this.leafFor(tables, gpa + done);
			const index = ((gpa + done) / PAGE_SIZE) % 512;
			const count = Math.min(512 - index, (bytes - done) / PAGE_SIZE);
			each(words, 2 * index, count, done);
			done += count * PAGE_SIZE;
		}
	}

	private leafFor({root, levels}: Tables, gpa: number): Uint32Array {
		let table = root;
		for (let level = levels; level > 1; level--) {
			const entry = table + 8 * (Math.floor(gpa / 2 ** (12 + 9 * (level - 1))) % 512);
			if (this.memory.u32(entry) === 0 && this.memory.u32(entry + 4) === 0) {
				const next = this.pages.allocPage(OWNER);
				this.memory.setU32(entry, (low32(next) | this.bits.table(level - 1)) >>> 0);
				this.memory.setU32(entry + 4, high32(next) | this.bits.high);
			}
			table = pageAddress(this.memory.u32(entry), this.memory.u32(entry + 4));
		}
		const words = this.memory.page(table, true);
		if (words === undefined)
			throw new UserError(
				`An entry of the IOMMU's tables points to ${hex(table)}, where there is no memory: something has overwritten it, and FreeBSD would panic. Start a new machine.`,
			);
		return words;
	}
}
