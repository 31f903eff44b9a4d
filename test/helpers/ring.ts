// A virtio queue filled by hand, to do what a real driver would not do.

import type {TestContext} from 'node:test';
import {RING_SIZE, VirtioBlk} from '../../source/bhyve/virtio-blk.js';
import {
	AVAIL,
	DESC_BYTES,
	DESC_NEXT,
	DESC_WRITE,
	queueLayout,
	USED,
	VIRTIO_PCI,
} from '../../source/formats/virtqueue.js';
import type {GuestDisk} from '../../source/guest/driver.js';
import {Disk} from '../../source/hardware/disk.js';
import {type Guest, Machine} from '../../source/lab/build/machine.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import {MIB, randomImage} from './lab.js';

/** The addresses of the guest driver's queue, and of the parts of requests. */
export const QUEUE = queueLayout(0x80000, RING_SIZE);
export const HEADER = 0x90000;
export const STATUS = 0x90010;
export const BUFFER = 0x200000;

/** A descriptor. By default the adjacent one is next. */
export type Part = [gpa: number, bytes: number, flags: number, next?: number];

export function blkOf({device}: Guest): VirtioBlk {
	if (device instanceof VirtioBlk) return device;
	throw new Error('this guest has no virtio-blk');
}

export class Ring {
	used = 0;
	#avail = 0;
	readonly #device: VirtioBlk;

	constructor(readonly guest: Guest) {
		this.#device = blkOf(guest);
	}

	get map() {
		return this.guest.vm.map;
	}

	/** Resets the device and the ring through the guest's driver. */
	reset(): void {
		this.guest.disk.reset();
		this.#avail = 0;
		this.used = 0;
	}

	header(type: number, low = 0, high = 0, at = HEADER): void {
		[type, 0, low, high].forEach((word, i) => {
			this.map.setU32(at + 4 * i, word);
		});
	}

	/** Writes descriptors from `first` on, into the ring or another table. */
	chain(parts: readonly Part[], first = 0, table = QUEUE.descriptors): void {
		parts.forEach(([gpa, bytes, flags, next], i) => {
			const at = table + (first + i) * DESC_BYTES;
			this.map.setU32(at, gpa % 2 ** 32);
			this.map.setU32(at + 4, Math.floor(gpa / 2 ** 32));
			this.map.setU32(at + 8, bytes);
			this.map.setU16(at + 12, flags);
			this.map.setU16(at + 14, next ?? first + i + 1);
		});
	}

	/** Makes chains available and kicks. @returns the status byte, 0xff if it was not written */
	kick(...heads: number[]): number {
		this.map.setU8(STATUS, 0xff);
		heads.forEach((head, i) => {
			this.map.setU16(QUEUE.avail + AVAIL.RING + 2 * ((this.#avail + i) % RING_SIZE), head);
		});
		this.#avail = (this.#avail + heads.length) & 0xffff;
		this.map.setU16(QUEUE.avail + AVAIL.IDX, this.#avail);
		this.#device.write(VIRTIO_PCI.QUEUE_NOTIFY, 2, 0);
		return this.map.u8(STATUS);
	}

	/** Runs a request with a header, data and a status, at the start of the ring. */
	run(type: number, data: readonly Part[], sector = 0): number {
		this.header(type, sector);
		const parts = data.map(([gpa, bytes, flags]): Part => [gpa, bytes, flags | DESC_NEXT]);
		this.chain([[HEADER, 16, DESC_NEXT], ...parts, [STATUS, 1, DESC_WRITE]]);
		return this.kick(0);
	}

	/** The used ring's entries since the last call. */
	returned(): [head: number, bytes: number][] {
		const entries: [number, number][] = [];
		for (; this.used !== this.map.u16(QUEUE.used + USED.IDX); this.used = (this.used + 1) & 0xffff) {
			const at = QUEUE.used + USED.RING + 8 * (this.used % RING_SIZE);
			entries.push([this.map.u32(at), this.map.u32(at + 4)]);
		}
		return entries;
	}

	bytes(length = 512, gpa = BUFFER): Buffer {
		return Buffer.from(this.map.read(gpa, length));
	}
}

/** A host with a disk of random bytes, and a ring on its first guest's device. */
export function ringMachine(t: TestContext, writable = false) {
	const {file, content} = randomImage(t, MIB);
	const disk = Disk.open(file, {writable});
	t.after(() => disk.close());
	const host = new Machine({...defaultSpec(64 * MIB), policy: 'keep'}, disk);
	const [guest, other] = host.guests;
	return {file, content, host, guest, other, ring: new Ring(guest)};
}

export const read = (driver: GuestDisk, sector: number, segments: {gpa: number; bytes: number}[]) =>
	driver.request({
		op: 'read',
		sector,
		segments,
		sectors: segments.reduce((sum, {bytes}) => sum + bytes, 0) / 512,
	});
