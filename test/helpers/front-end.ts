// A front end that speaks vhost-user as QEMU does, with guest memory and a virtio-blk driver of its own: tests of the
// back end need no QEMU.

import fs from 'node:fs';
import {setImmediate as turn} from 'node:timers/promises';
import * as vhost from '../../source/formats/vhost-user.js';
import {REQUEST, type Region} from '../../source/formats/vhost-user.js';
import {AVAIL, BLK_T, DESC_BYTES, DESC_NEXT, DESC_WRITE, USED} from '../../source/formats/virtqueue.js';
import {type Libc, libc} from '../../source/system/libc.js';
import {Mapping} from '../../source/system/mapping.js';
import {connectTo, Passing} from '../../source/system/unix-socket.js';
import {errnoOf} from '../../source/user-error.js';
import {type Ends, MIB} from './lab.js';

const PATIENCE_MS = 60_000;
const EFD_NONBLOCK = 0o4000;

/** Where the guest's memory is at the front end: its own addresses, far from GPAs. */
export const ADDRESS = 0x7f00_0000_0000;
/** A hole that is in the file and in no region, as QEMU leaves one for the VGA. */
export const HOLE = {start: 0xa0000, end: 0xc0000};
export const RING = {size: 128, descriptors: 0x10000, avail: 0x10800, used: 0x11000};
const SLOTS = 0x20000;

export function needLibc(): Libc {
	const system = libc();
	if (system === undefined) throw new Error('koffi is not installed');
	return system;
}

export class FrontEnd {
	readonly system = needLibc();
	readonly passing = new Passing(this.system);
	readonly bytes: number;
	readonly file: number;
	readonly mapping: Mapping;
	readonly memory: DataView;
	readonly kickFd: number;
	readonly callFd: number;
	socket = -1;
	avail = 0;
	used = 0;

	constructor(t: Ends, bytes = 4 * MIB) {
		this.bytes = bytes;
		this.file = this.system.memfd_create('guest', 1);
		fs.ftruncateSync(this.file, bytes);
		this.mapping = Mapping.ofFile(this.system, this.file, bytes);
		this.memory = new DataView(this.mapping.buffer);
		this.kickFd = this.system.eventfd(0, EFD_NONBLOCK);
		this.callFd = this.system.eventfd(0, EFD_NONBLOCK);
		t.after(() => {
			this.disconnect();
			this.passing.close();
			this.mapping.unmap();
			for (const fd of [this.file, this.kickFd, this.callFd]) fs.closeSync(fd);
		});
	}

	get regions(): Region[] {
		const region = (gpa: number, end: number) => ({
			...{gpa, bytes: end - gpa},
			...{address: ADDRESS + gpa, offset: gpa},
		});
		return [region(0, HOLE.start), region(HOLE.end, this.bytes)];
	}

	async connect(path: string): Promise<void> {
		const start = performance.now();
		for (;;) {
			const socket = connectTo(this.system, path);
			if (socket !== undefined) {
				this.socket = socket;
				return;
			}
			if (performance.now() - start > PATIENCE_MS) throw new Error('the back end accepts nobody');
			await turn();
		}
	}

	disconnect(): void {
		if (this.socket >= 0) fs.closeSync(this.socket);
		this.socket = -1;
	}

	tell(request: number, payload: Uint8Array, fds: readonly number[] = []): void {
		this.passing.send(this.socket, vhost.encode(request, payload), fds);
	}

	/** The payload of the answer; undefined where the back end has closed the connection. */
	async ask(request: number, payload: Uint8Array, {ack = false, fds = [] as number[]} = {}) {
		this.passing.send(this.socket, vhost.encode(request, payload, {needsReply: ack}), fds);
		return (await this.receive())?.subarray(vhost.HEADER_BYTES);
	}

	private async receive(): Promise<Uint8Array | undefined> {
		const start = performance.now();
		for (;;) {
			const received = this.received();
			if (received !== undefined) return received.bytes.length === 0 ? undefined : received.bytes;
			if (performance.now() - start > PATIENCE_MS) throw new Error('the back end does not answer');
			await turn();
		}
	}

	private received() {
		try {
			return this.passing.receive(this.socket);
		} catch (error) {
			// Closed before it read all.
			if (errnoOf(error) === 'ECONNRESET') return {bytes: new Uint8Array(0)};
			throw error;
		}
	}

	/** Waits until the back end has closed the connection. */
	async isClosed(): Promise<true> {
		while ((await this.receive()) !== undefined);
		return true;
	}

