// ATA commands (ACS-3), as a disk behind AHCI receives them.

export const ATA = {
	NOP: 0x00,
	DATA_SET_MANAGEMENT: 0x06,
	READ: 0x20,
	READ_EXT: 0x24,
	READ_DMA_EXT: 0x25,
	READ_MULTIPLE_EXT: 0x29,
	READ_LOG_EXT: 0x2f,
	WRITE: 0x30,
	WRITE_EXT: 0x34,
	WRITE_DMA_EXT: 0x35,
	WRITE_MULTIPLE_EXT: 0x39,
	READ_VERIFY: 0x40,
	READ_VERIFY_EXT: 0x42,
	READ_LOG_DMA_EXT: 0x47,
	READ_FPDMA_QUEUED: 0x60,
	WRITE_FPDMA_QUEUED: 0x61,
	SEND_FPDMA_QUEUED: 0x64,
	READ_MULTIPLE: 0xc4,
	WRITE_MULTIPLE: 0xc5,
	SET_MULTIPLE: 0xc6,
	READ_DMA: 0xc8,
	WRITE_DMA: 0xca,
	STANDBY_IMMEDIATE: 0xe0,
	IDLE_IMMEDIATE: 0xe1,
	STANDBY: 0xe2,
	IDLE: 0xe3,
	CHECK_POWER_MODE: 0xe5,
	SLEEP: 0xe6,
	FLUSH_CACHE: 0xe7,
	FLUSH_CACHE_EXT: 0xea,
	IDENTIFY: 0xec,
	SET_FEATURES: 0xef,
} as const;

/** DATA SET MANAGEMENT's TRIM feature, and the SEND FPDMA QUEUED subcommand that queues it. */
export const DSM_TRIM = 1;
export const SEND_FPDMA_DSM = 0;
/** A page of TRIM ranges: 64 ranges of 8 bytes, each a 48-bit LBA and a 16-bit count. */
export const TRIM_BYTES = 512;
export const TRIM_RANGE_BYTES = 8;
export const TRIM_RANGE_SECTORS = 0xffff;

/** Subcommands of SET FEATURES. */
export const FEATURE = {
	ENABLE_WRITE_CACHE: 0x02,
	SET_TRANSFER_MODE: 0x03,
	ENABLE_SATA: 0x10,
	DISABLE_READ_AHEAD: 0x55,
	DISABLE_WRITE_CACHE: 0x82,
	ENABLE_READ_AHEAD: 0xaa,
} as const;
/** ENABLE_SATA's count for asynchronous notification. */
export const SATA_ASYNC_NOTIFICATION = 5;

/** Logs of READ LOG. */
export const LOG = {DIRECTORY: 0x00, NCQ_ERROR: 0x10, NCQ_SEND_RECEIVE: 0x13} as const;

/** The status byte and, above it, the error byte's ABRT, as in PxTFD. */
export const STATUS = {ERR: 0x01, DRQ: 0x08, DSC: 0x10, DMA: 0x20, DRDY: 0x40, BSY: 0x80} as const;
export const TFD_OK = STATUS.DRDY | STATUS.DSC;
export const ERROR_ABRT = 0x04;
export const TFD_ABORTED = (ERROR_ABRT << 8) | STATUS.DRDY | STATUS.ERR;

/** IDENTIFY DEVICE: 256 words, by number. */
export const IDENTIFY_BYTES = 512;
export const WORD = {
	CONFIG: 0,
	CYLINDERS: 1,
	HEADS: 3,
	SECTORS_PER_TRACK: 6,
	SERIAL: 10,
	FIRMWARE: 23,
	MODEL: 27,
	MULTIPLE: 47,
	CAPABILITIES: 49,
	CAPABILITIES_2: 50,
	VALID: 53,
	SECTORS: 60,
	MULTIWORD_DMA: 63,
	PIO: 64,
	CYCLE_TIMES: 65,
	TRIM: 69,
	QUEUE_DEPTH: 75,
	SATA: 76,
	SATA_2: 77,
	MAJOR: 80,
	MINOR: 81,
	SUPPORTED: 82,
	ENABLED: 85,
	ULTRA_DMA: 88,
	SECTORS_48: 100,
	TRIM_BLOCKS: 105,
	SECTOR_SIZE: 106,
	LOGICAL_SECTOR_WORDS: 117,
	SUPPORTED_2: 119,
	ENABLED_2: 120,
	TRIM_SUPPORT: 169,
	ALIGNMENT: 209,
	TRANSPORT: 222,
	INTEGRITY: 255,
} as const;
/**
 * In SECTOR_SIZE: logical sectors exceed 512 bytes, and LOGICAL_SECTOR_WORDS holds their size; a physical sector holds
 * several logical ones.
 */
export const LONG_SECTORS = 0x1000;
export const GROUPED_SECTORS = 0x2000;

/** ATA strings swap the bytes of each word and are padded with blanks. */
export function ataString(words: Uint8Array, word: number, bytes: number, text: string): void {
	const padded = new TextEncoder().encode(text.padEnd(bytes));
	for (let i = 0; i < bytes; i++) words[2 * word + (i ^ 1)] = padded[i];
}

/** Sets the last byte so that all bytes sum to 0. */
export function checksum(page: Uint8Array): void {
	page[page.length - 1] = 0;
	page[page.length - 1] = -page.reduce((sum, byte) => sum + byte, 0);
}
