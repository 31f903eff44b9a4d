// The guest's firmware at power-on: it looks for a bootable disk and prints the result on the console.

import {SECTOR} from '../formats/address.js';
import {
	gptHeader,
	gptPartitions,
	hasBootSignature,
	isProtective,
	mbrPartitions,
	type Partition,
	partitionFault,
} from '../formats/gpt.js';
import {UNPRINTABLE} from '../printable.js';
import {sizeText} from '../words.js';

/** Reads sectors through the guest's driver and returns the buffer; undefined on an I/O error. */
export type ReadSectors = (lba: number, sectors: number) => Uint8Array | undefined;

export type BootResult = {bootable: boolean; partitions: Partition[]; lines: string[]};

const NO_DISK = 'no bootable disk';
/** The start of the console's first line. */
export const LOOKING = 'looking for a disk';

/** Reads LBA 0 and the GPT, and checks signatures and CRCs (UEFI 5.3.2). */
export function findDisk(read: ReadSectors, sectors: number): BootResult {
	const failed = (why: string): BootResult => ({bootable: false, partitions: [], lines: [why, NO_DISK]});
	const failedAt = (lba: number, why: string) => failed(`LBA ${lba}: ${why}`);
	const mbr = read(0, 1);
	if (mbr === undefined) return failedAt(0, 'I/O error');
	if (!hasBootSignature(mbr)) return failedAt(0, 'no 55 aa signature');
	if (!isProtective(mbr)) {
		const partitions = mbrPartitions(mbr);
		if (partitions.length === 0) return failedAt(0, '55 aa, but no partition');
		return {
			bootable: true,
			partitions,
			lines: ['LBA 0: 55 aa, MBR partition table', ...partitions.map(part => partitionLine(part))],
		};
	}
	const headerSector = sectors > 1 ? read(1, 1) : undefined;
	if (headerSector === undefined) return failedAt(1, 'I/O error');
	const header = gptHeader(headerSector, 1);
	if (typeof header === 'string') return failedAt(1, header);
	const length = Math.ceil((header.entries * header.entryBytes) / SECTOR);
	if (header.entriesLba + length > sectors) return failedAt(1, 'the entries extend past the end of the disk');
	const entries = read(header.entriesLba, length);
	if (entries === undefined) return failedAt(header.entriesLba, 'I/O error');
	const found = gptPartitions(entries, header);
	if (typeof found === 'string') return failedAt(header.entriesLba, found);
	// Firmware skips invalid entries (EDK2, PartitionCheckGptEntry).
	const faults = found.map(partition => partitionFault(partition, found, header.usable));
	const partitions = found.filter((_, i) => faults[i] === undefined);
	const lines = found.map((partition, i) => partitionLine(partition, faults[i]));
	if (partitions.length === 0)
		return {bootable: false, partitions, lines: ['GPT: CRCs ok, but no partition', ...lines, NO_DISK]};
	return {
		bootable: true,
		partitions,
		lines: ['LBA 0: 55 aa, protective; GPT: header and entry CRCs ok', ...lines],
	};
}

/** A name comes from the disk, so characters that cannot be printed become dots. */
function partitionLine({number, type, name, firstLba, lastLba}: Partition, fault?: string): string {
	const label = name === '' ? '' : ` "${name.replace(UNPRINTABLE, '·')}"`;
	if (fault !== undefined) return `${number}: ${type}${label}, skipped: ${fault}`;
	return `${number}: ${type}${label}, ${sizeText((lastLba - firstLba + 1) * SECTOR)} at LBA ${firstLba}`;
}
