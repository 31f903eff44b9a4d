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
	 * Looks up [iova, iova + bytes) page by page and hands the parts to `each` in order: bytes in memory, as far as
	 * they lie together, or undefined for a page that is refused or that no memory answers for.
	 */
	access(
		iova: number,
		bytes: number,
		write: boolean,
		each: (part: Uint8Array | undefined, length: number) => void,
	): void {
		const end = iova + bytes;
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
			if (runLength > 0) each(this.memory.view(run, runLength), runLength);
			run = hpa;
			runLength = hpa >= 0 && this.memory.has(hpa, length) ? length : 0;
			if (runLength === 0) each(undefined, length);
		}
		if (runLength > 0) each(this.memory.view(run, runLength), runLength);
	}

	/** A structure in memory, where it lies in one piece; else a copy. Undefined where any page of it is refused. */
	read(iova: number, bytes: number): DataView | undefined {
		let copy: Uint8Array | undefined;
		let whole = true;
		let done = 0;
		this.access(iova, bytes, false, (part, length) => {
			if (part === undefined) whole = false;
			else if (length === bytes) copy = part;
			else {
				copy ??= new Uint8Array(bytes);
				copy.set(part, done);
			}
			done += length;
		});
		return whole && copy ? new DataView(copy.buffer, copy.byteOffset, bytes) : undefined;
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
