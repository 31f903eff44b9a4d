// Block devices of the Linux that dmascope runs on: how large they are, and whether the system is using them.

import fs from 'node:fs';
import {UserError} from '../user-error.js';

/** Major and minor number of a dev_t as Linux packs it: major 19:8 and 63:44, minor 7:0 and 43:20. */
const deviceNumber = (rdev: number): string => {
	const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
	return `${(rdev >>> 8) & 0xfff}:${minor}`;
};

/** @throws UserError where the system does not say. */
export function blockDeviceBytes(path: string, rdev: number): number {
	try {
		return Number(fs.readFileSync(`/sys/dev/block/${deviceNumber(rdev)}/size`, 'utf8')) * 512;
	} catch {
		throw new UserError(
			`The size of ${path} cannot be read from /sys/dev/block; give an image of it instead.`,
		);
	}
}

/**
 * Refuses a disk that the system may be writing itself: mounted, swapped to, held by LVM or RAID, or an image
 * behind a loop device. @throws UserError naming what uses it.
 */
export function refuseIfInUse(path: string, stat: fs.Stats): void {
	const user = stat.isBlockDevice() ? userOfDevice(deviceNumber(stat.rdev)) : loopOf(path, stat);
	if (user === undefined) return;
	throw new UserError(
		`--disk ${path} is ${user}, and a disk in use is never written; release it first, or leave --writable out.`,
	);
}

function userOfDevice(number: string): string | undefined {
	const own = `/sys/dev/block/${number}`;
	const mounts = mountsByDevice();
	for (const device of [number, ...partitionsOf(own)]) {
		const mount = mounts.get(device);
		if (mount !== undefined) return `mounted at ${mount}`;
		const holder = list(`/sys/dev/block/${device}/holders`)[0];
		if (holder !== undefined) return `held by ${holder}`;
		if (swapDevices().includes(device)) return 'used as swap';
	}
	return undefined;
}

/** The loop device that an image file stands behind, if any. */
function loopOf(path: string, stat: fs.Stats): string | undefined {
	for (const name of list('/sys/block').filter(name => name.startsWith('loop'))) {
		const backing = text(`/sys/block/${name}/loop/backing_file`)?.trim();
		if (backing === undefined) continue;
		const other = fs.statSync(backing, {throwIfNoEntry: false});
		const same = other ? other.ino === stat.ino && other.dev === stat.dev : backing === fs.realpathSync(path);
		if (same) return `the image behind /dev/${name}`;
	}
	return undefined;
}

const partitionsOf = (sysfs: string): string[] =>
	list(sysfs)
		.map(name => text(`${sysfs}/${name}/partition`) && text(`${sysfs}/${name}/dev`)?.trim())
		.filter(number => typeof number === 'string');

/** Device number → mount point, from /proc/self/mountinfo (proc(5): the third and fifth fields). */
function mountsByDevice(): Map<string, string> {
	const lines = (text('/proc/self/mountinfo') ?? '').split('\n');
	return new Map(lines.map(line => line.split(' ')).map(fields => [fields[2] ?? '', fields[4] ?? '']));
}

function swapDevices(): string[] {
	const paths = (text('/proc/swaps') ?? '')
		.split('\n')
		.slice(1)
		.map(line => line.split(/\s/)[0] ?? '');
	return paths.flatMap(path => {
		const stat = path === '' ? undefined : fs.statSync(path, {throwIfNoEntry: false});
		return stat?.isBlockDevice() ? [deviceNumber(stat.rdev)] : [];
	});
}

function text(path: string): string | undefined {
	try {
		return fs.readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}

function list(path: string): string[] {
	try {
		return fs.readdirSync(path);
	} catch {
		return [];
	}
}
