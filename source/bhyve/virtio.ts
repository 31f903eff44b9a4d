// bhyve's virtio.c: a split virtqueue in guest memory, seen through the process's mapping of it.

import {AVAIL, DESC, DESC_BYTES, DESC_INDIRECT, DESC_NEXT, DESC_WRITE, USED} from '../formats/virtqueue.js';
import type {VmMap} from '../kernel/vm-map.js';
import {NULL, type VmContext} from './vmmapi.js';

/** What a descriptor shows a device model. The pointer is NULL where the GPA is not guest memory. */
export type Descriptor = {pointer: number; bytes: number; deviceWrites: boolean};
export type Chain = {head: number; descriptors: Descriptor[]};

/** A guest broke the rules in a way that ends bhyve (an assertion, a NULL pointer) or stops the queue. */
export class DeviceStopped extends Error {}

export class VirtQueue {
	readonly #ctx: VmContext;
	readonly #map: VmMap;
	readonly #size: number;
	readonly #descriptors: number;
	readonly #avail: number;
	readonly #used: number;
	#lastAvail = 0;

	/** The guest has written the queue's place (GPAs). @throws DeviceStopped where that is not memory. */
	constructor(ctx: VmContext, size: number, place: {descriptors: number; avail: number; used: number}) {
		this.#ctx = ctx;
		this.#map = ctx.process;
		this.#size = size;
		this.#descriptors = ctx.mapGpa(place.descriptors, size * DESC_BYTES);
		this.#avail = ctx.mapGpa(place.avail, AVAIL.RING + 2 * size + 2);
		this.#used = ctx.mapGpa(place.used, USED.RING + 8 * size + 2);
		if (this.#descriptors === NULL || this.#avail === NULL || this.#used === NULL) {
			throw new DeviceStopped('the guest placed its queue outside its memory');
		}
	}

	/** vq_getchain: the next chain, or undefined where there is none. @throws DeviceStopped */
	getChain(): Chain | undefined {
		const waiting = (this.#map.u16(this.#avail + AVAIL.IDX) - this.#lastAvail) & 0xffff;
		if (waiting === 0) return undefined;
		if (waiting > this.#size) {
			throw new DeviceStopped(`the ring claims ${waiting} chains, more than its ${this.#size} entries`);
		}
		const head = this.#map.u16(this.#avail + AVAIL.RING + 2 * (this.#lastAvail % this.#size));
		this.#lastAvail = (this.#lastAvail + 1) & 0xffff;
		const descriptors: Descriptor[] = [];
		for (let next = head; ; ) {
			if (next >= this.#size) throw new DeviceStopped(`descriptor index ${next} is out of range`);
			if (descriptors.length >= this.#size) throw new DeviceStopped('the descriptor chain loops');
			const at = this.#descriptors + next * DESC_BYTES;
			const flags = this.#map.u16(at + DESC.FLAGS);
			if (flags & DESC_INDIRECT) throw new DeviceStopped('an indirect descriptor, which was not negotiated');
			const gpa = this.#map.u32(at + DESC.ADDR) + this.#map.u32(at + DESC.ADDR + 4) * 2 ** 32;
			const bytes = this.#map.u32(at + DESC.LEN);
			descriptors.push({
				pointer: this.#ctx.mapGpa(gpa, bytes),
				bytes,
				deviceWrites: (flags & DESC_WRITE) !== 0,
			});
			if ((flags & DESC_NEXT) === 0) return {head, descriptors};
			next = this.#map.u16(at + DESC.NEXT);
		}
	}

	/** vq_relchain: gives a chain back in the used ring. */
	release(head: number, bytes: number): void {
		const index = this.#map.u16(this.#used + USED.IDX);
		const at = this.#used + USED.RING + 8 * (index % this.#size);
		this.#map.setU32(at, head);
		this.#map.setU32(at + 4, bytes);
		this.#map.setU16(this.#used + USED.IDX, index + 1);
	}
}
