// Refuses to write to a disk that something else uses: mounted, used as swap, behind a loop device, held by LVM or
// RAID, locked, or open for writing. If the system does not tell, the disk may be in use, and is refused too.

import fs from 'node:fs';
import {basename} from 'node:path';
import {isOpenForWriting, lockBytes, lockWhole, otherLocker} from '../system/file-locks.js';
import {type Libc, libc} from '../system/libc.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';
import {BlockDevices, type Place, placeOf, textOf} from './block-device.js';
import {type DiskUsers, diskUsers} from './disk-users.js';
import {openAs} from './open-disk.js';

/** `is` ends the sentence "The disk is …"; `mend` says how to end that use. */
export type Use = {is: string; mend: string};

/** Relations that are not followed: back to where the search came from, and to mere neighbours. */
type Without = {loop?: string; holders?: boolean; partitions?: boolean};

/** Follows a disk up to everything built on it, and down to everything it is built on. */
export class DiskGraph {
	constructor(
		private readonly users: DiskUsers,
		private readonly devices = new BlockDevices(),
	) {}

	/** The user of the disk, then its user, and so on; empty if nothing uses it. @throws the system's error */
	uses(place: Place): Use[] {
		const above = this.above(place);
		return above.length > 0 ? above : this.below(place);
	}

	/** Users of the disk itself, or of something built on it. */
	private above(place: Place, without: Without = {}): Use[] {
		const direct = this.direct(place);
		if (direct !== undefined) return [direct];
		const loop = this.users.loops.find(
			({backing, number}) => backing?.key === place.key && number !== without.loop,
		);
		if (loop !== undefined) {
			const is = `the backing ${place.device ? 'device' : 'file'} of /dev/${loop.name}`;
			const mend = `detach it first (losetup -d /dev/${loop.name})`;
			return [{is, mend}, ...this.above(this.devices.place(loop.number))];
		}
		if (!place.device) return [];
		const holder = without.holders ? undefined : this.devices.related(place.key, 'holders')[0];
		if (holder !== undefined) {
			const is = `held by ${this.devices.path(holder)}`;
			return [{is, mend: 'release it first'}, ...this.above(this.devices.place(holder))];
		}
		for (const part of without.partitions ? [] : this.devices.partitions(place.key)) {
			const uses = this.above(this.devices.place(part));
			if (uses.length > 0) return [{is: `the disk of ${this.devices.path(part)}`, mend: ''}, ...uses];
		}
		return [];
	}

	private direct(place: Place): Use | undefined {
		const {mounts, swaps, btrfs} = this.users;
		const mount = mounts.get(place.key);
		if (mount !== undefined) return {is: `mounted at ${mount}`, mend: 'unmount it first'};
		if (swaps.has(place.key)) return {is: 'used as swap', mend: 'run swapoff first'};
		if (place.device && btrfs.size > 0 && btrfs.has(this.devices.name(place.key)))
			return {is: 'a part of a mounted btrfs', mend: 'unmount it first'};
		const inodes = [place.inode, place.device ? this.devices.place(place.key).inode : undefined];
		const lock = this.users.locks.find(({inode}) => inodes.some(own => this.sameInode(inode, own)));
		return lock && lockedBy(lock.pid);
	}

	/** A lock names the file system; a file in a btrfs subvolume names the subvolume, which no mount has. */
	private sameInode(locked: string, inode: string | undefined): boolean {
		if (inode === undefined || locked === inode) return inode !== undefined;
		const [fileSystem, number] = inode.split(' ');
		return !this.users.fileSystems.has(fileSystem) && locked.split(' ')[1] === number;
	}

	/** Users of the disks that this one is built on. */
	private below(place: Place): Use[] {
		const {devices} = this;
		const loop = this.users.loops.find(({number}) => number === place.key);
		if (loop?.backing !== undefined)
			return this.through(`backed by ${loop.path}`, loop.backing, {loop: loop.number});
		if (!place.device) return [];
		const whole = devices.whole(place.key);
		if (whole !== undefined)
			return this.through(`a partition of ${devices.path(whole)}`, devices.place(whole), {partitions: true});
		for (const slave of devices.related(place.key, 'slaves')) {
			// LVM makes many volumes of one disk: its other holders are neighbours.
			const uses = this.through(`made of ${devices.path(slave)}`, devices.place(slave), {holders: true});
			if (uses.length > 0) return uses;
		}
		return [];
	}

	private through(is: string, place: Place, without: Without): Use[] {
		const above = this.above(place, without);
		const uses = above.length > 0 ? above : this.below(place);
		return uses.length > 0 ? [{is, mend: ''}, ...uses] : [];
	}
}

