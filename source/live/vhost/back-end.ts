// The back end of vhost-user-blk: a VMM connects, shares its guest's memory, and says where the ring is; what the guest
// puts there is done by the device behind it. One front end at a time, with one ring.

import fs from 'node:fs';
import * as vhost from '../../formats/vhost-user.js';
import {PROTOCOL_FEATURE, REQUEST} from '../../formats/vhost-user.js';
import {AVAIL, DESC_BYTES, USED} from '../../formats/virtqueue.js';
import type {Libc} from '../../system/libc.js';
import type {Poller} from '../../system/poller.js';
import {accept, Passing} from '../../system/unix-socket.js';
import {errnoOf, messageOf} from '../../user-error.js';
import {BackChannel} from './back-channel.js';
import {Connection, type Message, ProtocolError} from './connection.js';
import {Doorbells} from './doorbells.js';
import {GuestMemory} from './guest-memory.js';
import {ringFd, state, word} from './payloads.js';

/** A ring in guest memory, by GPAs, or by IOVAs if addresses are translated, and the next entry of its available ring. */
export type Ring = {size: number; descriptors: number; avail: number; used: number; base: number};

/** The device: what a back end is for. All it is asked to do is done when it returns. */
export interface Device {
	/** The low word of the virtio features, and the configuration space. */
	readonly features: number;
	readonly config: Uint8Array;
	/** Whether addresses go through an IOMMU of the guest's own; then what that is now is found out by `prepare`. */
	readonly translates: boolean;
	prepare(): Promise<void>;
	/** The guest's memory from now on; what was there before is unmapped when this returns. */
	attach(memory: GuestMemory): void;
	/** The guest's memory is about to be unmapped. */
	detach(): void;
	/** `interrupt`: tells the guest that buffers came back. */
	start(ring: Ring, interrupt: () => void): void;
	/** @returns the next entry of the available ring */
	stop(): number;
	kick(): void;
	/** Whether the guest has put more into the ring meanwhile. */
	readonly waiting: boolean;
	/** A front end has come, or gone: why, if it did not go by itself. */
	connected(): void;
	disconnected(why: string | undefined): void;
}

/** VIRTQUEUE_MAX_SIZE of QEMU. */
const LARGEST_RING = 1024;
const TURN_MS = 5;

export class BackEnd {
	private readonly passing: Passing;
	private connection: Connection | undefined;
	private memory: GuestMemory | undefined;
	private features = {low: 0, high: 0};
	private ring: {size: number; base: number; address?: vhost.RingAddress; enabled: boolean; runs: boolean} =
		NEW_RING;
	private readonly doorbells: Doorbells;
	private readonly channel: BackChannel;
	/** Set while a ring is about to run. */
	private preparing: object | undefined;

	/** `listening`: a socket that front ends connect to. */
	constructor(
		private readonly libc: Libc,
		private readonly poller: Poller,
		private readonly listening: number,
		private readonly device: Device,
	) {
		this.passing = new Passing(libc);
		this.channel = new BackChannel(libc, poller, this.passing);
		this.doorbells = new Doorbells(libc, poller, () => {
			if (this.ring.runs) this.work();
		});
		poller.add(listening, () => this.accept());
	}

	/** Ends the connection, and unmaps all memory. */
	close(): void {
		this.disconnect(undefined);
		this.poller.delete(this.listening);
		fs.closeSync(this.listening);
		this.passing.close();
	}

	private accept(): void {
		// One that has gone may not have been noticed yet.
		this.receive();
		const fd = accept(this.libc, this.listening);
		if (fd === undefined) return;
		if (this.connection !== undefined) {
			// Another one has the device.
			fs.closeSync(fd);
			return;
		}
		this.connection = new Connection(this.passing, fd);
		this.poller.add(fd, () => this.receive());
		this.device.connected();
	}

