// Disks of a macOS that dmascope runs on: /dev/diskN, and /dev/rdiskN past the cache. diskutil(8) knows their size. Whether
// one is in use it does not say for all that can use it (APFS containers, Core Storage, other programs), so nothing writes.
// Read in the manual, not seen on a running system.

import {UserError} from '../user-error.js';
import {ask, type Platform, type Run} from './disk-platform.js';

const refusal = (path: string): UserError =>
	new UserError(`--writable cannot find out on macOS whether --disk ${path} is in use; use --overlay.`);

export const darwinDisks = (run: Run): Platform => ({
	device: 'a disk device',
	isDevice: stat => stat.isBlockDevice() || stat.isCharacterDevice(),
	bytes(path) {
		const plist = ask(run, path, 'diskutil', ['info', '-plist', path.replace(/^\/dev\/rdisk/, '/dev/disk')]);
		const value = (key: string) =>
			Number(new RegExp(`<key>${key}</key>\\s*<integer>(\\d+)</integer>`).exec(plist)?.[1]);
		const bytes = [value('TotalSize'), value('Size')].find(Number.isInteger);
		const block = value('DeviceBlockSize');
		if (bytes === undefined)
			throw new UserError(`--disk ${path} is not a disk; give a disk image, a partition or a disk device.`);
		if (block > 512)
			throw new UserError(
				`--disk ${path} has blocks of ${block} bytes, and the lab's have 512; give an image of it.`,
			);
		return bytes;
	},
	guard: 0,
	refuseIfInUse(path) {
		throw refusal(path);
	},
	lockForWriting(path) {
		throw refusal(path);
	},
});
