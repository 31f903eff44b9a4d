// The default raw disk: a GPT with two partitions, and on every other sector text that is easy to recognise in hex.
// Made once, in the user's cache folder.

import fs from 'node:fs';
import path from 'node:path';
import {cacheFolders, isOwn, makeOwn} from '../../cache-folder.js';
import {createNew, type FileKind} from '../../files.js';
import {SECTOR} from '../../formats/address.js';
import {buildGpt} from '../../formats/gpt.js';
import {BOOT_CODE} from '../../guest/boot-code.js';
import {messageOf, UserError} from '../../user-error.js';

const BYTES = 64 * 1024 * 1024;
export const SAMPLE_SECTORS = BYTES / SECTOR;
/** How its first sector begins. */
const TITLE = 'LBA 0 of the dmascope sample disk';

/** Two disks that differ in their first sector alone: text for people to read, or a program for a real machine to run. */
type Sample = {file: string; kind: FileKind; begin: (disk: Buffer) => void};
const READABLE: Sample = {
	file: 'sample-disk-1.img',
	kind: {
		name: 'a sample disk',
		matches: beginning => beginning.toString('latin1').startsWith(TITLE),
	},
	begin: () => {},
};
const BOOTABLE: Sample = {
	file: 'boot-disk-1.img',
	kind: {
		name: 'a boot disk',
		matches: beginning => beginning.subarray(0, BOOT_CODE.length).equals(BOOT_CODE),
	},
	begin: disk => disk.set(BOOT_CODE, 0),
};

const PARTITIONS = [
	{
		typeGuid: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
		guid: 'd34607d3-4607-4d34-a607-d34607d34601',
		name: 'dmascope-esp',
		firstLba: 2048,
		lastLba: 34815,
	},
	{
		typeGuid: '516e7cb6-6ecf-11d6-8ff8-00022d09712b',
		guid: 'd34607d3-4607-4d34-a607-d34607d34602',
		name: 'dmascope-ufs',
		firstLba: 34816,
		lastLba: SAMPLE_SECTORS - 2049,
	},
];

/** Text that repeats the sector's number and ends with a line feed. */
function fillWithText(bytes: Buffer, lba: number): void {
	const place = PARTITIONS.find(({firstLba, lastLba}) => lba >= firstLba && lba <= lastLba);
	const where = place ? `, sector ${lba - place.firstLba} of ${place.name}` : '';
	bytes.fill(`LBA ${lba} of the dmascope sample disk${where}. This DMA landed. `, 'latin1');
	bytes.write('\n', bytes.length - 1);
}

/** The path of the sample disk, which is made first where it is missing or not whole. @throws UserError */
export const sampleDisk = (): string => make(READABLE);

/** The path of the sample disk whose first sector a machine can run. @throws UserError */
export const bootDisk = (): string => make(BOOTABLE);

function make({file: name, kind, begin}: Sample): string {
	const problems: string[] = [];
	for (const folder of cacheFolders()) {
		try {
			makeOwn(folder);
			const file = path.join(folder, name);
			if (isWhole(file)) return file;
			const disk = contents();
			begin(disk);
			createNew(file, disk, {mode: 0o600, replaces: {kind, force: true}});
			return file;
		} catch (error) {
			problems.push(messageOf(error).replace(/;[^;]*$/, ''));
		}
	}
	throw new UserError(`The sample disk cannot be created (${problems.join('; ')}); name a disk with --disk.`);
}

/** Whether the sample disk exists. Only we write to its folder, so its contents need no check. */
function isWhole(file: string): boolean {
	const stat = fs.lstatSync(file, {throwIfNoEntry: false});
	return stat?.isFile() === true && isOwn(stat) && stat.size === BYTES;
}

function contents(): Buffer {
	const disk = Buffer.alloc(BYTES);
	for (let lba = 0; lba < SAMPLE_SECTORS; lba++)
		fillWithText(disk.subarray(lba * SECTOR, (lba + 1) * SECTOR), lba);
	const gpt = buildGpt(SAMPLE_SECTORS, 'd34607d3-4607-4d34-a607-d34607d34600', PARTITIONS);
	// The boot code area of the protective MBR, 440 bytes, is free for text.
	fillWithText(Buffer.from(gpt.mbr.buffer, 0, 440), 0);
	disk.set(gpt.mbr, 0);
	disk.set(gpt.primary, SECTOR);
	disk.set(gpt.entries, 2 * SECTOR);
	disk.set(gpt.entries, gpt.backupEntriesLba * SECTOR);
	disk.set(gpt.backup, gpt.backupEntriesLba * SECTOR + gpt.entries.length);
	return disk;
}