	/** Whatever a front end sends: it ends the connection at worst. */
	private receive(): void {
		try {
			for (;;) {
				const message = this.connection?.next();
				if (message === undefined) return;
				if (message === 'end') {
					this.disconnect(undefined);
					return;
				}
				try {
					this.handle(message);
				} finally {
					for (const fd of message.fds) fs.closeSync(fd);
				}
			}
		} catch (error) {
			if (!(error instanceof ProtocolError) && errnoOf(error) === undefined) throw error;
			this.disconnect(messageOf(error));
		}
	}

	private disconnect(why: string | undefined): void {
		const {connection} = this;
		if (connection === undefined) return;
		this.stopRing();
		this.doorbells.close();
		this.channel.socket = undefined;
		this.device.detach();
		this.memory?.unmap();
		this.memory = undefined;
		this.ring = NEW_RING;
		this.poller.delete(connection.fd);
		connection.close();
		this.connection = undefined;
		this.device.disconnected(why);
	}

	private handle(message: Message): void {
		const {request} = message;
		const answer = this.answer(message);
		if (answer !== undefined) this.connection?.reply(request, answer);
		// REPLY_ACK: 0 is success.
		else if (message.needsReply) this.connection?.reply(request, vhost.u64(0));
	}

	/** @returns what the front end asked for @throws ProtocolError */
	private answer({request, payload, fds}: Message): Uint8Array | undefined {
		switch (request) {
			case REQUEST.GET_FEATURES:
				return vhost.u64(
					this.device.features | vhost.FEATURE.PROTOCOL_FEATURES,
					vhost.FEATURE.HIGH_VERSION_1 | (this.device.translates ? vhost.FEATURE.HIGH_ACCESS_PLATFORM : 0),
				);
			case REQUEST.SET_FEATURES:
				this.features = {low: word(payload, 0), high: word(payload, 4)};
				return undefined;
			case REQUEST.GET_PROTOCOL_FEATURES:
				return vhost.u64(
					PROTOCOL_FEATURE.REPLY_ACK |
						PROTOCOL_FEATURE.CONFIG |
						(this.device.translates ? PROTOCOL_FEATURE.BACKEND_REQ : 0),
				);
			case REQUEST.SET_BACKEND_REQ_FD:
				this.channel.socket = fds.shift();
				return undefined;
			case REQUEST.GET_QUEUE_NUM:
				return vhost.u64(1);
			case REQUEST.SET_MEM_TABLE:
				this.setMemory(payload, fds);
				return undefined;
			case REQUEST.SET_VRING_NUM:
				this.setSize(state(payload));
				return undefined;
			case REQUEST.SET_VRING_BASE:
				this.setBase(state(payload));
				return undefined;
			case REQUEST.SET_VRING_ADDR:
				this.setAddress(payload);
				return undefined;
			case REQUEST.GET_VRING_BASE:
				state(payload);
				this.stopRing();
				this.doorbells.kick = undefined;
				return vhost.u32s(0, this.ring.base);
			case REQUEST.SET_VRING_KICK:
				this.doorbells.kick = ringFd(payload, fds);
				this.startRing();
				return undefined;
			case REQUEST.SET_VRING_CALL:
				this.doorbells.call = ringFd(payload, fds);
				return undefined;
			case REQUEST.SET_VRING_ENABLE:
				this.ring = {...this.ring, enabled: state(payload) !== 0};
				if (this.ring.enabled) this.startRing();
				else this.stopRing();
				return undefined;
			case REQUEST.GET_CONFIG:
				return this.configuration(payload);
			default:
				// SET_OWNER, SET_PROTOCOL_FEATURES, SET_VRING_ERR, and what a front end may send all the same.
				return undefined;
		}
	}

	private setMemory(payload: Uint8Array, fds: readonly number[]): void {
		const regions = vhost.decodeMemoryTable(payload);
		if (regions === undefined) throw new ProtocolError('a memory table is malformed');
		const memory = GuestMemory.map(this.libc, regions, fds);
		this.stopRing();
		const before = this.memory;
		this.memory = memory;
		this.device.attach(memory);
		before?.unmap();
		this.startRing();
	}

