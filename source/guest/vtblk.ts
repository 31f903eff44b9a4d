// The guest's virtio block driver: one queue in its memory, one request at a time, and its own buffers.

import {RING_SIZE, type VirtioBlk} from '../bhyve/virtio-blk.js';
import {
	BLK,
	BLK_HEADER_BYTES,
	DESC,
	DESC_BYTES,
	DESC_NEXT,
	DESC_WRITE,
	queueLayout,
	USED,
} from '../formats/virtqueue.js';
import type {Vm} from '../kernel/vm.js';
import type {VmMap} from '../kernel/vm-map.js';

/** Where the driver keeps its queue and its request, in guest physical memory. */
const QUEUE = 0x80000;
const PLACE = queueLayout(QUEUE, RING_SIZE);
const HEADER = 0x88000;
const STATUS = HEADER + BLK_HEADER_BYTES;
export const DRIVER_MEMORY = {start: QUEUE, end: HEADER + 4096};

/** The longest request: a header and a status beside it in the ring. */
export const MAX_SEGMENTS = RING_SIZE - 2;
/** What the driver puts in the status byte beforehand, to see that the device wrote it. */
const UNWRITTEN = 0xff;

export type Segment = {gpa: number; bytes: number};

export class Vtblk {
	readonly #map: VmMap;
	readonly #device: VirtioBlk;
	#avail = 0;

	constructor(vm: Vm, device: VirtioBlk) {
		this.#map = vm.map;
		this.#device = device;
		this.reset();
	}

	get sectors(): number {
		return this.#device.sectors;
	}

	/** Clears the queue and tells the device where it is. */
	reset(): void {
		this.#map.write(QUEUE, new Uint8Array(PLACE.end - QUEUE));
		this.#avail = 0;
		this.#device.setQueue(PLACE);
	}

	/** Puts a request in the ring and kicks the device. @returns the status byte; undefined: it never came back. */
	request(
		type: number,
		sector: number,
		segments: readonly Segment[],
		deviceWrites: boolean,
	): number | undefined {
		const map = this.#map;
		map.setU32(HEADER + BLK.TYPE, type);
		map.setU32(HEADER + BLK.TYPE + 4, 0);
		map.setU32(HEADER + BLK.SECTOR, sector % 2 ** 32);
		map.setU32(HEADER + BLK.SECTOR + 4, Math.floor(sector / 2 ** 32));
		map.setU8(STATUS, UNWRITTEN);
		const direction = deviceWrites ? DESC_WRITE : 0;
		this.#describe(0, {gpa: HEADER, bytes: BLK_HEADER_BYTES}, DESC_NEXT);
		segments.forEach((segment, i) => {
			this.#describe(i + 1, segment, direction | DESC_NEXT);
		});
		this.#describe(segments.length + 1, {gpa: STATUS, bytes: 1}, DESC_WRITE);

		map.setU16(PLACE.avail + 4 + 2 * (this.#avail % RING_SIZE), 0);
		this.#avail = (this.#avail + 1) & 0xffff;
		map.setU16(PLACE.avail + 2, this.#avail);
		this.#device.notify();
		return map.u16(PLACE.used + USED.IDX) === this.#avail ? map.u8(STATUS) : undefined;
	}

	#describe(index: number, {gpa, bytes}: Segment, flags: number): void {
		const at = PLACE.descriptors + index * DESC_BYTES;
		this.#map.setU32(at + DESC.ADDR, gpa % 2 ** 32);
		this.#map.setU32(at + DESC.ADDR + 4, Math.floor(gpa / 2 ** 32));
		this.#map.setU32(at + DESC.LEN, bytes);
		this.#map.setU16(at + DESC.FLAGS, flags);
		this.#map.setU16(at + DESC.NEXT, flags & DESC_NEXT ? index + 1 : 0);
	}
}
