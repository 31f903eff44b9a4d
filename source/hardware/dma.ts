// A PCI function's way to memory: every address it puts on the bus is looked up by the IOMMU, page by page.

import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {TranslationCounts} from './counters.js';
import type {Memory} from './memory.js';

/** What a root complex asks of its IOMMU. */
export interface Translator {
	/** Where those who ask say how much. */
	readonly counts?: TranslationCounts;
	/** @returns the physical address of an access, or a negative number where it is refused. */
	translate(rid: Rid, iova: number, write: boolean): number;
}

export class DmaPort {
	constructor(
		readonly rid: Rid,
		readonly memory: Memory,
		readonly iommu: Translator,
	) {}

	/**
	 * Looks up [iova, iova + bytes) page by page and hands the parts to `each` in order: bytes in memory, as far as
	 * they lie together and from which physical address, or undefined for a page that is refused or that no memory
	 * answers for.
	 */
	access(
		iova: number,
		bytes: number,
		write: boolean,
		each: (part: Uint8Array | undefined, length: number, hpa: number) => void,
	): void {
		const end = iova + bytes;
		this.asks(Math.ceil(((iova & (PAGE_SIZE - 1)) + bytes) / PAGE_SIZE));
		let run = 0;
		let runLength = 0;
		for (let at = iova; at < end; ) {
			const length = Math.min(PAGE_SIZE - (at & (PAGE_SIZE - 1)), end - at);
			const hpa = this.iommu.translate(this.rid, at, write);
			at += length;
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

	private part(hpa: number, bytes: number, write: boolean): Uint8Array {
		return write ? this.memory.writable(hpa, bytes) : this.memory.view(hpa, bytes);
	}

	/** Copies four words from a 16-aligned address, which lie in one page. False where the access is refused. */
	fetch(iova: number, into: Uint32Array): boolean {
		this.asks(1);
		const hpa = this.iommu.translate(this.rid, iova, false);
		if (hpa < 0 || !this.memory.has(hpa, 16)) return false;
		this.memory.words(hpa, into);
		return true;
	}

	/** Writes one word to a 4-aligned address. Where that is refused it is dropped, as posted writes are. */
	store(iova: number, value: number): void {
		this.asks(1);
		const hpa = this.iommu.translate(this.rid, iova, true);
		if (hpa >= 0 && this.memory.has(hpa, 4)) this.memory.setU32(hpa, value);
	}

	private asks(pages: number): void {
		if (this.iommu.counts) this.iommu.counts.requests += pages;
	}
}
