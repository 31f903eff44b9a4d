// xHCI transfer request blocks (xHCI 1.2, section 6.4), and the Bulk-Only Transport wrappers around a USB disk's SCSI
// commands (USB mass storage class 1.0, section 5).

export const TRB_BYTES = 16;
/** Offsets in a TRB. Control: cycle 0, chain 4, IOC 5, type 15:10. */
export const TRB = {POINTER: 0, STATUS: 8, CONTROL: 12} as const;
export const TRB_CYCLE = 1;
/** Link TRB: toggle cycle. */
export const TRB_TOGGLE = 2;
export const TRB_CHAIN = 1 << 4;
export const TRB_IOC = 1 << 5;
export const TRB_TYPE = {NORMAL: 1, LINK: 6, TRANSFER_EVENT: 32} as const;
export const trbType = (control: number): number => (control >>> 10) & 0x3f;
export const trbOf = (type: number): number => type << 10;
/** A normal TRB moves at most 64 KiB and does not cross a 64 KiB boundary (4.11.7.1). */
export const TRB_BOUNDARY = 65536;
/** Completion codes: bits 31:24 of an event's status. Bits 23:0 are the bytes not transferred. */
export const COMPLETION = {SUCCESS: 1, STALL: 6, SHORT: 13} as const;

export const CBW_BYTES = 31;
export const CBW_SIGNATURE = 0x43425355;
export const CBW = {SIGNATURE: 0, TAG: 4, LENGTH: 8, FLAGS: 12, LUN: 13, CB_LENGTH: 14, CB: 15} as const;
export const CBW_IN = 0x80;
export const CSW_BYTES = 13;
export const CSW_SIGNATURE = 0x53425355;
export const CSW = {SIGNATURE: 0, TAG: 4, RESIDUE: 8, STATUS: 12} as const;
export const CSW_PASSED = 0;
export const CSW_FAILED = 1;

/**
 * SCSI block commands, big-endian (SBC-3). READ(10): LBA 2–5, blocks 7–8. READ(16): LBA 2–9, blocks 10–13. scsi_read_write
 * takes the shorter one where it is enough.
 */
export const SCSI = {READ_10: 0x28, WRITE_10: 0x2a, READ_16: 0x88, WRITE_16: 0x8a} as const;
