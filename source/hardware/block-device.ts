// Block devices of the Linux that dmascope runs on, from sysfs: their sizes, and how they are built on each other.

import fs from 'node:fs';
import path from 'node:path';
import {errnoOf, UserError} from '../user-error.js';

/**
 * A disk, whatever path leads to it. `key` is the number of a block device, or the file system and inode of a file.
 * `inode` is that of the device's node or of the file: locks belong to it.
 */
export type Place = {key: string; device: boolean; inode?: string};

/** Major and minor number of a dev_t as Linux packs it: major 19:8 and 63:44, minor 7:0 and 43:20. */
export const deviceNumber = (rdev: number): string => {
	const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
	return `${(rdev >>> 8) & 0xfff}:${minor}`;
};

/** Inode numbers may pass 2^53. */
export function placeOf(stat: fs.BigIntStats): Place {
	const inode = `${deviceNumber(Number(stat.dev))} ${stat.ino}`;
	const device = stat.isBlockDevice();
	return {key: device ? deviceNumber(Number(stat.rdev)) : inode, device, inode};
}

/** Undefined if it does not exist, or this user may not read it. */
export function placeAt(path: string): Place | undefined {
	try {
		return placeOf(fs.statSync(path, {bigint: true}));
	} catch {
		return undefined;
	}
}

/** @throws UserError if the system does not say. */
export function blockDeviceBytes(path: string, rdev: number): number {
	try {
		return Number(fs.readFileSync(`/sys/dev/block/${deviceNumber(rdev)}/size`, 'utf8')) * 512;
	} catch {
		throw new UserError(
			`The size of ${path} cannot be read from /sys/dev/block; give an image of it instead.`,
		);
	}
}

/** Block devices by number. `root` is put before /sys and /dev. @throws the system's error where sysfs cannot be read */
export class BlockDevices {
	constructor(private readonly root = '') {}

	/** sda1, dm-0 */
	name(number: string): string {
		// sysfs has ! for the slash in names such as cciss/c0d0.
		return path.basename(fs.realpathSync(this.folder(number))).replaceAll('!', '/');
	}

	/** /dev/sda1, /dev/mapper/vg-root */
	path(number: string): string {
		const mapped = this.text(number, 'dm/name');
		return `/dev/${mapped === undefined ? this.name(number) : `mapper/${mapped}`}`;
	}

	place(number: string): Place {
		const place = placeAt(`${this.root}/dev/${this.name(number)}`);
		return place?.key === number ? place : {key: number, device: true};
	}

	partitions(number: string): string[] {
		const names = entriesOf(this.folder(number));
		return names.flatMap(name =>
			this.text(number, `${name}/partition`) === undefined ? [] : (this.text(number, `${name}/dev`) ?? []),
		);
	}

	/** The whole disk that a partition is a part of. */
	whole(number: string): string | undefined {
		return this.text(number, 'partition') === undefined ? undefined : this.text(number, '../dev');
	}

	/** Devices of LVM, RAID and the like that are made of this one (holders), or that this one is made of (slaves). */
	related(number: string, how: 'holders' | 'slaves'): string[] {
		return entriesOf(`${this.folder(number)}/${how}`).flatMap(
			name => this.text(number, `${how}/${name}/dev`) ?? [],
		);
	}

	private folder(number: string): string {
		return `${this.root}/sys/dev/block/${number}`;
	}

	private text(number: string, file: string): string | undefined {
		return textOf(`${this.folder(number)}/${file}`)?.trim();
	}
}

/** The text of a file; undefined if there is no such file, or its device is gone. @throws the system's error */
export function textOf(file: string): string | undefined {
	try {
		return fs.readFileSync(file, 'utf8');
	} catch (error) {
		if (['ENOENT', 'ENOTDIR', 'ENXIO', 'ENODEV'].includes(errnoOf(error) ?? '')) return undefined;
		throw error;
	}
}

/** The names in a folder; empty if it does not exist. @throws the system's error */
export function entriesOf(folder: string): string[] {
	try {
		return fs.readdirSync(folder);
	} catch (error) {
		if (errnoOf(error) === 'ENOENT') return [];
		throw error;
	}
}
