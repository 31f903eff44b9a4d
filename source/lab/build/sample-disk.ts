// The raw disk for those who give none: a GPT with two partitions, and on every other sector text that a
// person recognises in a hex view. Made once, in the user's cache folder.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {SECTOR} from '../../formats/address.js';
import {buildGpt} from '../../formats/gpt.js';
import {messageOf, UserError} from '../../user-error.js';

const BYTES = 64 * 1024 * 1024;
export const SAMPLE_SECTORS = BYTES / SECTOR;
/** Sectors written at a time. */
const CHUNK = 2048;
const NAME = 'sample-disk-1.img';

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

/** The path of the sample disk, which is made first where it is missing or not whole. @throws UserError */
export function sampleDisk(): string {
	const problems: string[] = [];
	for (const folder of cacheFolders()) {
		try {
			fs.mkdirSync(folder, {recursive: true, mode: 0o700});
			const file = path.join(folder, NAME);
			if (!isWhole(file)) make(file);
			return file;
		} catch (error) {
			problems.push(messageOf(error));
		}
	}
	throw new UserError(`The sample disk cannot be made (${problems.join('; ')}); name a disk with --disk.`);
}

function cacheFolders(): string[] {
	const home = os.homedir();
	const usual =
		process.platform === 'darwin' ? path.join(home, 'Library', 'Caches') : path.join(home, '.cache');
	return [
		path.join(process.env.XDG_CACHE_HOME || usual, 'dmascope'),
		path.join(os.tmpdir(), `dmascope-${os.userInfo().uid}`),
	];
}

function isWhole(file: string): boolean {
	const stat = fs.statSync(file, {throwIfNoEntry: false});
	return stat?.isFile() === true && stat.size === BYTES;
}

/** Written beside its place and then renamed, so that half a disk is never found there. */
function make(file: string): void {
	const half = `${file}.${process.pid}`;
	const fd = fs.openSync(half, 'w', 0o600);
	try {
		const gpt = buildGpt(SAMPLE_SECTORS, 'd34607d3-4607-4d34-a607-d34607d34600', PARTITIONS);
		const chunk = Buffer.alloc(CHUNK * SECTOR);
		for (let lba = 0; lba < SAMPLE_SECTORS; lba += CHUNK) {
			for (let i = 0; i < CHUNK; i++) fillWithText(chunk.subarray(i * SECTOR, (i + 1) * SECTOR), lba + i);
			fs.writeSync(fd, chunk, 0, chunk.length, lba * SECTOR);
		}
		// The boot code area of the protective MBR, 440 bytes, is free for text.
		fillWithText(Buffer.from(gpt.mbr.buffer, 0, 440), 0);
		const entrySectors = gpt.entries.length / SECTOR;
		fs.writeSync(fd, gpt.mbr, 0, SECTOR, 0);
		fs.writeSync(fd, gpt.primary, 0, SECTOR, SECTOR);
		fs.writeSync(fd, gpt.entries, 0, gpt.entries.length, 2 * SECTOR);
		fs.writeSync(fd, gpt.entries, 0, gpt.entries.length, gpt.backupEntriesLba * SECTOR);
		fs.writeSync(fd, gpt.backup, 0, SECTOR, (gpt.backupEntriesLba + entrySectors) * SECTOR);
		fs.fsyncSync(fd);
		fs.renameSync(half, file);
	} catch (error) {
		fs.rmSync(half, {force: true});
		throw error;
	} finally {
		fs.closeSync(fd);
	}
}
