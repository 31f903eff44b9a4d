// preadv(2) and pwritev(2) on a raw device: physio(9) holds the caller's pages, and a bio carries them, not
// their bytes, down to the disk's driver. GEOM checks the request on the way (g_io_check).

import {SECTOR} from '../formats/address.js';
import type {Probe} from '../hardware/probe.js';
import {BadAddress, type VmMap} from './vm-map.js';
import type {Run} from './vm-page.js';

export const MAXPHYS = 1024 * 1024;

export type Iovec = {pointer: number; bytes: number};
export type Bio = {write: boolean; offset: number; pages: Run[]};

/** A disk that GEOM offers, such as ada0. Those that carry no data answer with an errno, or nothing. */
export interface Provider {
	readonly name: string;
	readonly mediaBytes: number;
	/** Opened for writing too (a consumer's acw). */
	readonly writable: boolean;
	strategy(bio: Bio): {moved: number; error: boolean};
	/** BIO_FLUSH and BIO_DELETE. */
	flush(): string | undefined;
	delete(offset: number, bytes: number): string | undefined;
}

/** What a system call answers: a count, or an errno. */
export type Result = {bytes: number; errno?: string};

/** What a file descriptor of the process stands for: an open raw device, or an open file. */
export interface Backing {
	probe?: Probe;
	/** Whether GEOM offers it (DIOCGPROVIDERNAME answers): such a device takes no scatter/gather. */
	readonly geom: boolean;
	readonly mediaBytes: number;
	readonly sectorSize: number;
	/** What it stores in one piece (DIOCGSTRIPESIZE, or st_blksize); 0 where it does not say. */
	readonly stripeSize: number;
	/** GEOM::candelete. */
	readonly canDelete: boolean;
	/** preadv, or pwritev where `write`, by a process whose addresses `map` resolves. */
	transfer(map: VmMap, iovec: readonly Iovec[], offset: number, write: boolean): Result;
	/** @returns an errno, as does delete. */
	flush(): string | undefined;
	delete(offset: number, bytes: number): string | undefined;
}

/** An open raw device. */
export class RawDevice implements Backing {
	probe?: Probe;
	readonly geom = true;
	readonly sectorSize = SECTOR;
	readonly stripeSize = 0;
	readonly canDelete = true;

	constructor(readonly provider: Provider) {}

	get mediaBytes(): number {
		return this.provider.mediaBytes;
	}

	transfer(map: VmMap, iovec: readonly Iovec[], offset: number, write: boolean): Result {
		const result = this.physio(map, iovec, offset, write);
		this.probe?.({
			at: 'syscall',
			name: write ? 'pwritev' : 'preadv',
			offset,
			bytes: iovec.reduce((sum, {bytes}) => sum + bytes, 0),
			result: result.bytes,
			error: result.errno,
		});
		return result;
	}

	/** ioctl(DIOCGFLUSH). GEOM asks for write access for it (g_io_check). */
	flush(): string | undefined {
		const error = this.provider.writable ? this.provider.flush() : 'EPERM';
		this.probe?.({at: 'syscall', name: 'DIOCGFLUSH', offset: 0, bytes: 0, result: 0, error});
		return error;
	}

	/** ioctl(DIOCGDELETE): g_dev_ioctl has checks of its own before GEOM's. */
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
				const length = this.clip(offset + done, wanted);
				if (typeof length === 'string') return {bytes: done, errno: length};
				if (length === 0) return {bytes: done};
				const pages = hold(map, pointer + at, length);
				if (pages === undefined) return {bytes: done, errno: 'EFAULT'};
				const {moved, error} = this.provider.strategy({write, offset: offset + done, pages});
				if (error) return {bytes: done, errno: 'EIO'};
				done += moved;
				at += moved;
				if (moved < wanted) return {bytes: done};
			}
		}
		return {bytes: done};
	}

	/** g_io_check: whole sectors, from within the media; what reaches past its end is cut off. */
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

/** What a driver makes of a disk's error: EIO. */
export function errnoFrom(work: () => void): string | undefined {
	try {
		work();
		return undefined;
	} catch {
		return 'EIO';
	}
}
