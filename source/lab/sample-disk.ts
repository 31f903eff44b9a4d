// The raw disk for those who give none: a GPT with two partitions, and on every other sector text that a
// person recognises in a hex view. Made once, in the user's cache folder.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {buildGpt} from '../formats/gpt.js';
import {SECTOR} from '../formats/virtqueue.js';
import {messageOf, UserError} from '../user-error.js';

const BYTES = 64 * 1024 * 1024;
export const SAMPLE_SECTORS = BYTES / SECTOR;
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

/** The text of one sector: `room` bytes that say which sector it is. */
function sectorText(lba: number, room: number): string {
	const place = PARTITIONS.find(({firstLba, lastLba}) => lba >= firstLba && lba <= lastLba);
	const where = place ? `, sector ${lba - place.firstLba} of ${place.name}` : '';
	const line = `LBA ${lba} of the dmascope sample disk${where}. This DMA landed. `;
	return line
		.repeat(Math.ceil(room / line.length))
		.slice(0, room - 1)
		.concat('\n');
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

/** A fresh copy for --writable, so that the sample itself stays as it was made. */
export function writableSampleDisk(): string {
	const copy = path.join(path.dirname(sampleDisk()), `sample-disk-writable-${process.pid}.img`);
	fs.copyFileSync(sampleDisk(), copy);
	process.once('exit', () => fs.rmSync(copy, {force: true}));
	return copy;
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
	return stat !== undefined && stat.isFile() && stat.size === BYTES;
}

/** Written beside its place and then renamed, so that half a disk is never found there. */
function make(file: string): void {
	const half = `${file}.${process.pid}`;
	const fd = fs.openSync(half, 'w', 0o600);
	try {
		const gpt = buildGpt(SAMPLE_SECTORS, 'd34607d3-4607-4d34-a607-d34607d34600', PARTITIONS);
		const chunk = 2048;
		for (let lba = 0; lba < SAMPLE_SECTORS; lba += chunk) {
			const text = Array.from({length: chunk}, (_, i) => sectorText(lba + i, SECTOR)).join('');
			fs.writeSync(fd, text, lba * SECTOR, 'latin1');
		}
		// The boot code area of the protective MBR, 440 bytes, is free for text.
		const bootCode = new TextEncoder().encode(sectorText(0, 440));
		gpt.mbr.set(bootCode);
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
