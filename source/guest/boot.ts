// What the guest's firmware does at power-on: look for a disk to boot, and say on the console what it found.

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

/** Reads sectors through the guest's driver into its buffer, and shows that buffer; undefined: an I/O error. */
export type ReadSectors = (lba: number, sectors: number) => Uint8Array | undefined;

export type Found = {bootable: boolean; partitions: Partition[]; lines: string[]};

const NOTHING = 'no bootable disk';
/** How the first line starts that the console shows of it. */
export const LOOKING = 'looking for a disk';

/** Reads LBA 0 and the GPT, checks signatures and CRCs (UEFI 5.3.2). */
export function findDisk(read: ReadSectors, sectors: number): Found {
	const nothing = (why: string): Found => ({bootable: false, partitions: [], lines: [why, NOTHING]});
	const mbr = read(0, 1);
	if (mbr === undefined) return nothing('LBA 0: I/O error');
	if (!hasBootSignature(mbr)) return nothing('LBA 0: no 55 aa signature');
	if (!isProtective(mbr)) {
		const partitions = mbrPartitions(mbr);
		if (partitions.length === 0) return nothing('LBA 0: 55 aa, but no partition');
		return {
			bootable: true,
			partitions,
			lines: ['LBA 0: 55 aa, MBR partition table', ...partitions.map(part => partitionLine(part))],
		};
	}
	const problem = (lba: number, what: string) => `LBA ${lba}: ${what}`;
	const headerSector = sectors > 1 ? read(1, 1) : undefined;
	if (headerSector === undefined) return nothing(problem(1, 'I/O error'));
	const header = gptHeader(headerSector, 1);
	if (typeof header === 'string') return nothing(problem(1, header));
	const length = Math.ceil((header.entries * header.entryBytes) / SECTOR);
	if (header.entriesLba + length > sectors)
		return nothing(problem(1, 'the entries lie past the end of the disk'));
	const entries = read(header.entriesLba, length);
	if (entries === undefined) return nothing(problem(header.entriesLba, 'I/O error'));
	const found = gptPartitions(entries, header);
	if (typeof found === 'string') return nothing(problem(header.entriesLba, found));
	// Firmware passes over those that are not sound (EDK2, PartitionCheckGptEntry).
	const faults = found.map(partition => partitionFault(partition, found, header.usable));
	const partitions = found.filter((_, i) => faults[i] === undefined);
	const lines = found.map((partition, i) => partitionLine(partition, faults[i]));
	if (partitions.length === 0)
		return {bootable: false, partitions, lines: ['GPT: CRCs ok, but no partition', ...lines, NOTHING]};
	return {
		bootable: true,
		partitions,
		lines: ['LBA 0: 55 aa, protective; GPT: header and entry CRCs ok', ...lines],
	};
}

/** Names come from the disk: what is not printable is shown as a dot. */
function partitionLine({number, type, name, firstLba, lastLba}: Partition, fault?: string): string {
	const label = name === '' ? '' : ` "${name.replace(UNPRINTABLE, '·')}"`;
	if (fault !== undefined) return `${number}: ${type}${label}, skipped: ${fault}`;
	return `${number}: ${type}${label}, ${sizeText((lastLba - firstLba + 1) * SECTOR)} at LBA ${firstLba}`;
}
