// Opens the file or device that --disk names.

import fs from 'node:fs';
import {SECTOR} from '../formats/address.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';
import {pageAligned} from './memory.js';

/** 0 where the system has no such flag (macOS). */
const O_DIRECT = fs.constants.O_DIRECT ?? 0;

/** @throws UserError */
export function statOf(path: string): fs.Stats {
	try {
		return fs.statSync(path);
	} catch (error) {
		const why: Record<string, string> = {
			ENOENT: `${path} does not exist; check the path after --disk.`,
			ENOTDIR: `${path} does not exist; check the path after --disk.`,
			EACCES: `--disk ${path}: permission denied; check the mode of its folder.`,
		};
		throw new UserError(why[errnoOf(error) ?? ''] ?? `--disk ${path} cannot be read: ${messageOf(error)}.`);
	}
}

/** @throws UserError */
export function openAs(path: string, flags: number, writable: boolean): number {
	try {
		return fs.openSync(path, flags);
	} catch (error) {
		const code = errnoOf(error);
		const how = writable ? 'written' : 'read';
		if (code === 'EACCES' || code === 'EPERM') {
			throw new UserError(
				`--disk ${path} cannot be ${how}: permission denied; run as another user, or change its mode.`,
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

/** Finds the alignment that O_DIRECT needs on this disk, open as `other`, by reading its first sector or page. */
export function openDirect(
	path: string,
	flags: number,
	other: number,
): {fd: number; alignment: number} | undefined {
	if (O_DIRECT === 0) return undefined;
	let fd: number;
	try {
		fd = fs.openSync(path, flags | O_DIRECT);
	} catch {
		return undefined;
	}
	const page = pageAligned(4096);
	for (const alignment of sameFile(fd, other) ? [SECTOR, 4096] : []) {
		try {
			fs.readSync(fd, page, alignment, alignment, 0);
			return {fd, alignment};
		} catch {
			// EINVAL: it needs a larger unit.
		}
	}
	fs.closeSync(fd);
	return undefined;
}

/** A path may lead to another file by the time it is opened again. */
function sameFile(one: number, other: number): boolean {
	const [a, b] = [one, other].map(fd => fs.fstatSync(fd, {bigint: true}));
	return a.dev === b.dev && a.ino === b.ino && a.rdev === b.rdev;
}
