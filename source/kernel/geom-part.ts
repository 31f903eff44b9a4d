// GEOM's partitions: a provider inside another one (g_part). The disk's own driver reads the partition table.

import {PAGE_SIZE, SECTOR} from '../formats/address.js';
import {
	gptHeader,
	gptPartitions,
	hasBootSignature,
	isProtective,
	mbrPartitions,
	type Partition,
	partitionFault,
	type Usable,
} from '../formats/gpt.js';
import type {Memory} from '../hardware/memory.js';
import type {Bio, Provider} from './physio.js';
import type {VmPages} from './vm-page.js';

export class PartitionProvider implements Provider {
	/** The first byte of the partition on its disk. */
	readonly start: number;
	readonly mediaBytes: number;
	private readonly parent: Provider;

	constructor(
		parent: Provider,
		readonly name: string,
		{firstLba, lastLba}: Partition,
	) {
		this.parent = parent;
		this.start = firstLba * SECTOR;
		this.mediaBytes = (lastLba - firstLba + 1) * SECTOR;
	}

	get writable(): boolean {
		return this.parent.writable;
	}

	strategy(bio: Bio): {moved: number; error: boolean} {
		return this.parent.strategy({...bio, offset: bio.offset + this.start});
	}

	flush(): string | undefined {
		return this.parent.flush();
	}

	delete(offset: number, bytes: number): string | undefined {
		return this.parent.delete(offset + this.start, bytes);
	}
}

/** Tastes a disk: finds the partitions of its GPT or MBR; none if it has neither, or an invalid one. */
export function taste(disk: Provider, memory: Memory, pages: VmPages): PartitionProvider[] {
	const buffer = pages.allocContiguous(GPT_PAGES, 'kernel');
	const read = (lba: number, sectors: number): Uint8Array | undefined => {
		const bytes = sectors * SECTOR;
		if (bytes > GPT_PAGES * PAGE_SIZE || (lba + sectors) * SECTOR > disk.mediaBytes) return undefined;
		const {error} = disk.strategy({write: false, offset: lba * SECTOR, pages: [{hpa: buffer, bytes}]});
		return error ? undefined : memory.view(buffer, bytes);
	};
	const lastLba = disk.mediaBytes / SECTOR - 1;
	// One unsound entry, and the whole table is refused (g_part.c, g_part_check_integrity).
	const named = (found: Partition[], usable: Usable, prefix: string) =>
		usable.lastLba > lastLba || found.some(part => partitionFault(part, found, usable))
			? []
			: found.map(part => new PartitionProvider(disk, `${disk.name}${prefix}${part.number}`, part));
	const mbr = read(0, 1);
	if (mbr === undefined || !hasBootSignature(mbr)) return [];
	if (!isProtective(mbr)) return named(mbrPartitions(mbr), {firstLba: 1, lastLba}, 's');
	const sector = read(1, 1);
	const header = sector && gptHeader(sector, 1);
	if (header === undefined || typeof header === 'string') return [];
	const entries = read(header.entriesLba, Math.ceil((header.entries * header.entryBytes) / SECTOR));
	const found = entries && gptPartitions(entries, header);
	return found === undefined || typeof found === 'string' ? [] : named(found, header.usable, 'p');
}

/** Enough for the 32 sectors of a standard entry array. */
const GPT_PAGES = 4;
