// bhyve's virtio.c: a split virtqueue in guest memory, accessed through the process's mapping, and a legacy virtio
// device's registers in BAR 0.

import {join64, PAGE_SIZE} from '../formats/address.js';
import {
	AVAIL,
	AVAIL_NO_INTERRUPT,
	DESC,
	DESC_BYTES,
	DESC_INDIRECT,
	DESC_NEXT,
	DESC_WRITE,
	queueLayout,
	USED,
	VIRTIO_PCI,
} from '../formats/virtqueue.js';
import type {VmMap} from '../kernel/vm-map.js';
import {aborts} from './device-guard.js';
import {NULL, type VmContext} from './vmmapi.js';

/** A descriptor's buffer. The pointer is NULL if the GPA is not guest memory. */
export type Descriptor = {pointer: number; bytes: number};
/** Descriptors in order, with indirect tables expanded, and the number in each direction. */
export type Chain = {head: number; descriptors: Descriptor[]; readable: number; writable: number};

/** VQ_MAX_DESCRIPTORS: a longer chain counts as a loop. */
const MAX_DESCRIPTORS = 512;

/** Pointers to a queue's parts. */
export type QueuePlace = {descriptors: number; avail: number; used: number};

export class VirtQueue {
	private readonly ctx: VmContext;
	private readonly map: VmMap;
	private readonly size: number;
	private readonly descriptors: number;
	private readonly avail: number;
	private readonly used: number;
	/** The descriptor last read. */
	private readonly fetched = new Uint32Array(DESC_BYTES / 4);
	private lastAvail = 0;
	private nextUsed = 0;
	private savedUsed = 0;

	/** `place`: pointers to the queue's parts; `begin`: where device and driver left off, if they have begun. */
	constructor(ctx: VmContext, size: number, place: QueuePlace, begin = {avail: 0, used: 0}) {
		this.ctx = ctx;
		this.map = ctx.process;
		this.size = size;
		this.descriptors = place.descriptors;
		this.avail = place.avail;
		this.used = place.used;
		this.lastAvail = begin.avail;
		this.nextUsed = begin.used;
		this.savedUsed = begin.used;
	}

	/** vi_vq_init: the guest has written the queue's page frame number. */
	static atPfn(ctx: VmContext, size: number, pfn: number): VirtQueue {
		const {descriptors, avail, used, end} = queueLayout(0, size);
		const base = ctx.mapGpa(pfn * PAGE_SIZE, Math.ceil(end / PAGE_SIZE) * PAGE_SIZE);
		return new VirtQueue(ctx, size, {
			descriptors: base + descriptors,
			avail: base + avail,
			used: base + used,
		});
	}

	/** The entry of the available ring that comes next. */
	get nextAvail(): number {
		return this.lastAvail;
	}

	/** vq_has_descs. bhyve notices only here that the queue is outside guest memory. */
	hasChain(): boolean {
		if (this.descriptors === NULL) throw aborts('the queue is not in guest memory');
		return this.map.acquireU16(this.avail + AVAIL.IDX) !== this.lastAvail;
	}

	/** vq_getchain: the next chain. Device models assert that it is valid. */
	getChain(): Chain {
		const waiting = (this.map.acquireU16(this.avail + AVAIL.IDX) - this.lastAvail) & 0xffff;
		if (waiting > this.size) {
			throw aborts(`the ring claims ${waiting} chains but has only ${this.size} entries`);
		}
		const head = this.map.u16(this.avail + AVAIL.RING + 2 * (this.lastAvail % this.size));
		this.lastAvail = (this.lastAvail + 1) & 0xffff;
		const chain: Chain = {head, descriptors: [], readable: 0, writable: 0};
		for (let next = head; ; ) {
			if (next >= this.size) throw aborts(`descriptor index ${next} is out of range`);
			const links = this.fetch(this.descriptors, next);
			next = links >>> 16;
			if (links & DESC_INDIRECT) this.indirect(chain);
			else this.append(chain, links);
			if ((links & DESC_NEXT) === 0) return chain;
		}
	}

	/** Appends the descriptors of an indirect table, which is elsewhere in guest memory. */
	private indirect(chain: Chain): void {
		const bytes = this.fetched[DESC.LEN / 4];
		if (bytes === 0 || bytes % DESC_BYTES !== 0) throw aborts(`an indirect table has ${bytes} bytes`);
		const table = this.ctx.mapGpa(this.address, bytes);
		if (table === NULL) throw aborts('an indirect table is not in guest memory');
		for (let next = 0; ; ) {
			const links = this.fetch(table, next);
			if (links & DESC_INDIRECT) throw aborts('an indirect table contains an indirect table');
			this.append(chain, links);
			if ((links & DESC_NEXT) === 0) return;
			next = links >>> 16;
			if (next >= bytes / DESC_BYTES) throw aborts(`indirect descriptor index ${next} is out of range`);
		}
	}

	/** Reads a descriptor. @returns its flags, and above them the index of the next one */
	private fetch(table: number, index: number): number {
		this.map.words(table + index * DESC_BYTES, this.fetched);
		return this.fetched[DESC.FLAGS / 4];
	}

