// The split virtqueue, a virtio device's legacy PCI registers, and virtio-blk requests (virtio 1.1, sections 2.6,
// 4.1.4.8 and 5.2). Little-endian.

export const DESC_BYTES = 16;
export const DESC_NEXT = 1;
export const DESC_WRITE = 2;
export const DESC_INDIRECT = 4;

/** Offsets in a descriptor. */
export const DESC = {ADDR: 0, LEN: 8, FLAGS: 12, NEXT: 14} as const;
/** Offsets in the available and used rings. Their entries are 2 and 8 bytes. */
export const AVAIL = {FLAGS: 0, IDX: 2, RING: 4} as const;
export const USED = {FLAGS: 0, IDX: 2, RING: 4} as const;
/** In AVAIL.FLAGS: the driver wants no interrupt. */
export const AVAIL_NO_INTERRUPT = 1;

/** The registers in BAR 0 while MSI-X is off. The device's configuration follows them. */
export const VIRTIO_PCI = {
	HOST_FEATURES: 0,
	GUEST_FEATURES: 4,
	QUEUE_PFN: 8,
	QUEUE_NUM: 12,
	QUEUE_SEL: 14,
	QUEUE_NOTIFY: 16,
	STATUS: 18,
	ISR: 19,
	CONFIG: 20,
} as const;
export const VIRTIO_STATUS = {ACK: 1, DRIVER: 2, DRIVER_OK: 4} as const;
export const RING_F_INDIRECT_DESC = 1 << 28;

/** A virtio-blk request header, 16 bytes: type, reserved, sector (in 512-byte units). */
export const BLK_HEADER_BYTES = 16;
export const BLK = {TYPE: 0, SECTOR: 8} as const;
export const BLK_T = {IN: 0, OUT: 1, FLUSH: 4, FLUSH_OUT: 5, GET_ID: 8, DISCARD: 11} as const;
/** Drivers that use barriers OR this into the type. */
export const BLK_T_BARRIER = 0x80000000;
export const BLK_S = {OK: 0, IOERR: 1, UNSUPP: 2} as const;
export const BLK_ID_BYTES = 20;

export const BLK_F = {
	SEG_MAX: 1 << 2,
	BLK_SIZE: 1 << 6,
	FLUSH: 1 << 9,
	TOPOLOGY: 1 << 10,
	DISCARD: 1 << 13,
} as const;
/** Offsets in the device's configuration, struct virtio_blk_config. */
export const BLK_CONFIG = {
	CAPACITY: 0,
	SIZE_MAX: 8,
	SEG_MAX: 12,
	GEOMETRY: 16,
	BLK_SIZE: 20,
	PHYSICAL_BLOCK_EXP: 24,
	ALIGNMENT_OFFSET: 25,
	WRITEBACK: 32,
	MAX_DISCARD_SECTORS: 36,
	MAX_DISCARD_SEG: 40,
	DISCARD_SECTOR_ALIGNMENT: 44,
} as const;
export const BLK_CONFIG_BYTES = 60;

/** struct virtio_blk_discard_write_zeroes. */
export const BLK_DISCARD = {SECTOR: 0, SECTORS: 8, FLAGS: 12} as const;
export const BLK_DISCARD_BYTES = 16;

/** The parts of a queue of `size` entries, from its page-aligned start (legacy layout, 2.6.2). */
export function queueLayout(start: number, size: number) {
	const avail = start + size * DESC_BYTES;
	const used = Math.ceil((avail + AVAIL.RING + 2 * size + 2) / 4096) * 4096;
	return {descriptors: start, avail, used, end: used + USED.RING + 8 * size + 2};
}
