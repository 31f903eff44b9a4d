// AHCI 1.3.1: command list, command table, PRDT (section 4.2), and the ATA commands in a host-to-device FIS.

export const COMMAND_HEADER_BYTES = 32;
/** Offsets in a command header. DW0: CFL 4:0, W 6, PRDTL 31:16. */
export const HEADER = {DW0: 0, PRDBC: 4, CTBA: 8, CTBAU: 12} as const;
export const HEADER_WRITE = 1 << 6;
export const FIS_DWORDS = 5;

/** Where the PRDT starts in a command table; a PRD is 16 bytes and moves up to 4 MiB. */
export const PRDT = 0x80;
export const PRD_BYTES = 16;
export const PRD = {DBA: 0, DBAU: 4, DBC: 12} as const;
export const PRD_MAX = 4 * 1024 * 1024;

export const FIS_H2D = 0x27;
export const FIS_COMMAND_BIT = 0x80;
export const ATA_READ_DMA_EXT = 0x25;
export const ATA_WRITE_DMA_EXT = 0x35;

/** Task file status: DRDY alone, or with ERR. */
export const STATUS_OK = 0x50;
export const STATUS_ERROR = 0x51;

/** The five dwords of a register FIS for a 48-bit DMA command. `sectors` 65,536 is written as 0. */
export function dmaFis(
	command: number,
	lba: number,
	sectors: number,
): [number, number, number, number, number] {
	const high = Math.floor(lba / 2 ** 24);
	const lbaMode = 0x40 << 24;
	return [
		FIS_H2D | (FIS_COMMAND_BIT << 8) | (command << 16),
		((lba & 0xffffff) | lbaMode) >>> 0,
		high & 0xffffff,
		sectors & 0xffff,
		0,
	];
}

export const fisCommand = (dw0: number): number => (dw0 >>> 16) & 0xff;
export const fisLba = (dw1: number, dw2: number): number => (dw2 & 0xffffff) * 2 ** 24 + (dw1 & 0xffffff);
export const fisSectors = (dw3: number): number => dw3 & 0xffff || 65536;
