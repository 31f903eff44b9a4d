// How bhyve's AHCI disk identifies itself: ata_identify_init in pci_ahci.c, and blockif_chs.

import {SECTOR} from '../formats/address.js';
import {ataString, checksum, GROUPED_SECTORS, IDENTIFY_BYTES, LONG_SECTORS, WORD} from '../formats/ata.js';
import type {BlockIf} from './block-if.js';

/** The page of IDENTIFY DEVICE. The controller builds it once. */
export function identifyPage(disk: BlockIf, serial: string): Uint8Array {
	const {sectorSize, physicalSectorSize} = disk;
	const sectors = (disk.sectors * SECTOR) / sectorSize;
	const page = new Uint8Array(IDENTIFY_BYTES);
	const view = new DataView(page.buffer);
	const set = (word: number, ...values: readonly number[]) => {
		values.forEach((value, i) => {
			view.setUint16(2 * (word + i), value, true);
		});
	};
	const geometry = chs(sectors);
	set(WORD.CONFIG, 0x40);
	set(WORD.CYLINDERS, geometry.cylinders);
	set(WORD.HEADS, geometry.heads);
	set(WORD.SECTORS_PER_TRACK, geometry.sectorsPerTrack);
	ataString(page, WORD.SERIAL, 20, serial);
	ataString(page, WORD.FIRMWARE, 8, '001');
	ataString(page, WORD.MODEL, 40, 'BHYVE SATA DISK');
	set(WORD.MULTIPLE, 0x8000 | 128);
	// DMA, LBA and IORDY.
	set(WORD.CAPABILITIES, 0x0b00);
	set(WORD.CAPABILITIES_2, 0x4000);
	set(WORD.VALID, 0x6);
	const lba28 = Math.min(sectors, 0x0fff_ffff);
	set(WORD.SECTORS, lba28, lba28 >>> 16);
	set(WORD.MULTIWORD_DMA, 0x7);
	set(WORD.PIO, 0x3);
	set(WORD.CYCLE_TIMES, 0x78, 0x78, 0x78, 0x78);
	set(WORD.QUEUE_DEPTH, 31);
	// Generations 1 to 3, NCQ; SEND and RECEIVE FPDMA QUEUED.
	set(WORD.SATA, 0x010e);
	set(WORD.SATA_2, 0x0040);
	set(WORD.MAJOR, 0x03f0);
	set(WORD.MINOR, 0x0028);
	// Power management, write cache, look-ahead, NOP; 48-bit addresses, FLUSH CACHE and FLUSH CACHE EXT.
	set(WORD.SUPPORTED, 0x4068, 0x7400, 0x4000);
	set(WORD.ENABLED, 0x4068, 0xb400, 0x4000);
	set(WORD.ULTRA_DMA, 0x7f);
	const high = Math.floor(sectors / 2 ** 32);
	set(WORD.SECTORS_48, sectors, Math.floor(sectors / 2 ** 16), high, Math.floor(high / 2 ** 16));
	if (disk.canDelete && !disk.readOnly) {
		// Trimmed sectors read as zeros.
		set(WORD.TRIM, 0x4020);
		set(WORD.TRIM_BLOCKS, 1);
		set(WORD.TRIM_SUPPORT, 1);
	}
	const long = sectorSize > SECTOR ? LONG_SECTORS : 0;
	const grouped = physicalSectorSize > sectorSize ? GROUPED_SECTORS : 0;
	// The logical sectors per physical one, as a power of two (ffsl: the lowest set bit).
	const ratio = grouped && physicalSectorSize / sectorSize;
	set(WORD.SECTOR_SIZE, 0x4000 | long | grouped | (grouped && 31 - Math.clz32(ratio & -ratio)));
	if (long) set(WORD.LOGICAL_SECTOR_WORDS, sectorSize / 2, (sectorSize / 2) >>> 16);
	// READ LOG DMA EXT.
	set(WORD.SUPPORTED_2, 0x4008);
	set(WORD.ENABLED_2, 0x4008);
	set(WORD.ALIGNMENT, 0x4000);
	set(WORD.TRANSPORT, 0x1020);
	set(WORD.INTEGRITY, 0x00a5);
	checksum(page);
	return page;
}

/** Cylinders, heads and sectors for a size, by the VHD specification's rule. */
function chs(sectors: number): {cylinders: number; heads: number; sectorsPerTrack: number} {
	const total = Math.min(sectors, 65535 * 16 * 255);
	const geometry = (sectorsPerTrack: number, heads: number) => ({
		cylinders: Math.floor(Math.floor(total / sectorsPerTrack) / heads),
		heads,
		sectorsPerTrack,
	});
	if (total >= 65536 * 16 * 63) return geometry(255, 16);
	const tracks = Math.floor(total / 17);
	const heads = Math.max(4, Math.floor((tracks + 1023) / 1024));
	if (tracks < heads * 1024 && heads <= 16) return geometry(17, heads);
	return Math.floor(total / 31) < 16 * 1024 ? geometry(31, 16) : geometry(63, 16);
}
