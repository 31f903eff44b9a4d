// The split virtqueue and virtio-blk's requests (virtio 1.1, sections 2.6 and 5.2). Little-endian.

export const DESC_BYTES = 16;
export const DESC_NEXT = 1;
export const DESC_WRITE = 2;
export const DESC_INDIRECT = 4;

/** Offsets in a descriptor. */
export const DESC = {ADDR: 0, LEN: 8, FLAGS: 12, NEXT: 14} as const;
/** Offsets in the available and used rings; ring entries are 2 and 8 bytes. */
export const AVAIL = {FLAGS: 0, IDX: 2, RING: 4} as const;
export const USED = {FLAGS: 0, IDX: 2, RING: 4} as const;

/** virtio-blk's request header, 16 bytes: type, reserved, sector (512 B units). */
export const BLK_HEADER_BYTES = 16;
export const BLK = {TYPE: 0, SECTOR: 8} as const;
export const BLK_T = {IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8} as const;
export const BLK_S = {OK: 0, IOERR: 1, UNSUPP: 2} as const;
export const BLK_ID_BYTES = 20;

/** Where the parts of a queue of `size` entries lie, from its page-aligned start (legacy layout, 2.6.2). */
export function queueLayout(start: number, size: number) {
	const avail = start + size * DESC_BYTES;
	const used = Math.ceil((avail + AVAIL.RING + 2 * size + 2) / 4096) * 4096;
	return {descriptors: start, avail, used, end: used + USED.RING + 8 * size + 2};
}
