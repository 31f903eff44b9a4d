// The raw disk for those who give none: a GPT with two partitions, and on every other sector text that a
// person recognises in a hex view. Made once, in the user's cache folder.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {createNew, type FileKind} from '../files.js';
import {SECTOR} from '../formats/address.js';
import {buildGpt} from '../formats/gpt.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';

const BYTES = 64 * 1024 * 1024;
export const SAMPLE_SECTORS = BYTES / SECTOR;
const NAME = 'sample-disk-1.img';
/** How its first sector begins. */
const TITLE = 'LBA 0 of the dmascope sample disk';

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

/** Text that says which sector it is, over and over, and ends a line. */
function fillWithText(bytes: Buffer, lba: number): void {
	const place = PARTITIONS.find(({firstLba, lastLba}) => lba >= firstLba && lba <= lastLba);
	const where = place ? `, sector ${lba - place.firstLba} of ${place.name}` : '';
	bytes.fill(`LBA ${lba} of the dmascope sample disk${where}. This DMA landed. `, 'latin1');
	bytes.write('\n', bytes.length - 1);
}

const KIND: FileKind = {
	name: 'a sample disk',
	matches: beginning => beginning.toString('latin1').startsWith(TITLE),
};

/** The path of the sample disk, which is made first where it is missing or not whole. @throws UserError */
export function sampleDisk(): string {
	const problems: string[] = [];
	for (const folder of cacheFolders()) {
		try {
			// No folder above these two is made: under /proc, mkdir -p never ends in Node.
			for (const each of [path.dirname(folder), folder]) makeFolder(each);
			checkFolder(folder);
			const file = path.join(folder, NAME);
			if (!isWhole(file)) createNew(file, contents(), {mode: 0o600, force: {given: true, kind: KIND}});
			return file;
		} catch (error) {
			problems.push(messageOf(error).replace(/;[^;]*$/, ''));
		}
	}
	throw new UserError(`The sample disk cannot be created (${problems.join('; ')}); name a disk with --disk.`);
}

/** A relative path would depend on where dmascope is started. */
function cacheFolders(): string[] {
	const {XDG_CACHE_HOME = ''} = process.env;
	const usual =
		process.platform === 'darwin' ? path.join(home(), 'Library', 'Caches') : path.join(home(), '.cache');
	const cache = path.isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : usual;
	const folders = [
		path.join(cache, 'dmascope'),
		path.join(os.tmpdir(), `dmascope-${process.geteuid?.() ?? 0}`),
	];
	return folders.filter(path.isAbsolute);
}

/** Nothing of a user whom the system does not know. */
function home(): string {
	try {
		return os.homedir();
	} catch {
		return '';
	}
}

function makeFolder(folder: string): void {
	try {
		fs.mkdirSync(folder, {mode: 0o700});
	} catch (error) {
		if (errnoOf(error) !== 'EEXIST') throw error;
	}
}

/** The folder for temporary files is everybody's: what is at our place in it may be somebody else's. */
function checkFolder(folder: string): void {
	const stat = fs.lstatSync(folder);
	if (!stat.isDirectory()) throw new UserError(`${folder} is not a directory; remove it.`);
	if (stat.uid !== process.geteuid?.()) throw new UserError(`${folder} belongs to another user; remove it.`);
	if ((stat.mode & 0o077) !== 0) throw new UserError(`${folder} is open to other users; chmod 700 it.`);
}

/** Whether the sample disk is there. In a folder of our own alone, it stays what it is. */
function isWhole(file: string): boolean {
	const stat = fs.lstatSync(file, {throwIfNoEntry: false});
	return stat?.isFile() === true && stat.uid === process.geteuid?.() && stat.size === BYTES;
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
