// AHCI 1.3.1: controller registers (chapter 3), command list, command table, PRDT and received FISes (section 4.2),
// and the FISes between host and device (Serial ATA 3.1, chapter 10).

/** Controller registers. Port n's registers start at PORTS + n × PORT_BYTES. */
export const HBA = {CAP: 0x00, GHC: 0x04, IS: 0x08, PI: 0x0c, VS: 0x10, CAP2: 0x24} as const;
export const PORTS = 0x100;
export const PORT_BYTES = 0x80;
export const GHC = {HR: 0x1, IE: 0x2, AE: 0x8000_0000} as const;

/** Port registers, and bits of PxCMD and PxIS. */
export const PX = {
	CLB: 0x00,
	CLBU: 0x04,
	FB: 0x08,
	FBU: 0x0c,
	IS: 0x10,
	IE: 0x14,
	CMD: 0x18,
	TFD: 0x20,
	SIG: 0x24,
	SSTS: 0x28,
	SCTL: 0x2c,
	SERR: 0x30,
	SACT: 0x34,
	CI: 0x38,
} as const;
export const CMD = {
	ST: 0x1,
	SUD: 0x2,
	POD: 0x4,
	CLO: 0x8,
	FRE: 0x10,
	CCS: 0x1f00,
	CCS_SHIFT: 8,
	FR: 0x4000,
	CR: 0x8000,
	CPS: 0x1_0000,
	APSTE: 0x80_0000,
	ATAPI: 0x100_0000,
	DLAE: 0x200_0000,
	ALPE: 0x400_0000,
	ASP: 0x800_0000,
	ICC: 0xf000_0000,
} as const;
export const PX_IS = {DHR: 0x1, PS: 0x2, SDB: 0x8, TFE: 0x4000_0000} as const;
export const SIGNATURE_ATA = 0x101;
export const SLOTS = 32;

export const COMMAND_HEADER_BYTES = 32;
/** Offsets in a command header. DW0: CFL 4:0, W 6, PRDTL 31:16. */
export const HEADER = {DW0: 0, PRDBC: 4, CTBA: 8, CTBAU: 12} as const;
export const HEADER_WRITE = 1 << 6;
export const FIS_DWORDS = 5;

/** The PRDT's offset in a command table. A PRD is 16 bytes and moves up to 4 MiB. */
export const PRDT = 0x80;
export const PRD_BYTES = 16;
export const PRD = {DBA: 0, DBAU: 4, DBC: 12} as const;
export const PRD_MAX = 4 * 1024 * 1024;

/** Offsets of the device's FISes in the received FIS area (4.2.1), and the area's size. */
export const RECEIVED = {PIO_SETUP: 0x20, D2H: 0x40, SDB: 0x58} as const;
export const RECEIVED_BYTES = 256;
export const FIS_BYTES = 4 * FIS_DWORDS;
export const SDB_BYTES = 8;
/** The status bits that a Set Device Bits FIS can change. */
export const SDB_STATUS = 0x77;

export const FIS_H2D = 0x27;
export const FIS_D2H = 0x34;
export const FIS_PIO_SETUP = 0x5f;
export const FIS_SDB = 0xa1;
/** In byte 1: a command, not a device control; from the device, an interrupt. */
export const FIS_COMMAND_BIT = 0x80;
export const FIS_INTERRUPT_BIT = 0x40;

/**
 * The five dwords of a register FIS for a 48-bit command. 65,536 sectors are written as 0. A queued command has its
 * count in `features` and its tag in the count field.
 */
export function dmaFis(
	command: number,
	lba: number,
	sectors: number,
	features = 0,
): [number, number, number, number, number] {
	const high = Math.floor(lba / 2 ** 24);
	const lbaMode = 0x40 << 24;
	return [
		(FIS_H2D | (FIS_COMMAND_BIT << 8) | (command << 16) | ((features & 0xff) << 24)) >>> 0,
		((lba & 0xffffff) | lbaMode) >>> 0,
		((high & 0xffffff) | ((features & 0xff00) << 16)) >>> 0,
		sectors & 0xffff,
		0,
	];
}

export const fisCommand = (dw0: number): number => (dw0 >>> 16) & 0xff;
export const fisLba = (dw1: number, dw2: number): number => (dw2 & 0xffffff) * 2 ** 24 + (dw1 & 0xffffff);
export const fisSectors = (dw3: number): number => dw3 & 0xffff || 65536;

/** A register FIS from the device: status and error as in PxTFD, then the bytes from LBA to count. */
export function d2hFis(tfd: number, rest: ArrayLike<number> = []): Uint8Array {
	const fis = new Uint8Array(FIS_BYTES);
	fis.set([FIS_D2H, 0, tfd, tfd >> 8]);
	fis.set(rest, 4);
	return fis;
}

/** A Set Device Bits FIS: the queued commands in these slots are done. Two status bits stay as they are. */
export function sdbFis(tfd: number, slots: number): Uint8Array {
	const fis = new Uint8Array(SDB_BYTES);
	fis.set([FIS_SDB, FIS_INTERRUPT_BIT, tfd & SDB_STATUS, tfd >> 8]);
	new DataView(fis.buffer).setUint32(4, slots, true);
	return fis;
}
