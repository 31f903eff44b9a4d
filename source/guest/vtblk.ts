// The guest's virtio block driver, with one queue in guest memory and a slot for each request's header and status. Long
// requests use indirect tables.

import {RING_SIZE, type VirtioBlk} from '../bhyve/virtio-blk.js';
import {high32, join64, low32, PAGE_SIZE} from '../formats/address.js';
import {
	BLK_CONFIG,
	BLK_DISCARD_BYTES,
	BLK_HEADER_BYTES,
	BLK_S,
	BLK_T,
	DESC_BYTES,
	DESC_INDIRECT,
	DESC_NEXT,
	DESC_WRITE,
	queueLayout,
	USED,
	VIRTIO_PCI,
	VIRTIO_STATUS,
} from '../formats/virtqueue.js';
import type {Vm} from '../kernel/vm.js';
import type {VmMap} from '../kernel/vm-map.js';
import type {Answer, GuestDisk, GuestRequest, Segment} from './driver.js';

/** The driver's queue, slots and indirect tables in guest physical memory. */
const QUEUE = 0x80000;
const PLACE = queueLayout(QUEUE, RING_SIZE);
const SLOTS = 0x82000;
const SLOT_BYTES = 64;
const SLOT = {HEADER: 0, DISCARD: 16, STATUS: 32} as const;
const TABLES = 0x84000;
export const DRIVER_MEMORY = {start: QUEUE, end: 0x89000};

/** A request with at least this many descriptors uses an indirect table. */
const LONG = 32;
/** The status byte before the device writes it. */
const UNWRITTEN = 0xff;

const TYPES = {read: BLK_T.IN, write: BLK_T.OUT, flush: BLK_T.FLUSH, delete: BLK_T.DISCARD} as const;
const TEXTS: Record<number, string> = {
	[BLK_S.OK]: 'status OK',
	[BLK_S.IOERR]: 'status I/O error',
	[BLK_S.UNSUPP]: 'status unsupported',
};

type Options = {alwaysIndirect?: boolean};

export class Vtblk implements GuestDisk {
	readonly model = 'virtio-blk';
	readonly memory = DRIVER_MEMORY;
	sectors = 0;
	maxSegments = 0;
	readonly problem = ({segments}: GuestRequest) =>
		segments.length > this.maxSegments
			? `virtio-blk takes at most ${this.maxSegments} segments, not ${segments.length}.`
			: undefined;
	private readonly map: VmMap;
	private readonly device: VirtioBlk;
	private readonly long: number;
	/** Ring indices, and the next free descriptor and indirect table in this kick. */
	private avail = 0;
	private used = 0;
	private descriptor = 0;
	private table = TABLES;
	private readonly words = new Uint32Array(4);

	constructor(vm: Vm, device: VirtioBlk, {alwaysIndirect = false}: Options = {}) {
		this.map = vm.map;
		this.device = device;
		this.long = alwaysIndirect ? 0 : LONG;
		this.reset();
	}

	get stopped(): string | undefined {
		return this.device.stopped;
	}

	/** Resets the device, accepts all features, reads its configuration, and sets up the queue (virtio 1.1, 3.1). */
	reset(): void {
		const device = this.device;
		device.write(VIRTIO_PCI.STATUS, 1, 0);
		device.write(VIRTIO_PCI.STATUS, 1, VIRTIO_STATUS.ACK | VIRTIO_STATUS.DRIVER);
		device.write(VIRTIO_PCI.GUEST_FEATURES, 4, device.read(VIRTIO_PCI.HOST_FEATURES, 4));
		this.sectors = join64(this.config(BLK_CONFIG.CAPACITY), this.config(BLK_CONFIG.CAPACITY + 4));
		this.maxSegments = this.config(BLK_CONFIG.SEG_MAX);
		this.map.write(QUEUE, new Uint8Array(PLACE.end - QUEUE));
		this.avail = 0;
		this.used = 0;
		device.write(VIRTIO_PCI.QUEUE_SEL, 2, 0);
		device.write(VIRTIO_PCI.QUEUE_PFN, 4, QUEUE / PAGE_SIZE);
		device.write(VIRTIO_PCI.STATUS, 1, VIRTIO_STATUS.ACK | VIRTIO_STATUS.DRIVER | VIRTIO_STATUS.DRIVER_OK);
	}

	request(request: GuestRequest): Answer {
		return this.batch([request])[0];
	}

	/** Sends as many per kick as fit into the ring and the tables. */
	batch(requests: readonly GuestRequest[]): Answer[] {
		const answers: Answer[] = [];
		while (answers.length < requests.length) {
			const heads = this.fill(requests, answers.length);
			if (heads.length === 0) throw new RangeError('the request does not fit into the ring');
			this.kick(heads, answers);
		}
		return answers;
	}

