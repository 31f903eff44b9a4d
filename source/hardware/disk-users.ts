// The users of disks on the Linux that dmascope runs on: mounts, swap, locks and loop devices.

import fs from 'node:fs';
import type {Libc} from '../system/libc.js';
import {entriesOf, placeAt, textOf} from './block-device.js';
import {type Loop, loopDevices} from './loop.js';

/** `inode` as in a Place; `pid` is -1 for a lock that belongs to an open file. */
export type Lock = {inode: string; pid: number};

export type DiskUsers = {
	/** Mount points by the disk's key. */
	mounts: ReadonlyMap<string, string>;
	/** Device numbers of the mounted file systems. */
	fileSystems: ReadonlySet<string>;
	/** Keys of swap devices and swap files. */
	swaps: ReadonlySet<string>;
	locks: readonly Lock[];
	loops: readonly Loop[];
	/** Names of the devices of mounted btrfs file systems: mountinfo names one of several. */
	btrfs: ReadonlySet<string>;
	/** Users whose disk cannot be identified. `reads`: they would not even show as having it open for writing. */
	unknown: readonly {what: string; reads: boolean}[];
};

/** `root` is put before /proc, /sys and /dev. @throws the system's error where they cannot be read */
export function diskUsers(libc: Libc, root = ''): DiskUsers {
	const {mounts, fileSystems} = mountsIn(fs.readFileSync(`${root}/proc/self/mountinfo`, 'utf8'));
	const swapped = swapPaths(textOf(`${root}/proc/swaps`) ?? '');
	const swaps = swapped.map(path => placeAt(path)?.key);
	const loops = loopDevices(root, libc);
	const btrfs = entriesOf(`${root}/sys/fs/btrfs`).flatMap(name =>
		entriesOf(`${root}/sys/fs/btrfs/${name}/devices`),
	);
	return {
		mounts,
		fileSystems,
		swaps: new Set(swaps.filter(key => key !== undefined)),
		locks: locksIn(textOf(`${root}/proc/locks`) ?? ''),
		loops,
		btrfs: new Set(btrfs),
		unknown: [
			...swapped
				.filter((_, i) => swaps[i] === undefined)
				.map(path => ({what: `the swap file ${path}`, reads: false})),
			...loops
				.filter(({sure}) => !sure)
				.map(({name, readOnly, backing}) => ({
					what: `the file behind /dev/${name}`,
					// A path that leads somewhere is believed of a loop device that cannot write.
					reads: readOnly && backing === undefined,
				})),
		],
	};
}

/** proc(5): id, parent, device, root, mount point, options, tags …, -, type, source, … */
function mountsIn(text: string) {
	const mounts = new Map<string, string>();
	const fileSystems = new Set<string>();
	for (const line of text.split('\n')) {
		const [, , device, , at, ...rest] = line.split(' ');
		if (device === undefined || at === undefined) continue;
		fileSystems.add(device);
		// btrfs, and erofs on a file, have numbers of no device: their source is a path.
		const source = unescaped(rest[rest.indexOf('-') + 2] ?? '');
		const key = device.startsWith('0:') && source.startsWith('/') ? placeAt(source)?.key : device;
		if (key !== undefined && !mounts.has(key)) mounts.set(key, unescaped(at));
	}
	return {mounts, fileSystems};
}

const swapPaths = (text: string): string[] =>
	text
		.split('\n')
		.slice(1)
		.map(line => unescaped(line.split(/\s/)[0] ?? ''))
		.filter(path => path !== '');

/** "1: POSIX  ADVISORY  WRITE 568 08:01:1234 0 EOF"; -> marks a lock that a process still waits for. */
function locksIn(text: string): Lock[] {
	const lines = text.matchAll(/^\d+:(?: ->)? +\w+ +\S+ +\S+ +(-?\d+) ([\da-f]+):([\da-f]+):(\d+) /gm);
	return [...lines].map(([, pid, major, minor, inode]) => ({
		inode: `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)} ${inode}`,
		pid: Number(pid),
	}));
}

/** \040 is a blank. */
const unescaped = (text: string): string =>
	text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
