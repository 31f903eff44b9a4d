import assert from 'node:assert/strict';
import path from 'node:path';
import {test} from 'node:test';
import * as vhost from '../../../source/formats/vhost-user.js';
import {REQUEST} from '../../../source/formats/vhost-user.js';
import {AVAIL, DESC, DESC_BYTES} from '../../../source/formats/virtqueue.js';
import {Disk} from '../../../source/hardware/disk.js';
import {seededRandom} from '../../../source/lab/build/random.js';
import type {LiveGuest} from '../../../source/live/guest/guest.js';
import {serveGuest} from '../../../source/live/guest/open.js';
import {FrontEnd, HOLE, RING} from '../../helpers/front-end.js';
import {fuzzRuns} from '../../helpers/fuzz.js';
import {Hostility} from '../../helpers/hostile.js';
import {folder, MIB, randomImage} from '../../helpers/lab.js';

const CANARY = 0xc5;
const BATCH = 200;

/** The host's own memory. */
const hostMemory = (guest: LiveGuest): Buffer =>
	Buffer.from(guest.memory.view(0, guest.spec.hostMemory).slice());

/** All memory is as it was, except the guest's, its bhyve's, and the driver's command tables. */
function checkUnharmed(guest: LiveGuest, front: FrontEnd, before: Buffer, when: string): void {
	for (const {hpa, pages, owner} of guest.state().owned) {
		if (['vm0', 'bhyve vm0', 'ahci0'].includes(owner)) continue;
		const now = guest.memory.view(hpa, pages * 4096);
		assert.equal(
			before.compare(now, 0, now.length, hpa, hpa + now.length),
			0,
			`memory of ${owner} at ${hpa} has changed ${when}`,
		);
	}
	const hole = front.view(HOLE.start, HOLE.end - HOLE.start);
	assert.ok(
		hole.every(byte => byte === CANARY),
		`memory outside the regions has changed ${when}`,
	);
}

/** A ring as a hostile guest leaves it: chains of any length, form and place. */
class HostileRing {
	readonly ends = new Map<string, number>();

	constructor(
		private readonly front: FrontEnd,
		private readonly guest: LiveGuest,
		private readonly hostility: Hostility,
	) {}

	async attack(): Promise<void> {
		const {hostility, front, guest} = this;
		const status = this.chain();
		if (hostility.chance(0.1)) this.scribble();
		const moves = hostility.chance(0.03);
		if (moves) this.move();
		await front.kick();
		const end = guest.stopped?.replace(/\d+|0x[0-9a-f]+/g, 'N') ?? `status ${front.memory.getUint8(status)}`;
		this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
		// A ring that was moved is elsewhere than the next chains are put.
		if ((guest.stopped !== undefined || moves) && hostility.chance(0.95)) await this.restart();
	}

	async restart(): Promise<void> {
		const {front} = this;
		await front.stop();
		front.view(RING.descriptors, 0x2000).fill(0);
		front.avail = 0;
		front.setRing(0);
		await front.ask(REQUEST.SET_VRING_ENABLE, vhost.u32s(0, 1), {ack: true});
	}

	/** @returns the address of its status byte */
	private chain(): number {
		const {hostility, front} = this;
		const head = hostility.chance(0.95) ? 3 * hostility.below(40) : hostility.below(RING.size);
		const header = 0x20000;
		const status = 0x20800;
		const type = hostility.pick([0, 0, 0, 1, 4, 8, 11, hostility.word()]);
		front.memory.setUint32(header, type, true);
		front.memory.setBigUint64(
			header + 8,
			BigInt(hostility.pick([0, 1, 100, 2 ** 55, hostility.below(3000)])),
			true,
		);
		front.memory.setUint8(status, 0xff);
		const writes = type === 1 || type === 11 ? 0 : 2;
		const indirect = hostility.chance(0.3);
		const table = indirect ? 0x21000 : RING.descriptors + head * DESC_BYTES;
		const first = indirect ? 0 : head;
		const descriptors: [gpa: number, bytes: number, flags: number][] = [
			[header, 16, 1],
			[this.gpa(), hostility.length(), writes | 1],
			[status, 1, 2],
		];
		descriptors.forEach(([gpa, bytes, flags], i) => {
			this.descriptor(table + i * DESC_BYTES, gpa, bytes, flags, first + i + 1);
		});
		if (indirect) {
			const bytes = hostility.pick([48, 48, 48, 47, 0, 32, 2 ** 32 - 16]);
			this.descriptor(
				RING.descriptors + head * DESC_BYTES,
				hostility.chance(0.9) ? table : this.gpa(),
				bytes,
				4,
				0,
			);
		}
		if (hostility.chance(0.25)) {
			const at = table + hostility.below(3) * DESC_BYTES;
			const field = hostility.pick([DESC.ADDR, DESC.ADDR + 4, DESC.LEN, DESC.FLAGS]);
			front.memory.setUint32(at + field, hostility.word() >>> 0, true);
		}
		front.announce(hostility.chance(0.97) ? head : hostility.word() & 0xffff);
		if (hostility.chance(0.03))
			front.memory.setUint16(RING.avail + AVAIL.IDX, hostility.word() & 0xffff, true);
		return status;
	}