	private append(chain: Chain, flags: number): void {
		if (chain.descriptors.length === MAX_DESCRIPTORS) throw aborts('the descriptor chain loops');
		const bytes = this.fetched[DESC.LEN / 4];
		chain.descriptors.push({
			pointer: this.ctx.mapGpa(this.address, bytes, (flags & DESC_WRITE) !== 0),
			bytes,
		});
		if (flags & DESC_WRITE) chain.writable++;
		else chain.readable++;
	}

	private get address(): number {
		return join64(this.fetched[DESC.ADDR / 4], this.fetched[DESC.ADDR / 4 + 1]);
	}

	/** vq_relchain: returns a chain in the used ring. The device has its own index and does not read the guest's copy. */
	release(head: number, bytes: number): void {
		const at = this.used + USED.RING + 8 * (this.nextUsed % this.size);
		this.nextUsed = (this.nextUsed + 1) & 0xffff;
		this.map.setU32(at, head);
		this.map.setU32(at + 4, bytes);
		this.map.releaseU16(this.used + USED.IDX, this.nextUsed);
	}

	/** vq_endchains. @returns whether to interrupt the guest */
	endChains(): boolean {
		const before = this.savedUsed;
		this.savedUsed = this.map.u16(this.used + USED.IDX);
		const flags = this.map.u16(this.avail + AVAIL.FLAGS);
		return this.savedUsed !== before && (flags & AVAIL_NO_INTERRUPT) === 0;
	}
}

/** A device model (struct virtio_consts). */
export type VirtioDevice = {features: number; queueSize: number; config: DataView; notify: () => void};

/** The size of each register in bytes. */
const SIZES: Record<number, number> = {
	[VIRTIO_PCI.HOST_FEATURES]: 4,
	[VIRTIO_PCI.GUEST_FEATURES]: 4,
	[VIRTIO_PCI.QUEUE_PFN]: 4,
	[VIRTIO_PCI.QUEUE_NUM]: 2,
	[VIRTIO_PCI.QUEUE_SEL]: 2,
	[VIRTIO_PCI.QUEUE_NOTIFY]: 2,
	[VIRTIO_PCI.STATUS]: 1,
	[VIRTIO_PCI.ISR]: 1,
};
const ISR_QUEUE = 1;

/** The registers of a device with one queue, while MSI-X is off. */
export class VirtioPci {
	queue: VirtQueue | undefined;
	private readonly ctx: VmContext;
	private readonly device: VirtioDevice;
	private negotiated = 0;
	private selected = 0;
	private pfn = 0;
	private status = 0;
	private isr = 0;

	constructor(ctx: VmContext, device: VirtioDevice) {
		this.ctx = ctx;
		this.device = device;
	}

	/** vq_interrupt: without MSI-X, a bit of the ISR and the interrupt line. */
	interrupt(): void {
		this.isr |= ISR_QUEUE;
	}

	/** vi_pci_read: all ones if no register of that size is there. */
	read(offset: number, size: 1 | 2 | 4): number {
		const {config} = this.device;
		const at = offset - VIRTIO_PCI.CONFIG;
		if (at >= 0 && at + size <= config.byteLength) {
			if (size === 1) return config.getUint8(at);
			return size === 2 ? config.getUint16(at, true) : config.getUint32(at, true);
		}
		return SIZES[offset] === size ? this.register(offset) : 2 ** (8 * size) - 1;
	}

	/** vi_pci_write: read-only registers ignore it. */
	write(offset: number, size: 1 | 2 | 4, value: number): void {
		if (SIZES[offset] !== size) return;
		switch (offset) {
			case VIRTIO_PCI.GUEST_FEATURES:
				this.negotiated = (value & this.device.features) >>> 0;
				break;
			case VIRTIO_PCI.QUEUE_PFN:
				if (this.selected !== 0) break;
				this.pfn = value >>> 0;
				this.queue = VirtQueue.atPfn(this.ctx, this.device.queueSize, this.pfn);
				break;
			case VIRTIO_PCI.QUEUE_SEL:
				this.selected = value & 0xffff;
				break;
			case VIRTIO_PCI.QUEUE_NOTIFY:
				if (value === 0) this.device.notify();
				break;
			case VIRTIO_PCI.STATUS:
				this.status = value & 0xff;
				if (this.status === 0) this.reset();
				break;
		}
	}

	private register(offset: number): number {
		switch (offset) {
			case VIRTIO_PCI.HOST_FEATURES:
				return this.device.features >>> 0;
			case VIRTIO_PCI.GUEST_FEATURES:
				return this.negotiated;
			case VIRTIO_PCI.QUEUE_PFN:
				return this.selected === 0 ? this.pfn : 0xffffffff;
			case VIRTIO_PCI.QUEUE_NUM:
				return this.selected === 0 ? this.device.queueSize : 0;
			case VIRTIO_PCI.QUEUE_SEL:
				return this.selected;
			case VIRTIO_PCI.STATUS:
				return this.status;
			case VIRTIO_PCI.ISR: {
				const isr = this.isr;
				this.isr = 0;
				return isr;
			}
			default:
				return 0;
		}
	}

	/** vi_reset_dev. */
	private reset(): void {
		this.queue = undefined;
		this.negotiated = 0;
		this.selected = 0;
		this.pfn = 0;
		this.isr = 0;
	}
}
