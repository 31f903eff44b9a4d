// preadv(2) and pwritev(2) on a raw device: physio(9) holds the caller's pages, and a bio carries the pages, not their
// bytes, down to the disk's driver. GEOM checks the request on the way (g_io_check).

import {SECTOR} from '../formats/address.js';
import type {Probe} from '../hardware/probe.js';
import {BadAddress, type VmMap} from './vm-map.js';
import type {Run} from './vm-page.js';

export const MAXPHYS = 1024 * 1024;

export type Iovec = {pointer: number; bytes: number};
export type Bio = {write: boolean; offset: number; pages: Run[]};

/** A GEOM provider, such as ada0. */
export interface Provider {
	readonly name: string;
	readonly mediaBytes: number;
	/** Opened for writing too (a consumer's acw). */
	readonly writable: boolean;
	strategy(bio: Bio): {moved: number; error: boolean};
	/** BIO_FLUSH. @returns an errno, or undefined */
	flush(): string | undefined;
	/** BIO_DELETE. @returns an errno, or undefined */
	delete(offset: number, bytes: number): string | undefined;
}

/** A system call's result: a count, or an errno. */
export type Result = {bytes: number; errno?: string};

/** An open raw device or an open file, behind a file descriptor. */
export interface Backing {
	probe?: Probe;
	/** Whether it is a GEOM provider (DIOCGPROVIDERNAME succeeds). These take no scatter/gather. */
	readonly geom: boolean;
	readonly mediaBytes: number;
	readonly sectorSize: number;
	/** DIOCGSTRIPESIZE, or st_blksize; 0 if unknown. */
	readonly stripeSize: number;
	/** GEOM::candelete, or _PC_DEALLOC_PRESENT of a file. */
	readonly canDelete: boolean;
	/** preadv or pwritev, or the call of that name, by the process with this address space. */
	transfer(map: VmMap, iovec: readonly Iovec[], offset: number, write: boolean, name?: string): Result;
	/** @returns an errno, or undefined */
	flush(): string | undefined;
	/** @returns an errno, or undefined */
	delete(offset: number, bytes: number): string | undefined;
}

/** An open raw device. */
export class RawDevice implements Backing {
	probe?: Probe;
	readonly geom = true;
	readonly sectorSize = SECTOR;
	readonly stripeSize = 0;
	/** The lab's disks take TRIM. */
	readonly canDelete = true;

	constructor(readonly provider: Provider) {}

	get mediaBytes(): number {
		return this.provider.mediaBytes;
	}

	transfer(
		map: VmMap,
		iovec: readonly Iovec[],
		offset: number,
		write: boolean,
		name = write ? 'pwritev' : 'preadv',
	): Result {
		const result = this.physio(map, iovec, offset, write);
		this.probe?.({
			at: 'syscall',
			name,
			offset,
			bytes: iovec.reduce((sum, {bytes}) => sum + bytes, 0),
			result: result.bytes,
			error: result.errno,
		});
		return result;
	}

	/** ioctl(DIOCGFLUSH). GEOM requires write access for it (g_io_check). */
	flush(): string | undefined {
		const error = this.provider.writable ? this.provider.flush() : 'EPERM';
		this.probe?.({at: 'syscall', name: 'DIOCGFLUSH', offset: 0, bytes: 0, result: 0, error});
		return error;
	}

	/** ioctl(DIOCGDELETE). g_dev_ioctl checks the range before GEOM does. */
	delete(offset: number, bytes: number): string | undefined {
		const error = this.trim(offset, bytes);
		const result = error === undefined ? bytes : 0;
		this.probe?.({at: 'syscall', name: 'DIOCGDELETE', offset, bytes, result, error});
		return error;
	}

	private trim(offset: number, bytes: number): string | undefined {
		if (bytes <= 0) return 'EINVAL';
		const length = this.clip(offset, bytes);
		if (typeof length === 'string') return length;
		if (length === 0) return 'EIO';
		return this.provider.writable ? this.provider.delete(offset, length) : 'EPERM';
	}

	private physio(map: VmMap, iovec: readonly Iovec[], offset: number, write: boolean): Result {
		let done = 0;
		for (const {pointer, bytes} of iovec) {
			for (let at = 0; at < bytes; ) {
				const wanted = Math.min(MAXPHYS, bytes - at);
				// physio holds the pages before GEOM sees the request.
				const held = hold(map, pointer + at, wanted);
				if (held === undefined) return {bytes: done, errno: 'EFAULT'};
				const length = this.clip(offset + done, wanted);
				if (typeof length === 'string') return {bytes: done, errno: length};
				if (length === 0) return {bytes: done};
				const pages = length === wanted ? held : map.runs(pointer + at, length);
				const {moved, error} = this.provider.strategy({write, offset: offset + done, pages});
				if (error) return {bytes: done, errno: 'EIO'};
				done += moved;
				at += moved;
				if (moved < wanted) return {bytes: done};
			}
		}
		return {bytes: done};
	}

	/** g_io_check: requires whole sectors inside the media, and truncates at its end. */
	private clip(offset: number, bytes: number): number | 'EINVAL' | 'EIO' {
		if (((offset | bytes) & (SECTOR - 1)) !== 0) return 'EINVAL';
		if (offset < 0 || offset > this.provider.mediaBytes) return 'EIO';
		return Math.min(bytes, this.provider.mediaBytes - offset);
	}
}

/** vm_fault_quick_hold_pages. */
function hold(map: VmMap, pointer: number, bytes: number): Run[] | undefined {
	try {
		return map.runs(pointer, bytes);
	} catch (error) {
		if (error instanceof BadAddress) return undefined;
		throw error;
	}
}

/** Runs `work`. A driver turns any error of the disk into EIO. */
export function errnoFrom(work: () => void): string | undefined {
	try {
		work();
		return undefined;
	} catch {
		return 'EIO';
	}
}
