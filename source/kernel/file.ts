// preadv(2) and pwritev(2) on a file of the host's file system: the kernel copies between its page cache and
// the caller's pages, with the CPU. No device sees those pages, so no IOMMU is asked.

import {SECTOR} from '../formats/address.js';
import type {Disk} from '../hardware/disk.js';
import type {Memory} from '../hardware/memory.js';
import type {Probe} from '../hardware/probe.js';
import {errnoOf} from '../user-error.js';
import type {Backing, Iovec, Result} from './physio.js';
import {BadAddress, type VmMap} from './vm-map.js';

/** UIO_MAXIOV: what one call of the system that this runs on takes. */
const IOV_MAX = 1024;

/** An open file. Its Disk must be one that keeps the page cache in between (`direct: false`). */
export class OpenFile implements Backing {
	probe?: Probe;
	readonly geom = false;
	readonly sectorSize = SECTOR;
	readonly canDelete = false;
	private readonly disk: Disk;
	private readonly memory: Memory;

	constructor(disk: Disk, memory: Memory) {
		this.disk = disk;
		this.memory = memory;
	}

	get mediaBytes(): number {
		return this.disk.bytes;
	}

	get stripeSize(): number {
		return this.disk.blockSize;
	}

	transfer(map: VmMap, iovec: readonly Iovec[], offset: number, write: boolean): Result {
		const asked = iovec.reduce((sum, {bytes}) => sum + bytes, 0);
		const result = this.check(offset, asked, write) ?? this.move(map, iovec, offset, write);
		const name = write ? 'pwritev' : 'preadv';
		if (result.bytes > 0) this.probe?.({at: 'file', bytes: result.bytes});
		this.probe?.({at: 'syscall', name, offset, bytes: asked, result: result.bytes, error: result.errno});
		return result;
	}

	/** fsync(2). bhyve gives up CAP_FSYNC on a file that it opens read-only. */
	flush(): string | undefined {
		const error = this.disk.writable ? this.try(() => this.disk.flush()) : 'ENOTCAPABLE';
		this.probe?.({at: 'syscall', name: 'fsync', offset: 0, bytes: 0, result: 0, error});
		return error;
	}

	/** block_if deletes on character devices alone. */
	delete(): string {
		return 'EOPNOTSUPP';
	}

	/** A file would grow by a write past its end. Here it is somebody's disk image: it is as if no block were free. */
	private check(offset: number, bytes: number, write: boolean): Result | undefined {
		if (offset < 0) return {bytes: 0, errno: 'EINVAL'};
		if (!write) return offset >= this.mediaBytes ? {bytes: 0} : undefined;
		return offset + bytes > this.mediaBytes ? {bytes: 0, errno: 'ENOSPC'} : undefined;
	}

	/** Moves what can be moved up to an address that is not the caller's; then that is the answer. */
	private move(map: VmMap, iovec: readonly Iovec[], offset: number, write: boolean): Result {
		const {views, fault} = this.views(map, iovec, this.mediaBytes - offset, write);
		let done = 0;
		const errno = this.try(() => {
			for (let i = 0; i < views.length; i += IOV_MAX) {
				const some = views.slice(i, i + IOV_MAX);
				const wanted = some.reduce((sum, {length}) => sum + length, 0);
				const moved = write ? this.disk.writev(some, offset + done) : this.disk.readv(some, offset + done);
				done += moved;
				if (moved < wanted) return;
			}
		});
		return errno === undefined && !fault ? {bytes: done} : {bytes: done, errno: errno ?? 'EFAULT'};
	}

	/** The memory behind an iovec, at most `most` bytes of it. */
	private views(
		map: VmMap,
		iovec: readonly Iovec[],
		most: number,
		write: boolean,
	): {views: Uint8Array[]; fault: boolean} {
		const views: Uint8Array[] = [];
		for (const {pointer, bytes} of iovec) {
			const wanted = Math.min(bytes, most);
			try {
				for (const {hpa, bytes: length} of map.runs(pointer, wanted))
					views.push(write ? this.memory.view(hpa, length) : this.memory.writable(hpa, length));
			} catch (error) {
				if (error instanceof BadAddress) return {views, fault: true};
				throw error;
			}
			most -= wanted;
		}
		return {views, fault: false};
	}

	private try(work: () => void): string | undefined {
		try {
			work();
			return undefined;
		} catch (error) {
			return errnoOf(error) ?? 'EIO';
		}
	}
}
