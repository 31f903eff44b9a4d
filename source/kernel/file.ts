// preadv(2) and pwritev(2) on a file of the host's file system: the kernel copies between its page cache and the
// caller's pages, with the CPU. No device accesses those pages, so no IOMMU is involved.

import {SECTOR} from '../formats/address.js';
import type {Disk} from '../hardware/disk.js';
import type {Memory} from '../hardware/memory.js';
import type {Probe} from '../hardware/probe.js';
import {errnoOf} from '../user-error.js';
import type {Backing, Iovec, Result} from './physio.js';
import {BadAddress, type VmMap} from './vm-map.js';

/** UIO_MAXIOV: the limit of one system call on the machine that dmascope runs on. */
const IOV_MAX = 1024;

/** An open file. Its Disk must use the page cache (`direct: false`). */
export class OpenFile implements Backing {
	probe?: Probe;
	readonly geom = false;
	readonly sectorSize = SECTOR;
	private readonly disk: Disk;
	private readonly memory: Memory;

	/** `canDelete`: the file system takes fspacectl(SPACECTL_DEALLOC), as ZFS does, and bhyve makes use of it (D28880). */
	constructor(
		disk: Disk,
		memory: Memory,
		readonly canDelete = false,
	) {
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
		const bytes = iovec.reduce((sum, part) => sum + part.bytes, 0);
		const result = this.check(offset, bytes, write) ?? this.move(map, iovec, offset, write);
		const name = write ? 'pwritev' : 'preadv';
		if (result.bytes > 0) this.probe?.({at: 'file', bytes: result.bytes});
		this.probe?.({at: 'syscall', name, offset, bytes, result: result.bytes, error: result.errno});
		return result;
	}

	/** fsync(2). bhyve drops CAP_FSYNC on a file that it opens read-only. */
	flush(): string | undefined {
		const error = this.disk.writable ? this.try(() => this.disk.flush()) : 'ENOTCAPABLE';
		this.probe?.({at: 'syscall', name: 'fsync', offset: 0, bytes: 0, result: 0, error});
		return error;
	}

	/** fspacectl(2), which stops at the end of the file. */
	delete(offset: number, bytes: number): string | undefined {
		const length = Math.min(bytes, Math.max(0, this.mediaBytes - offset));
		const error = offset < 0 || bytes <= 0 ? 'EINVAL' : this.try(() => this.disk.trim(offset, length));
		const result = error === undefined ? length : 0;
		this.probe?.({at: 'syscall', name: 'fspacectl', offset, bytes, result, error});
		return error;
	}

	/** A write past its end would grow a file. This file is someone's disk image, so the file system acts as if full. */
	private check(offset: number, bytes: number, write: boolean): Result | undefined {
		if (offset < 0) return {bytes: 0, errno: 'EINVAL'};
		if (!write) return offset >= this.mediaBytes ? {bytes: 0} : undefined;
		return offset + bytes > this.mediaBytes ? {bytes: 0, errno: 'ENOSPC'} : undefined;
	}

	/** Moves the bytes before the first address that the caller does not have, and then fails with EFAULT. */
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

	/** The memory of an iovec, at most `limit` bytes. */
	private views(
		map: VmMap,
		iovec: readonly Iovec[],
		limit: number,
		write: boolean,
	): {views: Uint8Array[]; fault: boolean} {
		const views: Uint8Array[] = [];
		for (const {pointer, bytes} of iovec) {
			const wanted = Math.min(bytes, limit);
			try {
				for (const {hpa, bytes: length} of map.runs(pointer, wanted))
					views.push(write ? this.memory.view(hpa, length) : this.memory.writable(hpa, length));
			} catch (error) {
				if (error instanceof BadAddress) return {views, fault: true};
				throw error;
			}
			limit -= wanted;
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