	/** An address in memory, in the hole, or at an edge. */
	private gpa(): number {
		const {hostility} = this;
		return hostility.pick([
			0x100000 + 512 * hostility.below(64),
			0x100000 + hostility.below(8192),
			HOLE.start - 256,
			HOLE.start + hostility.below(HOLE.end - HOLE.start),
			HOLE.end - 4096,
			hostility.gpa(),
		]);
	}

	private descriptor(at: number, gpa: number, bytes: number, flags: number, next: number): void {
		const {memory} = this.front;
		memory.setBigUint64(at, BigInt.asUintN(64, BigInt(gpa)), true);
		memory.setUint32(at + 8, bytes, true);
		memory.setUint16(at + 12, flags, true);
		memory.setUint16(at + 14, next & 0xffff, true);
	}

	private scribble(): void {
		const {hostility, front} = this;
		for (let i = hostility.below(4); i > 0; i--)
			front.memory.setUint16(RING.descriptors + 2 * hostility.below(0x1000), hostility.word() & 0xffff, true);
	}

	/** While it runs. */
	private move(): void {
		const {hostility, front} = this;
		const place = () => hostility.pick([RING.descriptors, 0x30000, 0x9d000, 0x100000]);
		front.setRingAddress({descriptors: place(), avail: place() + 0x800, used: place() + 0x1000});
	}
}

test('a hostile guest over vhost-user harms only itself', async t => {
	const {file} = randomImage(t, 1.5 * MIB + 512);
	const socket = path.join(folder(t), 'disk.sock');
	const disk = {disk: Disk.open(file, {overlay: true}), sample: false};
	const served = serveGuest(socket, 'test', {disk, policy: 'remove', iommu: 'vt-d', asks: false});
	t.after(served.close);
	const {guest} = served;
	const front = new FrontEnd(t);
	await front.connect(socket);
	await front.start();
	front.view(HOLE.start, HOLE.end - HOLE.start).fill(CANARY);
	const hostile = new HostileRing(front, guest, new Hostility(seededRandom(15), front.bytes));
	const requests = fuzzRuns(800);
	for (let done = 0; done < requests; ) {
		// A switch of the policy rebuilds tables, which are the host's.
		guest.dispatch({do: 'policy', policy: hostile.ends.size % 2 === 0 ? 'keep' : 'remove'});
		const before = hostMemory(guest);
		for (const end = Math.min(requests, done + BATCH); done < end; done++) await hostile.attack();
		checkUnharmed(guest, front, before, `after request ${done}`);
	}
	const ends = [...hostile.ends.keys()].join('\n');
	if (process.env.DMASCOPE_FUZZ) t.diagnostic(JSON.stringify([...hostile.ends]));
	for (const end of [
		/status 0/,
		/status 1/,
		/indirect/,
		/loops|out of range/,
		/nothing is mapped/,
		/malformed/,
	])
		assert.match(ends, end);
	await hostile.restart();
	assert.equal(await front.read(0, 0x100000, 512), 0);
});

test('a front end of random messages harms nobody, and the next one is served', async t => {
	const {file, content} = randomImage(t, MIB);
	const socket = path.join(folder(t), 'disk.sock');
	const disk = {disk: Disk.open(file), sample: false};
	const served = serveGuest(socket, 'test', {disk, policy: 'keep', iommu: 'vt-d', asks: false});
	t.after(served.close);
	const front = new FrontEnd(t);
	const random = seededRandom(16);
	const below = (end: number) => Math.floor(random() * end);
	const message = () => {
		const request = random() < 0.95 ? below(26) : below(2 ** 32);
		const payload = Uint8Array.from({length: 4 * below(20)}, (_, i) =>
			i % 4 === 0 || random() < 0.1 ? below(random() < 0.7 ? 3 : 256) : 0,
		);
		const fds = Array.from({length: below(4)}, () => [front.file, front.kickFd, front.callFd][below(3)]);
		if (request === REQUEST.SET_MEM_TABLE && random() < 0.7) front.share();
		else if (request === REQUEST.SET_VRING_ADDR && random() < 0.7) front.setRingAddress(RING);
		else front.tell(request, payload, fds);
	};
	for (let round = 0; round < fuzzRuns(40); round++) {
		await front.connect(socket);
		try {
			for (let i = 0; i < 40; i++) message();
		} catch (error) {
			// The back end has closed the connection.
			assert.match(String(error), /EPIPE|ECONNRESET/);
		}
		front.disconnect();
	}
	await front.connect(socket);
	front.avail = 0;
	front.view(0, HOLE.start).fill(0);
	await front.start();
	assert.equal(await front.read(2, 0x100000, 512), 0);
	assert.ok(front.view(0x100000, 512).equals(content.subarray(1024, 1536)));
});
