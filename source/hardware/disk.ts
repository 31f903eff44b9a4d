// The raw disk: an image, a partition or a block device of the machine dmascope runs on. Reads and writes are
// preadv and pwritev on it, with O_DIRECT where the disk takes it.

import fs from 'node:fs';
import {SECTOR} from '../formats/address.js';
import {UserError} from '../user-error.js';
import {blockDeviceBytes} from './block-device.js';
import {BLOCK, type Blocks, blocksOf, eachPart} from './blocks.js';
import {lockForWriting, refuseIfInUse} from './in-use.js';
import {openAs, openDirect, statOf} from './open-disk.js';
import type {PageLog} from './page-log.js';

const {O_RDONLY, O_RDWR, O_EXCL} = fs.constants;

/** The bytes that a trim writes at a time. */
const ZEROS = new Uint8Array(1024 * 1024);

/**
 * `overlay`: opens the disk read-only and keeps writes in memory until this process ends. `direct: false` uses the
 * page cache even if O_DIRECT is available.
 */
export type DiskOptions = {writable?: boolean; overlay?: boolean; direct?: boolean};

/** Kept beside the disk itself: the blocks of its overlay, and the old contents of written blocks. */
type Beside = {overlay?: Blocks; log?: PageLog};

export class Disk {
	readonly sectors: number;
	private sibling: Disk | undefined;

	private constructor(
		readonly path: string,
		readonly bytes: number,
		readonly writable: boolean,
		/** The alignment that O_DIRECT requires of memory, offset and length; undefined if it is not available. */
		readonly directAlignment: number | undefined,
		readonly fd: number,
		readonly directFd: number | undefined,
		private readonly beside: Beside,
	) {
		this.sectors = bytes / SECTOR;
	}

	/** @throws UserError if the path is no disk that can be used, saying how to mend it. */
	static open(path: string, {writable = false, overlay = false, direct = true}: DiskOptions = {}): Disk {
		const stat = statOf(path);
		const block = stat.isBlockDevice();
		if (!block && !stat.isFile()) {
			const what = stat.isDirectory() ? 'a directory' : 'neither a file nor a block device';
			throw new UserError(`--disk ${path} is ${what}; give a disk image, a partition or a block device.`);
		}
		const own = writable && !overlay;
		const place = own ? refuseIfInUse(path) : undefined;
		const bytes = block ? blockDeviceBytes(path, stat.rdev) : stat.size;
		if (bytes === 0)
			throw new UserError(`--disk ${path} is empty; give an image that holds at least one sector.`);
		if (bytes % SECTOR !== 0) {
			throw new UserError(
				`--disk ${path} is ${bytes} bytes, not a whole number of 512-byte sectors; ` +
					`pad it with: truncate -s %512 ${path}`,
			);
		}
		// O_EXCL on a block device is Linux's own guard: it fails while the device is mounted or claimed.
		const access = own ? O_RDWR : O_RDONLY;
		const fd = openAs(path, access | (own && block ? O_EXCL : 0), own);
		try {
			if (place !== undefined) lockForWriting(path, fd, place);
			const unbuffered = direct ? openDirect(path, access, fd) : undefined;
			const beside = overlay ? {overlay: new Map()} : {};
			return new Disk(path, bytes, writable || overlay, unbuffered?.alignment, fd, unbuffered?.fd, beside);
		} catch (error) {
			fs.closeSync(fd);
			throw error;
		}
	}

	/** The same disk through the page cache, like a file of the host. */
	get buffered(): Disk {
		const {path, bytes, writable, fd, beside} = this;
		this.sibling ??= new Disk(path, bytes, writable, undefined, fd, undefined, beside);
		return this.sibling;
	}

	/** A copy of the disk's current state to write to: its writes stay in the copy. */
	get scratch(): Disk {
		const overlay: Blocks = new Map();
		for (const [block, held] of this.beside.overlay ?? []) overlay.set(block, held.slice());
		const {path, bytes, writable, directAlignment, fd, directFd} = this;
		return new Disk(path, bytes, writable, directAlignment, fd, directFd, {overlay});
	}

	/** Whether writes stay in memory. */
	get overlaid(): boolean {
		return this.beside.overlay !== undefined;
	}

	/** The preferred I/O size of its file system or device. */
	get blockSize(): number {
		return fs.fstatSync(this.fd).blksize;
	}

	get direct(): boolean {
		return this.directAlignment !== undefined;
	}

	/** Whether a transfer bypasses the page cache: O_DIRECT needs aligned transfers, and others are buffered. */
	isDirect(views: readonly Uint8Array[], offset: number): boolean {
		if (this.directAlignment === undefined) return false;
		// A power of two.
		const inside = this.directAlignment - 1;
		let together = offset;
		for (const {byteOffset, length} of views) together |= byteOffset | length;
		return (together & inside) === 0;
	}