	/** As QEMU does when the guest's driver starts the device. */
	async start(base = 0): Promise<void> {
		const features = await this.ask(REQUEST.GET_FEATURES, new Uint8Array(0));
		this.tell(REQUEST.SET_FEATURES, features ?? new Uint8Array(8));
		this.share();
		this.setRing(base);
		// The back end has handled all of it once this is answered.
		await this.ask(REQUEST.SET_VRING_ENABLE, vhost.u32s(0, 1), {ack: true});
	}

	share(regions = this.regions): void {
		this.tell(
			REQUEST.SET_MEM_TABLE,
			vhost.encodeMemoryTable(regions),
			regions.map(() => this.file),
		);
	}

	setRing(base: number, ring = RING): void {
		this.tell(REQUEST.SET_VRING_NUM, vhost.u32s(0, ring.size));
		this.tell(REQUEST.SET_VRING_BASE, vhost.u32s(0, base));
		this.setRingAddress(ring);
		this.tell(REQUEST.SET_VRING_CALL, vhost.u64(0), [this.callFd]);
		this.tell(REQUEST.SET_VRING_KICK, vhost.u64(0), [this.kickFd]);
	}

	setRingAddress({descriptors, avail, used}: Omit<typeof RING, 'size'>): void {
		const at = (gpa: number) => ADDRESS + gpa;
		const address = {index: 0, descriptors: at(descriptors), avail: at(avail), used: at(used)};
		this.tell(REQUEST.SET_VRING_ADDR, vhost.encodeRingAddress(address));
	}

	/** Stops the ring. @returns its next available entry */
	async stop(): Promise<number> {
		const answer = await this.ask(REQUEST.GET_VRING_BASE, vhost.u32s(0, 0));
		return answer ? vhost.viewOf(answer).getUint32(4, true) : -1;
	}

	descriptor(index: number, gpa: number, bytes: number, flags: number, next = index + 1): void {
		const at = RING.descriptors + index * DESC_BYTES;
		this.memory.setBigUint64(at, BigInt(gpa), true);
		this.memory.setUint32(at + 8, bytes, true);
		this.memory.setUint16(at + 12, flags, true);
		this.memory.setUint16(at + 14, next, true);
	}

	/** Puts a request in the ring: it is not announced yet. @returns the address of its status byte */
	put(slot: number, sector: number, gpa: number, bytes: number, type: number = BLK_T.IN): number {
		const at = SLOTS + 32 * slot;
		const head = 3 * slot;
		this.memory.setUint32(at, type, true);
		this.memory.setUint32(at + 4, 0, true);
		this.memory.setBigUint64(at + 8, BigInt(sector), true);
		this.memory.setUint8(at + 16, 0xff);
		this.descriptor(head, at, 16, DESC_NEXT);
		this.descriptor(head + 1, gpa, bytes, DESC_NEXT | (type === BLK_T.IN ? DESC_WRITE : 0));
		this.descriptor(head + 2, at + 16, 1, DESC_WRITE);
		this.announce(head);
		return at + 16;
	}

	announce(head: number): void {
		this.memory.setUint16(RING.avail + AVAIL.RING + 2 * (this.avail % RING.size), head, true);
		this.avail = (this.avail + 1) & 0xffff;
		this.memory.setUint16(RING.avail + AVAIL.IDX, this.avail, true);
	}

	/** Kicks, and waits until the back end has taken that. */
	async kick(): Promise<void> {
		fs.writeSync(this.kickFd, new BigUint64Array([1n]));
		const waiting = new Int32Array([this.kickFd, 1]);
		const start = performance.now();
		while (this.system.poll(waiting, 1, 0) > 0) {
			if (performance.now() - start > PATIENCE_MS) throw new Error('the back end does not take a kick');
			await turn();
		}
	}

	/** How often the back end has interrupted the guest since the last time. */
	calls(): number {
		const count = new BigUint64Array(1);
		try {
			fs.readSync(this.callFd, count);
		} catch {
			return 0;
		}
		return Number(count[0]);
	}

	/** The entries of the used ring that are new. */
	taken(): number {
		const idx = this.memory.getUint16(RING.used + USED.IDX, true);
		const count = (idx - this.used) & 0xffff;
		this.used = idx;
		return count;
	}

	/** Reads sectors into memory by one request. @returns its status */
	async read(sector: number, gpa: number, bytes: number): Promise<number> {
		const status = this.put(0, sector, gpa, bytes);
		await this.kick();
		// In a process of its own the back end may still be at it.
		for (const start = performance.now(); this.memory.getUint8(status) === 0xff; await turn())
			if (performance.now() - start > PATIENCE_MS) throw new Error('the request does not end');
		return this.memory.getUint8(status);
	}

	view(gpa: number, bytes: number): Buffer {
		return Buffer.from(this.mapping.buffer, gpa, bytes);
	}
}
