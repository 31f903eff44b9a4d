// A PCI function's path to memory: the IOMMU translates each address that it puts on the bus, page by page; and the
// counters of these translations.

import {type Halves, join64, PAGE_SIZE, wordsOf} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {Memory} from './memory.js';

/** An IOMMU, as its root complex sees it. */
export interface Translator {
	/** The callers count their requests here. */
	readonly counts?: TranslationCounts;
	/** @returns the physical address, or a negative number if the access is refused */
	translate(rid: Rid, iova: number, write: boolean): number;
	/** The same for any address of 64 bits. Without it, nothing is translated. */
	translateHalves?(rid: Rid, iova: Halves, write: boolean): Halves | number;
}

/** From here on a plain number is exact only for some addresses, those of pages among them. */
const EXACT = 2 ** 53;

/** 0xFEEx_xxxx: a write of four bytes is an interrupt request (MSI). */
const INTERRUPTS = 0xfee00000;
const INTERRUPTS_END = 0xfef00000;

/** Whether a write is an interrupt request: the IOMMU's tables are not asked, and no memory is written (VT-d 3.14). */
export const isInterruptRequest = (iova: number, bytes: number, write: boolean): boolean =>
	write && bytes === 4 && iova % 4 === 0 && iova >= INTERRUPTS && iova < INTERRUPTS_END;

export class DmaPort {
	constructor(
		readonly rid: Rid,
		readonly memory: Memory,
		readonly iommu: Translator,
	) {}

	/**
	 * Translates [iova, iova + bytes) page by page and passes the parts to `each` in order: physically contiguous memory
	 * and its address, or undefined for a page that is refused or outside memory.
	 */
	access(
		iova: number,
		bytes: number,
		write: boolean,
		each: (part: Uint8Array | undefined, length: number, hpa: number) => void,
	): void {
		if (isInterruptRequest(iova, bytes, write)) {
			each(undefined, bytes, iova);
			return;
		}
		this.count(Math.ceil(((iova & (PAGE_SIZE - 1)) + bytes) / PAGE_SIZE));
		let run = 0;
		let runLength = 0;
		for (let at = iova, left = bytes; left > 0; ) {
			const length = Math.min(PAGE_SIZE - (at & (PAGE_SIZE - 1)), left);
			const hpa = at < EXACT ? this.iommu.translate(this.rid, at, write) : this.translateHigh(at, write);
			at += length;
			left -= length;
			if (runLength > 0 && hpa === run + runLength && this.memory.has(run, runLength + length)) {
				runLength += length;
				continue;
			}
			if (runLength > 0) each(this.part(run, runLength, write), runLength, run);
			run = hpa;
			runLength = hpa >= 0 && this.memory.has(hpa, length) ? length : 0;
			if (runLength === 0) each(undefined, length, hpa);
		}
		if (runLength > 0) each(this.part(run, runLength, write), runLength, run);
	}

	/** At an address beyond 2^53 that a number holds exactly. */
	private translateHigh(at: number, write: boolean): number {
		const answer = this.iommu.translateHalves?.(this.rid, wordsOf(at), write) ?? at;
		return typeof answer === 'number' ? answer : join64(answer.lo, answer.hi);
	}

	private part(hpa: number, bytes: number, write: boolean): Uint8Array {
		return write ? this.memory.writable(hpa, bytes) : this.memory.view(hpa, bytes);
	}

	/** Reads four words at a 16-aligned address. @returns false if the access is refused */
	fetch(iova: number, into: Uint32Array): boolean {
		this.count(1);
		const hpa = this.iommu.translate(this.rid, iova, false);
		if (hpa < 0 || !this.memory.has(hpa, 16)) return false;
		this.memory.words(hpa, into);
		return true;
	}

	/** Writes one word at a 4-aligned address. It is a posted write: if it is refused, nobody notices. */
	store(iova: number, value: number): void {
		if (isInterruptRequest(iova, 4, true)) return;
		this.count(1);
		const hpa = this.iommu.translate(this.rid, iova, true);
		if (hpa >= 0 && this.memory.has(hpa, 4)) this.memory.setU32(hpa, value);
	}

	private count(pages: number): void {
		if (this.iommu.counts) this.iommu.counts.requests += pages;
	}
}

export type CacheCounts = {lookups: number; hits: number; misses: number; entries: number};

/**
 * The counts of the IOTLB, of table walks, and of the cache of context entries (AMD-Vi: DTEs). They are the model's:
 * FreeBSD shows none, and VT-d's performance counters are newer than the units here.
 */
export type Counters = CacheCounts & {walks: number; contexts: CacheCounts};

/**
 * Counting each IOTLB hit would slow it down by a twelfth. So ports count their requests once per transfer, a unit counts
 * only on its slow paths, and the hits are the rest.
 */
export class TranslationCounts {
	/** Pages that functions accessed. */
	requests = 0;
	/** Requests while translation was off, and requests that the context entry alone decided. */
	untranslated = 0;
	settled = 0;
	contextMisses = 0;
	walks = 0;

	counters(iotlb: {misses: number; size: number}, contexts: {size: number}): Counters {
		const lookups = this.requests - this.untranslated;
		return {
			...cacheCounts(lookups - this.settled, iotlb.misses, iotlb.size),
			walks: this.walks,
			contexts: cacheCounts(lookups, this.contextMisses, contexts.size),
		};
	}
}

const cacheCounts = (lookups: number, misses: number, entries: number): CacheCounts => ({
	lookups,
	hits: lookups - misses,
	misses,
	entries,
});
