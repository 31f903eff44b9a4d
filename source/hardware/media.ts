// Moves bytes between a disk and the memory of a controller's command, with one preadv or pwritev per contiguous part.

import {PAGE_SIZE} from '../formats/address.js';
import type {Disk} from './disk.js';
import {pageAligned} from './memory.js';

export const HOST_BUS_ERROR = 'host bus error: the memory to write from cannot be read';

export class Media {
	/** Bytes whose memory the IOMMU refused. */
	dropped = 0;
	/** Whether the last transfer bypassed the page cache. */
	direct: boolean | undefined;
	/** All bytes added, and the bytes that the device counts as moved. */
	bytes = 0;
	moved = 0;
	/** The memory in order, with a part of the FIFO where it was refused. */
	private parts: Uint8Array[] = [];
	/** The device's own buffer, where the dropped bytes of a read end. Page-aligned, as O_DIRECT requires. */
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

	/** Adds the next part from DmaPort.access. */
	readonly add = (memory: Uint8Array | undefined, length: number): void => {
		this.parts.push(memory ?? this.fifo.subarray(0, length));
		this.bytes += length;
		if (memory === undefined) this.dropped += length;
	};

	/** One preadv into all parts. Like a device, it also reads the refused parts, and drops them. @throws */
	fromDisk(offset: number): void {
		const parts = this.parts;
		this.direct = this.disk.isDirect(parts, offset);
		if (parts.length > 0) this.moved = this.disk.readv(parts, offset, this.direct);
		// In what order several refused parts land in the FIFO is the system's affair: nothing may depend on it.
		if (this.dropped > 0) this.fifo.fill(0);
	}

	/**
	 * pwritev from the parts that can be read. For a page that it cannot read, a device writes anything ("data may be
	 * bogus"). Here those sectors keep their data, because the disk is real. @throws
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
