// The system that dmascope runs on. Linux is at home here; FreeBSD and macOS are asked by their own tools, whose output was
// read in their sources and manuals, not on running systems.

import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import {blockDeviceBytes} from './block-device.js';
import {darwinDisks} from './darwin-disks.js';
import type {Platform, Run} from './disk-platform.js';
import {freebsdDisks} from './freebsd-disks.js';
import {lockForWriting, refuseIfInUse} from './in-use.js';

const LIMIT = 64 * 1024 ** 2;
const run: Run = (command, words) =>
	execFileSync(command, words, {
		encoding: 'utf8',
		maxBuffer: LIMIT,
		stdio: ['ignore', 'pipe', 'pipe'],
		// The tools of the base system, wherever the user's path leads.
		env: {PATH: '/sbin:/bin:/usr/sbin:/usr/bin', LC_ALL: 'C'},
	});

const linux: Platform = {
	device: 'a block device',
	isDevice: stat => stat.isBlockDevice(),
	bytes: (path, stat) => blockDeviceBytes(path, stat.rdev),
	// Linux's own guard: it fails while the device is mounted or claimed.
	guard: fs.constants.O_EXCL,
	refuseIfInUse,
	lockForWriting,
};

export function platformOf(name: NodeJS.Platform = process.platform, tool: Run = run): Platform {
	if (name === 'freebsd') return freebsdDisks(tool);
	return name === 'darwin' ? darwinDisks(tool) : linux;
}