	/** Puts requests in the ring, from `start` on, while they fit. @returns the first descriptor of each */
	private fill(requests: readonly GuestRequest[], start: number): number[] {
		this.descriptor = 0;
		this.table = TABLES;
		const heads: number[] = [];
		while (heads.length < RING_SIZE && start + heads.length < requests.length) {
			const head = this.place(requests[start + heads.length], heads.length);
			if (head === undefined) break;
			heads.push(head);
		}
		return heads;
	}

	/** Puts a request in the ring. @returns its first descriptor, or undefined if it does not fit */
	private place(request: GuestRequest, number: number): number | undefined {
		const slot = SLOTS + number * SLOT_BYTES;
		const data =
			request.op === 'delete' ? [{gpa: slot + SLOT.DISCARD, bytes: BLK_DISCARD_BYTES}] : request.segments;
		const length = data.length + 2;
		const indirect = length >= this.long;
		const tableBytes = indirect ? length * DESC_BYTES : 0;
		const head = this.descriptor;
		if (head + (indirect ? 1 : length) > RING_SIZE) return undefined;
		if (this.table + tableBytes > DRIVER_MEMORY.end) return undefined;
		this.header(request, slot);
		if (indirect) {
			this.chain(this.table, 0, slot, data, request.op === 'read');
			this.put(PLACE.descriptors, head, this.table, tableBytes, DESC_INDIRECT);
			this.table += tableBytes;
			this.descriptor++;
		} else {
			this.chain(PLACE.descriptors, head, slot, data, request.op === 'read');
			this.descriptor += length;
		}
		this.map.setU16(PLACE.avail + 4 + 2 * ((this.avail + number) % RING_SIZE), head);
		return head;
	}

	private header({op, sector, sectors}: GuestRequest, slot: number): void {
		const discard = op === 'delete';
		const offset = discard ? 0 : sector;
		this.store(slot + SLOT.HEADER, TYPES[op], 0, low32(offset), high32(offset));
		if (discard) this.store(slot + SLOT.DISCARD, low32(sector), high32(sector), sectors, 0);
		this.map.setU8(slot + SLOT.STATUS, UNWRITTEN);
	}

	/** Writes the descriptors of header, data and status byte into a table, from `first` on. */
	private chain(
		table: number,
		first: number,
		slot: number,
		data: readonly Segment[],
		deviceWrites: boolean,
	): void {
		this.put(table, first, slot + SLOT.HEADER, BLK_HEADER_BYTES, DESC_NEXT);
		const flags = deviceWrites ? DESC_NEXT | DESC_WRITE : DESC_NEXT;
		let index = first + 1;
		for (const {gpa, bytes} of data) this.put(table, index++, gpa, bytes, flags);
		this.put(table, index, slot + SLOT.STATUS, 1, DESC_WRITE);
	}

	private put(table: number, index: number, gpa: number, bytes: number, flags: number): void {
		const next = flags & DESC_NEXT ? index + 1 : 0;
		this.store(table + index * DESC_BYTES, low32(gpa), high32(gpa), bytes, flags | (next << 16));
	}

	/** Writes four words: a descriptor, a header or a range to discard. */
	private store(gpa: number, word0: number, word1: number, word2: number, word3: number): void {
		const words = this.words;
		words[0] = word0;
		words[1] = word1;
		words[2] = word2;
		words[3] = word3;
		this.map.setWords(gpa, words);
	}

	/** Notifies the device, and reads the answer for each head from the used ring. */
	private kick(heads: readonly number[], answers: Answer[]): void {
		const map = this.map;
		this.avail = (this.avail + heads.length) & 0xffff;
		map.setU16(PLACE.avail + 2, this.avail);
		this.device.write(VIRTIO_PCI.QUEUE_NOTIFY, 2, 0);
		const start = answers.length;
		for (const _ of heads) answers.push(undefined);
		for (; this.used !== map.u16(PLACE.used + USED.IDX); this.used = (this.used + 1) & 0xffff) {
			const number = heads.indexOf(map.u32(PLACE.used + USED.RING + 8 * (this.used % RING_SIZE)));
			const status = map.u8(SLOTS + number * SLOT_BYTES + SLOT.STATUS);
			if (number >= 0)
				answers[start + number] = {ok: status === BLK_S.OK, text: TEXTS[status] ?? `status ${status}`};
		}
	}

	private config(offset: number): number {
		return this.device.read(VIRTIO_PCI.CONFIG + offset, 4);
	}
}