	private setSize(size: number): void {
		if (size === 0 || size > LARGEST_RING || (size & (size - 1)) !== 0)
			throw new ProtocolError(`a ring of ${size} entries is not possible`);
		this.stopRing();
		this.ring = {...this.ring, size};
	}

	private setBase(base: number): void {
		this.stopRing();
		this.ring = {...this.ring, base: base & 0xffff};
		this.startRing();
	}

	private setAddress(payload: Uint8Array): void {
		const address = vhost.decodeRingAddress(payload);
		if (address === undefined || address.index !== 0) throw new ProtocolError('there is no such ring');
		// It may move while it runs.
		this.stopRing();
		this.ring = {...this.ring, address};
		this.startRing();
	}

	/** Once it is enabled and all is known of it. @throws ProtocolError where it is not in guest memory */
	private startRing(): void {
		const {memory, ring} = this;
		const {size, address} = ring;
		const negotiated = (this.features.low & vhost.FEATURE.PROTOCOL_FEATURES) !== 0;
		const enabled = ring.enabled || !negotiated;
		if (ring.runs || !enabled || !this.doorbells.hasKick || memory === undefined || address === undefined)
			return;
		if (size === 0) return;
		const translated = (this.features.high & vhost.FEATURE.HIGH_ACCESS_PLATFORM) !== 0;
		const place = (at: number, bytes: number, alignment: number): number => {
			const gpa = translated ? at : memory.gpaOf(at, bytes);
			if (gpa === undefined || gpa % alignment !== 0)
				throw new ProtocolError('a part of the ring is not in guest memory, or not aligned');
			return gpa;
		};
		const parts = {
			descriptors: place(address.descriptors, size * DESC_BYTES, DESC_BYTES),
			avail: place(address.avail, AVAIL.RING + 2 * size + 2, 2),
			used: place(address.used, USED.RING + 8 * size + 2, 4),
		};
		if (!translated) this.run({size, ...parts});
		else {
			// The monitor answers only once it has been answered itself.
			const preparing = {};
			this.preparing = preparing;
			void this.device.prepare().then(() => {
				if (this.preparing === preparing && !this.ring.runs) this.run({size, ...parts});
			});
		}
	}

	private run(ring: Omit<Ring, 'base'>): void {
		const {base} = this.ring;
		this.ring = {...this.ring, runs: true};
		this.device.start({...ring, base}, this.doorbells.interrupt);
		// What the guest put there before has been told to nobody.
		this.work();
	}

	/** Has the guest's own IOMMU record that it refuses an address. */
	miss(iova: number, write: boolean): void {
		this.channel.miss(iova, write);
	}

	/** Nothing of the ring is in work then. */
	private stopRing(): void {
		this.preparing = undefined;
		if (this.ring.runs) this.ring = {...this.ring, runs: false, base: this.device.stop()};
	}

	/** A guest in a hurry is served for some time before anybody else is. */
	private work(): void {
		const end = performance.now() + TURN_MS;
		do {
			this.device.kick();
			this.doorbells.deliver();
		} while (this.ring.runs && this.device.waiting && performance.now() < end);
	}

	/** VHOST_USER_GET_CONFIG: offset, size, flags, and so many bytes. */
	private configuration(payload: Uint8Array): Uint8Array {
		if (payload.length < CONFIG_HEADER)
			throw new ProtocolError('a request for the configuration is malformed');
		const answer = payload.slice();
		const offset = word(payload, 0);
		const size = Math.min(word(payload, 4), answer.length - CONFIG_HEADER);
		answer.fill(0, CONFIG_HEADER);
		answer.set(this.device.config.subarray(offset, offset + size), CONFIG_HEADER);
		return answer;
	}
}

const NEW_RING = {size: 0, base: 0, enabled: false, runs: false};
const CONFIG_HEADER = 12;
