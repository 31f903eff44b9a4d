import assert from 'node:assert/strict';
import {test} from 'node:test';
import {BlockIf} from '../../source/bhyve/block-if.js';
import {RING_SIZE, VirtioBlk} from '../../source/bhyve/virtio-blk.js';
import {
	AVAIL,
	BLK,
	DESC,
	DESC_BYTES,
	DESC_INDIRECT,
	DESC_NEXT,
	DESC_WRITE,
	queueLayout,
	USED,
	VIRTIO_PCI,
} from '../../source/formats/virtqueue.js';
import {Vtblk} from '../../source/guest/vtblk.js';
import {Disk} from '../../source/hardware/disk.js';
import {OpenFile} from '../../source/kernel/file.js';
import type {Policy} from '../../source/machine/command.js';
import {FUZZ_REQUESTS, HostileLab} from '../helpers/hostile.js';
import {blkOf} from '../helpers/ring.js';

type Backing = 'raw' | 'file';
const CASES: [Backing, Policy, boolean][] = [
	['raw', 'keep', false],
	['raw', 'remove', true],
	['raw', 'bounce', true],
	['file', 'remove', true],
];

/** A virtio driver that misbehaves in every way its author could think of. */
class HostileVtblk {
	/** How requests ended. */
	readonly ends = new Map<string, number>();
	readonly #lab: HostileLab;
	readonly #device: VirtioBlk;
	#queue = queueLayout(0x80000, RING_SIZE);
	#avail = 0;

	constructor(lab: HostileLab, device: VirtioBlk) {
		this.#lab = lab;
		this.#device = device;
		this.#reset();
	}

	attack(): void {
		const {hostility} = this.#lab;
		const device = this.#device;
		if (device.stopped !== undefined && hostility.chance(0.95)) this.#reset();
		if (hostility.chance(0.1)) this.#registers();
		if (hostility.chance(0.05)) this.#move();
		const status = this.#chain();
		if (hostility.chance(0.2)) this.#scribble();
		this.#announce();
		this.#set8(status, 0xff);
		device.write(VIRTIO_PCI.QUEUE_NOTIFY, 2, 0);
		const end = device.stopped?.replace(/\d+|0x[0-9a-f]+/g, 'N') ?? `status ${this.#get8(status)}`;
		this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
	}

