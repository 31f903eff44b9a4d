// The raw disk: an image, a partition or a block device of the machine dmascope runs on. Reads and writes are
// preadv and pwritev on it, with O_DIRECT where the disk takes it.

import fs from 'node:fs';
import {SECTOR} from '../formats/address.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';
import {blockDeviceBytes, refuseIfInUse} from './block-device.js';
import {pageAligned} from './memory.js';

const {O_RDONLY, O_RDWR, O_EXCL} = fs.constants;
/** 0 where the system has no such flag (macOS). */
const O_DIRECT = fs.constants.O_DIRECT ?? 0;

/** What a trim writes at a time. */
const ZEROS = new Uint8Array(1024 * 1024);

/** `direct: false` keeps the page cache in between where O_DIRECT could be had. */
export type DiskOptions = {writable?: boolean; direct?: boolean};

export class Disk {
	readonly sectors: number;

	private constructor(
		readonly path: string,
		readonly bytes: number,
		readonly writable: boolean,
		/** Multiple of bytes that O_DIRECT asks for in memory, offset and length; undefined: not to be had. */
		readonly directAlignment: number | undefined,
		readonly fd: number,
		readonly directFd: number | undefined,
	) {
		this.sectors = bytes / SECTOR;
	}

	/** @throws UserError where the path is no disk that can be used, saying how to mend it. */
	static open(path: string, {writable = false, direct = true}: DiskOptions = {}): Disk {
		const stat = statOf(path);
		const block = stat.isBlockDevice();
		if (!block && !stat.isFile()) {
			const what = stat.isDirectory() ? 'a directory' : 'neither a file nor a block device';
			throw new UserError(`--disk ${path} is ${what}; give a disk image, a partition or a block device.`);
		}
		if (writable) refuseIfInUse(path, stat);
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
		const flags = (writable ? O_RDWR : O_RDONLY) | (writable && block ? O_EXCL : 0);
		const fd = openAs(path, flags, writable);
		const way = direct ? openDirect(path, writable ? O_RDWR : O_RDONLY) : undefined;
		return new Disk(path, bytes, writable, way?.alignment, fd, way?.fd);
	}

	/** What its file system, or the device itself, likes to move in one piece. */
	get blockSize(): number {
		return fs.fstatSync(this.fd).blksize;
	}

	get direct(): boolean {
		return this.directAlignment !== undefined;
	}

	/** Whether a transfer goes past the page cache: O_DIRECT asks for its own alignment, and the rest goes as usual. */
	isDirect(views: readonly Uint8Array[], offset: number): boolean {
		if (this.directAlignment === undefined) return false;
		// A power of two.
		const inside = this.directAlignment - 1;
		let together = offset;
		for (const {byteOffset, length} of views) together |= byteOffset | length;
		return (together & inside) === 0;
	}

	/** preadv. @returns the bytes read: fewer than asked where the disk ends. @throws the system's error. */
	readv(views: Uint8Array[], offset: number, direct = this.isDirect(views, offset)): number {
		return fs.readvSync(this.fdOf(direct), views, offset);
	}

	/** pwritev. @returns the bytes written. @throws the system's error. */
	writev(views: Uint8Array[], offset: number, direct = this.isDirect(views, offset)): number {
		return fs.writevSync(this.fdOf(direct), views, offset);
	}

	/** What the disk holds, by a plain read(2) that no IOMMU is asked about. Shorter past its end. */
	peek(offset: number, length: number, bytes: Uint8Array = new Uint8Array(length)): Uint8Array {
		return bytes.subarray(0, fs.readSync(this.fd, bytes, 0, length, offset));
	}

	/** pwrite(2) past all that looks, and past O_DIRECT, which asks for memory of its own kind. @throws the system's error. */
	poke(offset: number, bytes: Uint8Array): void {
		fs.writeSync(this.fd, bytes, 0, bytes.length, offset);
	}

	/**
	 * What a trim does on a disk that promises zeros after it (ATA's "deterministic read zeros after TRIM"): here
	 * they are written, so that a partition or a file obeys too. @throws the system's error.
	 */
	trim(offset: number, length: number): void {
		for (let done = 0; done < length; ) {
			const zeros = ZEROS.subarray(0, Math.min(ZEROS.length, length - done));
			done += fs.writeSync(this.fd, zeros, 0, zeros.length, offset + done);
		}
	}

	/** fdatasync. @throws the system's error. */
	flush(): void {
		if (this.writable) fs.fdatasyncSync(this.fd);
	}

	close(): void {
		if (this.directFd !== undefined) fs.closeSync(this.directFd);
		fs.closeSync(this.fd);
	}

	private fdOf(direct: boolean): number {
		return direct && this.directFd !== undefined ? this.directFd : this.fd;
	}
}

function statOf(path: string): fs.Stats {
	try {
		return fs.statSync(path);
	} catch (error) {
		const why: Record<string, string> = {
			ENOENT: `There is no ${path}; check the path given to --disk.`,
			ENOTDIR: `There is no ${path}; check the path given to --disk.`,
			EACCES: `--disk ${path} cannot be reached by this user; check the rights of its folder.`,
		};
		throw new UserError(
			why[errnoOf(error) ?? ''] ?? `--disk ${path} cannot be looked at: ${messageOf(error)}.`,
		);
	}
}

function openAs(path: string, flags: number, writable: boolean): number {
	try {
		return fs.openSync(path, flags);
	} catch (error) {
		const code = errnoOf(error);
		const how = writable ? 'written' : 'read';
		if (code === 'EACCES' || code === 'EPERM') {
			throw new UserError(
				`--disk ${path} cannot be ${how} by this user; run as one who may, or change its mode.`,
			);
		}
		if (code === 'EROFS') throw new UserError(`--disk ${path} is read-only; leave --writable out.`);
		if (code === 'EBUSY') {
			throw new UserError(
				`--disk ${path} is in use by the system; unmount it first, or leave --writable out.`,
			);
		}
		throw new UserError(`--disk ${path} cannot be opened: ${messageOf(error)}.`);
	}
}

/** Finds the alignment that O_DIRECT asks for on this disk by reading its first sector or page. */
function openDirect(path: string, flags: number): {fd: number; alignment: number} | undefined {
	if (O_DIRECT === 0) return undefined;
	let fd: number;
	try {
		fd = fs.openSync(path, flags | O_DIRECT);
	} catch {
		return undefined;
	}
	const page = pageAligned(4096);
	for (const alignment of [SECTOR, 4096]) {
		try {
			fs.readSync(fd, page, alignment, alignment, 0);
			return {fd, alignment};
		} catch {
			// EINVAL: a larger unit is asked for.
		}
	}
	fs.closeSync(fd);
	return undefined;
}
