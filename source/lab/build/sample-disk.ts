// The default raw disk: a GPT with two partitions, and on every other sector text that is easy to recognise in hex.
// Made once, in the user's cache folder.

import fs from 'node:fs';
import path from 'node:path';
import {cacheFolders, isOwn, makeOwn} from '../../cache-folder.js';
import {createNew, type FileKind} from '../../files.js';
import {SECTOR} from '../../formats/address.js';
import {buildGpt} from '../../formats/gpt.js';
import {messageOf, UserError} from '../../user-error.js';

const BYTES = 64 * 1024 * 1024;
export const SAMPLE_SECTORS = BYTES / SECTOR;
const NAME = 'sample-disk-1.img';
/** How its first sector begins. */
const TITLE = 'LBA 0 of the dmascope sample disk';
const KIND: FileKind = {
	name: 'a sample disk',
	matches: beginning => beginning.toString('latin1').startsWith(TITLE),
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
export function sampleDisk(): string {
	const problems: string[] = [];
	for (const folder of cacheFolders()) {
		try {
			makeOwn(folder);
			const file = path.join(folder, NAME);
			if (!isWhole(file)) createNew(file, contents(), {mode: 0o600, replaces: {kind: KIND, force: true}});
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