	#reset(): void {
		this.#device.write(VIRTIO_PCI.STATUS, 1, 0);
		this.#place(0x80);
	}

	#place(pfn: number): void {
		this.#queue = queueLayout(pfn * 4096, RING_SIZE);
		this.#avail = 0;
		// Usually clears the ring, but sometimes leaves its old contents.
		if (this.#inside(this.#queue.end) && this.#lab.hostility.chance(0.9)) {
			this.#lab.guest.vm.map.zero(pfn * 4096, this.#queue.end - pfn * 4096);
		}
		this.#device.write(VIRTIO_PCI.QUEUE_SEL, 2, 0);
		this.#device.write(VIRTIO_PCI.QUEUE_PFN, 4, pfn);
	}

	/** Moves the queue while it is in use: within memory, to its end, and outside. */
	#move(): void {
		const {hostility} = this.#lab;
		const last = hostility.guestBytes / 4096;
		this.#place(
			hostility.pick([0, 0x80, 0x90, last - 2, last - 1, last, 2 ** 20, 2 ** 32 - 1, hostility.below(last)]),
		);
	}

	#registers(): void {
		const {hostility} = this.#lab;
		for (let i = hostility.below(6); i > 0; i--) {
			const size = hostility.pick([1, 2, 4] as const);
			const offset = hostility.chance(0.8) ? hostility.below(96) : hostility.word();
			const value = this.#device.read(offset, size);
			assert.ok(value >= 0 && value < 2 ** (8 * size) && Number.isInteger(value));
			// attack() sends the notifications. A reset restores a queue at a random address.
			if (offset !== VIRTIO_PCI.QUEUE_NOTIFY) this.#device.write(offset, size, hostility.word());
		}
	}

	/** A valid request with some mutations, or a random one. @returns the address of its status */
	#chain(): number {
		const {hostility} = this.#lab;
		const {descriptors, avail, used} = this.#queue;
		const favourites = [descriptors, avail, used, used + USED.RING, 0x90000, 0x9f000];
		const header = hostility.chance(0.1) ? hostility.pick(favourites) : 0x90000;
		const status = hostility.chance(0.1) ? hostility.gpa(favourites) : 0x90800 + hostility.below(16);
		const type = hostility.pick([
			0,
			0,
			0,
			1,
			1,
			4,
			5,
			8,
			11,
			11,
			2,
			13,
			0x80000000,
			0x80000001,
			hostility.word(),
		]);
		const discard = type === 11;
		const count = hostility.chance(0.05) ? 100 + hostility.below(40) : hostility.below(5);
		const sector = hostility.pick([
			0,
			1,
			100,
			3072,
			3073,
			3074,
			2 ** 55,
			2 ** 63,
			2 ** 64 - 2048,
			hostility.below(3100),
		]);
		this.#set32(header + BLK.TYPE, type);
		this.#set64(header + BLK.SECTOR, sector);
		if (discard) this.#set64(0x90100, hostility.below(3100));
		if (discard) this.#set64(0x90108, hostility.chance(0.8) ? 1 + hostility.below(100) : hostility.word());

		const writes = type === 0 || type === 8 || type === 4 ? DESC_WRITE : 0;
		const chain = [
			{gpa: header, bytes: 16, flags: 0},
			...(discard
				? [{gpa: 0x90100, bytes: 16, flags: 0}]
				: Array.from({length: count}, () => ({
						gpa: hostility.gpa(favourites),
						bytes: hostility.length(),
						flags: writes,
					}))),
			{gpa: status, bytes: 1, flags: DESC_WRITE},
		];
		const indirect = hostility.chance(0.3);
		const table = indirect
			? hostility.pick([0x9f000, 0x9f008, descriptors, descriptors + 16, avail, used])
			: descriptors;
		const first = indirect ? 0 : hostility.pick([0, 0, 1, 100]);
		chain.forEach(({gpa, bytes, flags}, i) => {
			const more = i < chain.length - 1 ? DESC_NEXT : 0;
			this.#descriptor(table + (first + i) * DESC_BYTES, gpa, bytes, flags | more, first + i + 1);
		});
		let head = first;
		if (indirect) {
			head = hostility.pick([0, 0, 5, 127]);
			const bytes = hostility.pick([
				chain.length * 16,
				chain.length * 16,
				2048,
				8,
				0,
				2 ** 32 - 16,
				chain.length * 16 - 16,
			]);
			const flags = DESC_INDIRECT | (hostility.chance(0.1) ? DESC_NEXT : 0);
			this.#descriptor(descriptors + head * DESC_BYTES, table, bytes, flags, hostility.below(130));
		}
		if (hostility.chance(0.25)) this.#mutate(table + first * DESC_BYTES, chain.length);
		for (let i = 0; i < 3; i++) {
			const entry = avail + AVAIL.RING + 2 * ((this.#avail + i) % RING_SIZE);
			this.#set16(entry, hostility.chance(0.97) ? head : hostility.word() & 0xffff);
		}
		return status;
	}

	/** Changes fields of some descriptors: loops, wrong directions, nested tables, lengths that overflow. */
	#mutate(table: number, length: number): void {
		const {hostility} = this.#lab;
		for (let i = 1 + hostility.below(3); i > 0; i--) {
			const at = table + hostility.below(length) * DESC_BYTES;
			const field = hostility.pick([DESC.ADDR, DESC.ADDR + 4, DESC.LEN, DESC.FLAGS, DESC.FLAGS, DESC.NEXT]);
			if (field === DESC.FLAGS) this.#set16(at + field, hostility.below(8));
			else if (field === DESC.NEXT)
				this.#set16(at + field, hostility.chance(0.7) ? hostility.below(length + 1) : 0xffff);
			else this.#set32(at + field, hostility.word());
		}
	}

	/** Writes words anywhere in the ring. */
	#scribble(): void {
		const {hostility} = this.#lab;
		const {descriptors, end} = this.#queue;
		for (let i = hostility.below(4); i > 0; i--) {
			this.#set16(descriptors + hostility.below((end - descriptors) / 2) * 2, hostility.word() & 0xffff);
		}
	}

	#announce(): void {
		const {hostility} = this.#lab;
		const more = hostility.chance(0.9) ? 1 : hostility.pick([0, 2, 3, 64, 128, 129, 40000]);
		this.#avail = (this.#avail + more) & 0xffff;
		this.#set16(this.#queue.avail + AVAIL.FLAGS, hostility.below(2));
		this.#set16(this.#queue.avail + AVAIL.IDX, this.#avail);
	}

	#descriptor(at: number, gpa: number, bytes: number, flags: number, next: number): void {
		this.#set64(at + DESC.ADDR, gpa);
		this.#set32(at + DESC.LEN, bytes);
		this.#set16(at + DESC.FLAGS, flags);
		this.#set16(at + DESC.NEXT, next);
	}

	/** A guest cannot write outside its memory. */
	#inside = (gpa: number): boolean => gpa + 8 <= this.#lab.hostility.guestBytes;
	#set8 = (gpa: number, value: number) => this.#inside(gpa) && this.#lab.guest.vm.map.setU8(gpa, value);
	#get8 = (gpa: number) => (this.#inside(gpa) ? this.#lab.guest.vm.map.u8(gpa) : undefined);
	#set16 = (gpa: number, value: number) => this.#inside(gpa) && this.#lab.guest.vm.map.setU16(gpa, value);
	#set32 = (gpa: number, value: number) => this.#inside(gpa) && this.#lab.guest.vm.map.setU32(gpa, value);
	#set64 = (gpa: number, value: number) => this.#inside(gpa) && this.#lab.write64(gpa, value);
}