	/** preadv. @returns the bytes read: fewer at the end of the disk. @throws the system's error. */
	readv(views: Uint8Array[], offset: number, direct = this.isDirect(views, offset)): number {
		const read = fs.readvSync(this.fdOf(direct), views, offset);
		if (this.overlaid) this.patch(views, offset, read);
		return read;
	}

	/** pwritev. @returns the bytes written. @throws the system's error. */
	writev(views: Uint8Array[], offset: number, direct = this.isDirect(views, offset)): number {
		const bytes = views.reduce((sum, {length}) => sum + length, 0);
		this.keep(offset, bytes);
		if (!this.overlaid) return fs.writevSync(this.fdOf(direct), views, offset);
		return this.cover(views, offset, Math.min(bytes, Math.max(0, this.bytes - offset)));
	}

	/** Reads the disk's contents with a plain read(2), which involves no IOMMU. Shorter past its end. */
	peek(offset: number, length: number, bytes: Uint8Array = new Uint8Array(length)): Uint8Array {
		const read = bytes.subarray(0, fs.readSync(this.fd, bytes, 0, length, offset));
		if (this.overlaid) this.patch([read], offset, read.length);
		return read;
	}

	/** pwrite(2) that nothing observes, without O_DIRECT, which needs aligned memory. @throws the system's error. */
	poke(offset: number, bytes: Uint8Array): void {
		this.keep(offset, bytes.length);
		if (this.overlaid) this.cover([bytes], offset, bytes.length);
		else this.writeAll(offset, bytes);
	}

	/**
	 * A trim on a disk that promises zeros after it (ATA's "deterministic read zeros after TRIM"). Zeros are written,
	 * so that it also works on a partition or a file. @throws the system's error.
	 */
	trim(offset: number, length: number): void {
		for (let done = 0; done < length; ) {
			const zeros = ZEROS.subarray(0, Math.min(ZEROS.length, length - done));
			this.poke(offset + done, zeros);
			done += zeros.length;
		}
	}

	/** fdatasync. @throws the system's error. */
	flush(): void {
		if (this.writable && !this.overlaid) fs.fdatasyncSync(this.fd);
	}

	close(): void {
		if (this.directFd !== undefined) fs.closeSync(this.directFd);
		fs.closeSync(this.fd);
	}

	/**
	 * Restores a block without logging the current one. An overlay drops a block that the disk itself holds: a transfer
	 * with one page twice would show whether it is there. @throws the system's error.
	 */
	restore(block: number, bytes: Uint8Array): void {
		const {overlay} = this.beside;
		if (overlay === undefined) {
			this.writeAll(block * BLOCK, bytes);
			return;
		}
		const below = new Uint8Array(bytes.length);
		const read = fs.readSync(this.fd, below, 0, below.length, block * BLOCK);
		if (read === below.length && Buffer.compare(below, bytes) === 0) overlay.delete(block);
		else overlay.set(block, bytes.slice());
	}

	/** From now on, logs the old contents of written blocks in `log`; undefined: nowhere. */
	keepIn(log: PageLog | undefined): void {
		this.beside.log = log;
	}

	private keep(offset: number, bytes: number): void {
		const {log} = this.beside;
		if (log === undefined) return;
		for (const block of blocksOf(offset, bytes))
			if (!log.has(block)) log.keep(block, this.peek(block * BLOCK, BLOCK));
	}

	/** pwrite(2) may write less than it was given, where a disk is full, say. */
	private writeAll(offset: number, bytes: Uint8Array): void {
		for (let done = 0; done < bytes.length; ) {
			const written = fs.writeSync(this.fd, bytes, done, bytes.length - done, offset + done);
			if (written === 0) throw new Error(`nothing can be written at byte ${offset + done}`);
			done += written;
		}
	}

	/** Replaces the bytes read with those in the overlay. */
	private patch(views: readonly Uint8Array[], offset: number, read: number): void {
		const {overlay} = this.beside;
		if (overlay === undefined || overlay.size === 0) return;
		for (const view of views) {
			const there = view.subarray(0, Math.max(0, read));
			eachPart(offset, there, (block, at, part) => {
				const over = overlay.get(block);
				if (over !== undefined) part.set(over.subarray(at, at + part.length));
			});
			offset += view.length;
			read -= view.length;
		}
	}

	/** Writes the first `most` bytes of the views into the overlay. @returns how many that are */
	private cover(views: readonly Uint8Array[], offset: number, most: number): number {
		const {overlay} = this.beside;
		let left = most;
		for (const view of views) {
			eachPart(offset, view.subarray(0, left), (block, at, part) => {
				const over = overlay?.get(block) ?? this.peek(block * BLOCK, BLOCK);
				over.set(part, at);
				overlay?.set(block, over);
			});
			offset += view.length;
			left = Math.max(0, left - view.length);
		}
		return most;
	}

	private fdOf(direct: boolean): number {
		return direct && this.directFd !== undefined ? this.directFd : this.fd;
	}
}
