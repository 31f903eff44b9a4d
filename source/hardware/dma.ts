// A PCI function's way to memory: every address it puts on the bus is looked up by the IOMMU, page by page.

import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {Memory} from './memory.js';

/** What a root complex asks of its IOMMU. */
export interface Translator {
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
	 * Looks up [iova, iova + bytes) and hands each page's part to `each` in order: its bytes in memory, or
	 * undefined where the access is refused or no memory answers.
	 */
	access(
		iova: number,
		bytes: number,
		write: boolean,
		each: (part: Uint8Array | undefined, length: number) => void,
	): void {
		for (let at = iova; at < iova + bytes; ) {
			const length = Math.min(PAGE_SIZE - (at % PAGE_SIZE), iova + bytes - at);
			const hpa = this.iommu.translate(this.rid, at, write);
			each(hpa >= 0 && this.memory.has(hpa, length) ? this.memory.view(hpa, length) : undefined, length);
			at += length;
		}
	}

	/** Reads a structure. Undefined where any page of it is refused. */
	read(iova: number, bytes: number): DataView | undefined {
		const copy = new Uint8Array(bytes);
		let done = 0;
		let whole = true;
		this.access(iova, bytes, false, (part, length) => {
			if (part === undefined) whole = false;
			else copy.set(part, done);
			done += length;
		});
		return whole ? new DataView(copy.buffer) : undefined;
	}

	/** Writes bytes. Pages that are refused are dropped, as posted writes are. @returns the bytes that landed. */
	write(iova: number, bytes: Uint8Array): number {
		let done = 0;
		let landed = 0;
		this.access(iova, bytes.length, true, (part, length) => {
			part?.set(bytes.subarray(done, done + length));
			if (part !== undefined) landed += length;
			done += length;
		});
		return landed;
	}
}