/** The platforms whose C structures source/system knows. */
const ARCHITECTURES: ReadonlySet<string> = new Set(['x64', 'arm64', 'riscv64', 'loong64']);

/** NFS, CIFS and SMB2 (statfs(2)): they refuse every lease as if the file were open. */
const REMOTE: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0xfe534d42]);

/** In place of a process: the lock belongs to an open file. */
const OPEN_FILE = -1;

const END_IT = 'end that program first';

/**
 * The bytes that QEMU locks of a disk that its guest writes. From 100 on: its own rights. From 200 on: rights denied
 * to others. Byte 0 of each stands for consistent reads, byte 1 for writes. (block/file-posix.c: RAW_LOCK_PERM_BASE,
 * RAW_LOCK_SHARED_BASE; block-common.h: BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE.)
 */
const QEMU_LOCKS = [
	[100, 2],
	[201, 1],
];

/** Checks a disk before it is opened for writing. @returns the disk that the path leads to @throws UserError */
export function refuseIfInUse(path: string): Place {
	const system = systemFor(path);
	return unlessUnknown(path, () => {
		const place = placeOf(fs.statSync(path, {bigint: true}));
		const users = diskUsers(system);
		refuse(path, new DiskGraph(users).uses(place));
		const written = place.device ? undefined : isWritten(path, place, system);
		if (written) refuse(path, [{is: 'open for writing in another program', mend: END_IT}]);
		const hidden = users.unknown.find(({reads}) => reads || written === undefined);
		if (hidden !== undefined) throw unknown(path, `${hidden.what} cannot be identified`);
		return place;
	});
}

/**
 * Checks the open disk again, and locks it until the descriptor is closed, so that QEMU and other programs refuse it in
 * turn. @throws UserError
 */
export function lockForWriting(path: string, fd: number, place: Place): void {
	const system = systemFor(path);
	unlessUnknown(path, () => {
		if (!isAt(place, fd))
			throw new UserError(`--disk ${path} was replaced while dmascope opened it; start dmascope again.`);
		refuse(path, new DiskGraph(diskUsers(system)).uses(place));
		const free = lockWhole(system, fd) && QEMU_LOCKS.every(([at, bytes]) => lockBytes(system, fd, at, bytes));
		const locker = free ? otherLocker(system, fd) : OPEN_FILE;
		if (locker !== undefined) refuse(path, [lockedBy(locker)]);
	});
}

/** @throws UserError if the system calls are missing that find and take locks */
function systemFor(path: string): Libc {
	if (process.platform !== 'linux' || !ARCHITECTURES.has(process.arch)) {
		throw new UserError(
			`--writable needs 64-bit Linux to find out whether --disk ${path} is in use; use --overlay.`,
		);
	}
	const system = libc();
	if (system !== undefined) return system;
	throw new UserError(
		`--writable needs the package koffi to lock --disk ${path}; run npm install koffi, or use --overlay.`,
	);
}

function refuse(path: string, uses: readonly Use[]): void {
	const last = uses.at(-1);
	if (last === undefined) return;
	const chain = uses.map(({is}) => is).join(', which is ');
	throw new UserError(`--disk ${path} is ${chain}; ${last.mend}, or leave --writable out.`);
}

const unknown = (path: string, why: string): UserError =>
	new UserError(
		`--disk ${path} may be in use: ${why}; ${process.getuid?.() === 0 ? '' : 'run as root, or '}use --overlay.`,
	);

function unlessUnknown<T>(path: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		throw unknown(path, messageOf(error));
	}
}

const isAt = ({key, inode}: Place, fd: number): boolean => {
	const there = placeOf(fs.fstatSync(fd, {bigint: true}));
	return there.key === key && there.inode === inode;
};

/** Whether any program, or the kernel, has a file open for writing; undefined if that cannot be found out. */
function isWritten(path: string, place: Place, system: Libc): boolean | undefined {
	if (REMOTE.has(fs.statfsSync(path).type)) return undefined;
	const fd = openAs(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK, false);
	try {
		return isAt(place, fd) ? isOpenForWriting(system, fd) : undefined;
	} finally {
		fs.closeSync(fd);
	}
}

function lockedBy(pid: number): Use {
	const program = pid > 0 ? textOf(`/proc/${pid}/cmdline`)?.split('\0')[0] : undefined;
	const who = program ? `${basename(program)} (process ${pid})` : 'another program, such as QEMU or dmascope';
	return {is: `locked by ${who}`, mend: END_IT};
}
