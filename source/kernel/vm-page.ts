// The owner of each page of physical memory. The host has been running for a while, so its free memory is fragmented and
// a guest gets its pages in scattered runs.

import {PAGE_SIZE} from '../formats/address.js';
import type {Memory} from '../hardware/memory.js';
import {UserError} from '../user-error.js';

/** Physically contiguous pages of one owner. */
export type Owned = {hpa: number; pages: number; owner: string};
export type Run = {hpa: number; bytes: number};

export const FREE = 'free';
export const KERNEL = 'kernel';
/** The approximate number of blocks in memory. A guest with a quarter of it gets about 32 runs. */
const BLOCKS = 128;

export class VmPages {
	private readonly memory: Memory;
	private readonly random: () => number;
	/** All of memory, in order of address. */
	private readonly blocks: Owned[] = [];
	/** Single pages reserved for tables and not in use. */
	private readonly spare: number[] = [];
	private readonly chunk: number;
	/** Increases whenever a page changes its owner. */
	version = 0;

	constructor(memory: Memory, random: () => number) {
		this.memory = memory;
		this.random = random;
		const total = memory.bytes / PAGE_SIZE;
		this.chunk = Math.max(64, Math.floor(total / 1024));
		for (const {base, bytes} of memory.segments) this.cut(base, bytes / PAGE_SIZE, total);
	}

	/** Allocates pages in scattered runs. @throws UserError if not enough are free */
	alloc(pages: number, owner: string): Run[] {
		const free = this.blocks.reduce((sum, block) => sum + (block.owner === FREE ? block.pages : 0), 0);
		if (free < pages) {
			throw new UserError(
				`${owner} needs ${pages} pages, but the host has only ${free} free; give it more with --host-memory.`,
			);
		}
		const runs: Run[] = [];
		for (let left = pages; left > 0; ) {
			const run = this.take(left, owner);
			runs.push({hpa: run.hpa, bytes: run.pages * PAGE_SIZE});
			left -= run.pages;
		}
		return runs;
	}

	/** Physically contiguous, zeroed pages that a device accesses, as from contigmalloc(9). */
	allocContiguous(pages: number, owner: string): number {
		const enough = this.blocks.some(block => block.owner === FREE && block.pages >= pages);
		if (!enough) this.joinFree(pages);
		const {hpa} = this.take(pages, owner, pages);
		this.memory.writable(hpa, pages * PAGE_SIZE).fill(0);
		return hpa;
	}

	/** One zeroed page for a page table, as from malloc(9). */
	allocPage(owner: string): number {
		if (this.spare.length === 0) {
			const {hpa, pages} = this.take(this.chunk, owner);
			for (let i = pages - 1; i >= 0; i--) this.spare.push(hpa + i * PAGE_SIZE);
		}
		const page = this.spare.pop() ?? 0;
		this.memory.writable(page, PAGE_SIZE).fill(0);
		return page;
	}

	freePage(hpa: number): void {
		this.spare.push(hpa);
	}

	/** Memory that is an owner's from the beginning, beyond all other memory. */
	adopt({hpa, bytes}: Run, owner: string): void {
		this.version++;
		this.blocks.push({hpa, pages: bytes / PAGE_SIZE, owner});
	}

	/** Frees and clears all pages of `owner`. */
	free(owner: string): void {
		this.version++;
		const joined: Owned[] = [];
		for (const block of this.blocks) {
			if (block.owner === owner) {
				this.memory.clear(block.hpa, block.pages * PAGE_SIZE);
				block.owner = FREE;
			}
			const last = joined[joined.length - 1];
			const joins = last?.owner === FREE && block.owner === FREE && endOf(last) === block.hpa;
			if (joins) last.pages += block.pages;
			else joined.push(block);
		}
		this.blocks.splice(0, this.blocks.length, ...joined);
	}

	ownerOf(hpa: number): string {
		return this.blocks.find(block => hpa >= block.hpa && hpa < endOf(block))?.owner ?? 'no memory';
	}

	/** All of memory by owner, with adjacent blocks of one owner joined. */
	owned(): Owned[] {
		const joined: Owned[] = [];
		for (const block of this.blocks) {
			const last = joined[joined.length - 1];
			if (last?.owner === block.owner && endOf(last) === block.hpa) last.pages += block.pages;
			else joined.push({...block});
		}
		return joined;
	}

	/** Joins the first adjacent free blocks that have enough pages together. */
	private joinFree(pages: number): void {
		let first = 0;
		let sum = 0;
		for (const [i, block] of this.blocks.entries()) {
			if (sum === 0 || block.hpa !== this.blocks[first].hpa + sum * PAGE_SIZE) {
				first = i;
				sum = 0;
			}
			sum = block.owner === FREE ? sum + block.pages : 0;
			if (sum >= pages) {
				const {hpa} = this.blocks[first];
				this.blocks.splice(first, i - first + 1, {hpa, pages: sum, owner: FREE});
				return;
			}
		}
	}

	/** Takes up to `pages`, and at least `least`, from a random free block. */
	private take(pages: number, owner: string, least = 1): Owned {
		const free = this.blocks.filter(block => block.owner === FREE && block.pages >= least);
		const block = free[Math.floor(this.random() * free.length)];
		if (block === undefined)
			throw new UserError(`The host has no free page for ${owner}; give it more with --host-memory.`);
		this.version++;
		const taken = {hpa: block.hpa, pages: Math.min(pages, block.pages), owner};
		const rest = block.pages - taken.pages;
		const parts =
			rest > 0 ? [taken, {hpa: block.hpa + taken.pages * PAGE_SIZE, pages: rest, owner: FREE}] : [taken];
		this.blocks.splice(this.blocks.indexOf(block), 1, ...parts);
		return taken;
	}

	private cut(base: number, pages: number, total: number): void {
		const kernel = base === 0 ? Math.min(pages, Math.floor(total / 16)) : 0;
		if (kernel > 0) this.blocks.push({hpa: 0, pages: kernel, owner: KERNEL});
		const mean = Math.max(16, total / BLOCKS);
		for (let at = kernel; at < pages; ) {
			const size = Math.min(
				pages - at,
				Math.max(16, Math.round((mean * (0.25 + 1.5 * this.random())) / 16) * 16),
			);
			const owner = this.random() < 0.1 ? KERNEL : FREE;
			this.blocks.push({hpa: base + at * PAGE_SIZE, pages: size, owner});
			at += size;
		}
	}
}

const endOf = ({hpa, pages}: Owned): number => hpa + pages * PAGE_SIZE;