CASES.forEach(([backing, policy, writable], i) => {
	const access = writable ? 'writable' : 'read-only';
	test(`a hostile guest on a ${access} ${backing} disk under ${policy} harms only itself`, t => {
		const lab = new HostileLab(t, {seed: 100 + i, policy, writable});
		const {machine, guest, disk} = lab;
		const file = new OpenFile(disk, machine.memory);
		const onFile = new BlockIf(guest.device.ctx, file, machine.pages, !writable);
		const device = backing === 'raw' ? blkOf(guest) : new VirtioBlk(guest.device.ctx, onFile, 'file');
		lab.layers.push(file);
		const hostile = new HostileVtblk(lab, device);
		lab.attack(Math.ceil(FUZZ_REQUESTS / CASES.length), () => hostile.attack());
		if (process.env.DMASCOPE_FUZZ) t.diagnostic(JSON.stringify([...hostile.ends, ...lab.calls]));

		const ends = [...hostile.ends.keys()].join('\n');
		for (const end of [
			/status 0/,
			/status 1/,
			/status 2/,
			/nothing is mapped/,
			/loops/,
			/indirect/,
			/direction/,
		]) {
			assert.match(ends, end);
		}
		// A well-behaved driver can use the disk again, and the other guest could all along.
		for (const driver of [new Vtblk(guest.vm, device), machine.guests[1].disk]) {
			const request = {op: 'read', sector: 3, segments: [{gpa: 0x200000, bytes: 512}], sectors: 1} as const;
			assert.equal(driver.request(request)?.text, 'status OK');
		}
		if (policy === 'keep') {
			const there = guest.vm.map.read(0x200000, 512);
			assert.equal(Buffer.compare(there, disk.peek(3 * 512, 512)), 0);
		}
	});
});

test('the checks detect one changed byte of another guest, a table or the disk', t => {
	for (const owner of ['vm1', 'kernel', 'iommu tables', 'free']) {
		const lab = new HostileLab(t, {seed: 1, policy: 'remove', writable: false});
		lab.checkUnharmed('at the start');
		const block = lab.machine.pages.owned().findLast(candidate => candidate.owner === owner);
		lab.machine.memory.view(block?.hpa ?? 0, 4096)[4095] ^= 1;
		assert.throws(() => lab.checkUnharmed('now'), new RegExp(`memory of ${owner} at`));
	}
	const lab = new HostileLab(t, {seed: 1, policy: 'remove', writable: false});
	const writer = Disk.open(lab.disk.path, {writable: true});
	writer.trim(0, 512);
	writer.close();
	assert.throws(() => lab.checkUnharmed('now'), /the disk has changed now/);
});
