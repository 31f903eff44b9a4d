// Moves bytes between a disk and the memory that a controller was given: one preadv or pwritev for what lies together.

import {PAGE_SIZE} from '../formats/address.js';
import type {Disk} from './disk.js';
import {pageAligned} from './memory.js';

export class Media {
	/** Bytes whose memory the IOMMU refused, and whether the last move went past the page cache. */
	dropped = 0;
	direct: boolean | undefined;
	/** All bytes that were added, and how many of them the device took for moved. */
	bytes = 0;
	moved = 0;
	/** The parts of memory in order; for one that was refused, a part of the FIFO. */
	private parts: Uint8Array[] = [];
	/** Where dropped bytes of a read end: inside the device. Page-aligned, as O_DIRECT asks. */
	private readonly fifo = pageAligned(PAGE_SIZE);
	private readonly disk: Disk;

	constructor(disk: Disk) {
		this.disk = disk;
	}

	begin(): void {
		this.dropped = 0;
		this.bytes = 0;
		this.moved = 0;
		this.direct = undefined;
		this.parts = [];
	}

	/** The next part, as DmaPort.access finds it. */
	readonly add = (memory: Uint8Array | undefined, length: number): void => {
		this.parts.push(memory ?? this.fifo.subarray(0, length));
		this.bytes += length;
		if (memory === undefined) this.dropped += length;
	};

	/** One preadv into the parts. What the IOMMU refused is read too, as the device does, and goes nowhere. @throws */
	fromDisk(offset: number): void {
		const parts = this.parts;
		this.direct = this.disk.isDirect(parts, offset);
		if (parts.length > 0) this.moved = this.disk.readv(parts, offset, this.direct);
	}

	/**
	 * pwritev from the parts that could be read. What a device writes for a page it could not read is its own affair
	 * ("data may be bogus"); here those sectors are left as they were, so that no disk is harmed. @throws
	 */
	toDisk(offset: number): void {
		const parts = this.parts;
		for (let i = 0; i < parts.length; ) {
			const run: Uint8Array[] = [];
			let length = 0;
			for (; i < parts.length && !this.refused(parts[i]); i++) {
				run.push(parts[i]);
				length += parts[i].length;
			}
			if (run.length > 0) {
				this.direct = this.disk.isDirect(run, offset);
				this.moved += this.disk.writev(run, offset, this.direct);
			}
			offset += length;
			for (; i < parts.length && this.refused(parts[i]); i++) {
				offset += parts[i].length;
				this.moved += parts[i].length;
			}
		}
	}

	private refused(part: Uint8Array): boolean {
		return part.buffer === this.fifo.buffer;
	}
}
