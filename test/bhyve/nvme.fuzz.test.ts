import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Nvme} from '../../source/bhyve/nvme.js';
import {
	ADMIN,
	ALL_NAMESPACES,
	CC,
	COMMAND,
	COMPLETION,
	DOORBELLS,
	FEATURE,
	IO,
	REG,
} from '../../source/formats/nvme.js';
import {GuestNvme} from '../../source/guest/nvme.js';
import type {Policy} from '../../source/machine/command.js';
import {FUZZ_REQUESTS, HostileLab} from '../helpers/hostile.js';

const CASES: [Policy, boolean][] = [
	['keep', false],
	['remove', true],
	['bounce', true],
];
const ASQ = 0x80000;
const ACQ = 0x81000;
const SQ = 0x82000;
const CQ = 0x84000;
const LIST = 0x88000;
const ENTRIES = 16;
/** Each entry of a queue can be a DATASET MANAGEMENT of 256 ranges. */
const MOST_CALLS = ENTRIES * 256;
const ADMIN_OPCODES = Object.values(ADMIN);
const IO_OPCODES = [
	IO.READ,
	IO.READ,
	IO.READ,
	IO.WRITE,
	IO.FLUSH,
	IO.DATASET_MANAGEMENT,
	IO.WRITE_ZEROES,
	0x05,
	0x7f,
];
const FAVOURITES = [ASQ, ACQ, SQ, CQ, LIST, LIST + 8 * 500];

/** An NVMe driver that misbehaves in every way its author could think of. */
class HostileNvme {
	/** How requests ended. */
	readonly ends = new Map<string, number>();
	readonly #lab: HostileLab;
	readonly #device: Nvme;
	#tails = [0, 0];

	constructor(lab: HostileLab, device: Nvme) {
		this.#lab = lab;
		this.#device = device;
		this.#reset();
	}

	attack(): void {
		const {hostility} = this.#lab;
		const device = this.#device;
		if (device.stopped !== undefined ? hostility.chance(0.95) : hostility.chance(0.01)) this.#reset();
		if (hostility.chance(0.05)) this.#registers();
		const queue = hostility.chance(0.7) ? 1 : 0;
		const ids: number[] = [];
		for (let i = hostility.chance(0.3) ? 1 + hostility.below(12) : 1; i > 0; i--)
			ids.push(this.#command(queue));
		if (hostility.chance(0.1)) this.#scribble();
		this.#ring(queue);
		const end =
			device.stopped?.replace(/0x[0-9a-f]+|\d+/g, 'N') ?? this.#completionOf(queue, ids[ids.length - 1]);
		this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
	}

	/** Like a real driver, but sometimes with a wrong address. */
	#reset(): void {
		const {hostility} = this.#lab;
		const place = (good: number) => (hostility.chance(0.97) ? good : hostility.gpa(FAVOURITES));
		this.#lab.guest.vm.map.zero(ASQ, 0x8000);
		this.#tails = [0, 0];
		this.#device.write(REG.CC, 0);
		const size = hostility.chance(0.97) ? ENTRIES - 1 : hostility.below(4096);
		this.#device.write(REG.AQA, size | (size << 16));
		this.#set(REG.ASQ_LO, place(ASQ));
		this.#set(REG.ACQ_LO, place(ACQ));
		this.#device.write(REG.CC, CC.EN | CC.IOSQES_64 | CC.IOCQES_16);
		const entries = hostility.chance(0.97) ? ENTRIES : hostility.pick([1, 2, 2048, 2049, 65536]);
		const which = (1 | ((entries - 1) << 16)) >>> 0;
		this.#put(0, ADMIN.CREATE_IO_CQ, 0, place(CQ), 0, [which, 1]);
		this.#put(0, ADMIN.CREATE_IO_SQ, 0, place(SQ), 0, [which, 1 | (1 << 16)]);
		this.#device.write(DOORBELLS, this.#tails[0]);
	}

	#set(register: number, gpa: number): void {
		this.#device.write(register, gpa % 2 ** 32);
		this.#device.write(register + 4, Math.floor(gpa / 2 ** 32) % 2 ** 32);
	}

	/** Writes random registers, and sets and clears CC.EN at any time. */
	#registers(): void {
		const {hostility} = this.#lab;
		for (let i = hostility.below(5); i > 0; i--) {
			const offset = hostility.chance(0.7) ? hostility.below(15) * 4 : hostility.word();
			const value = this.#device.read(offset);
			assert.ok(value >= 0 && value < 2 ** 32 && Number.isInteger(value));
			if (offset < DOORBELLS) this.#device.write(offset, hostility.word());
		}
		if (hostility.chance(0.3))
			this.#device.write(REG.CC, hostility.pick([0, CC.EN, CC.EN | CC.SHN, hostility.word()]));
	}

	#ring(queue: number): void {
		const {hostility} = this.#lab;
		const tail = hostility.chance(0.97)
			? this.#tails[queue]
			: hostility.pick([ENTRIES, 2048, 0xffff, hostility.below(20)]);
		const where = hostility.chance(0.97)
			? queue * 8
			: hostility.pick([4, 12, 8 * 16, 8 * 17, 8 * 18, 0xff8, 2, 1]);
		this.#device.write(DOORBELLS + where, tail);
	}

	/** A valid command with some mutations. @returns its ID */
	#command(queue: number): number {
		const {hostility} = this.#lab;
		const opcodes: readonly number[] = queue === 0 ? ADMIN_OPCODES : IO_OPCODES;
		const opcode = hostility.chance(0.95) ? hostility.pick(opcodes) : hostility.below(256);
		const nsid = hostility.chance(0.9) ? (queue === 0 ? 0 : 1) : hostility.pick([0, 1, 2, ALL_NAMESPACES]);
		const lists = hostility.chance(0.5);
		if (lists) this.#list();
		const prp1 = hostility.gpa(FAVOURITES);
		const prp2 = lists ? LIST + hostility.pick([0, 0, 0, 8, 8 * 511, 1]) : hostility.gpa(FAVOURITES);
		const id = this.#put(
			queue,
			opcode,
			nsid,
			prp1,
			prp2,
			queue === 0 ? this.#adminWords(opcode) : this.#ioWords(opcode),
		);
		if (opcode === IO.DATASET_MANAGEMENT && queue === 1 && hostility.chance(0.8)) this.#ranges(prp1);
		return id;
	}

	#ioWords(opcode: number): number[] {
		const {hostility} = this.#lab;
		if (opcode === IO.DATASET_MANAGEMENT)
			return [hostility.pick([0, 1, 3, 255]), hostility.pick([4, 4, 4, 0, 7])];
		const lba = hostility.pick([0, 1, 3064, 3072, 3073, hostility.below(3100), hostility.word()]);
		const count = hostility.pick([0, 7, 8, 15, 63, 3071, 4095, 4096, 65535, hostility.below(200)]);
		return [lba, hostility.chance(0.95) ? 0 : hostility.word(), count];
	}

	#adminWords(opcode: number): number[] {
		const {hostility} = this.#lab;
		const queue = hostility.pick([0, 1, 1, 2, 2, 3, 16, 17, 0xffff]);
		const entries = hostility.pick([0, 1, 15, 15, 2047, 2048, 0xffff]);
		switch (opcode) {
			case ADMIN.CREATE_IO_CQ:
			case ADMIN.CREATE_IO_SQ:
				return [(queue | (entries << 16)) >>> 0, (1 | (hostility.pick([0, 1, 1, 2, 17, 99]) << 16)) >>> 0];
			case ADMIN.DELETE_IO_CQ:
			case ADMIN.DELETE_IO_SQ:
				return [hostility.chance(0.7) ? hostility.pick([2, 3, 4]) : queue];
			case ADMIN.IDENTIFY:
				return [hostility.pick([0, 1, 2, 3, 0x13, 0x20])];
			case ADMIN.SET_FEATURES:
			case ADMIN.GET_FEATURES:
				return [
					hostility.chance(0.9) ? hostility.pick(Object.values(FEATURE)) : hostility.word(),
					hostility.word(),
				];
			case ADMIN.GET_LOG_PAGE:
				return [
					hostility.below(6) | (hostility.below(2048) << 16),
					hostility.below(2),
					hostility.pick([0, 0, 4, 60, 511, 4095, hostility.word()]),
					hostility.pick([0, 0, 0, 1]),
				];
			default:
				return [hostility.word(), hostility.word()];
		}
	}

	/** Fills a PRP list: with random addresses, the next page, or the list itself, also as its last entry. */
	#list(): void {
		const {hostility} = this.#lab;
		const path = hostility.below(4);
		for (let i = 0; i < (hostility.chance(0.1) ? 512 : 24); i++) {
			const gpa = path === 0 ? LIST : path === 1 ? 0x30_0000 + i * 4096 : hostility.gpa(FAVOURITES);
			this.#lab.write64(LIST + 8 * i, gpa);
		}
		this.#lab.write64(LIST + 8 * 511, hostility.pick([LIST, LIST + 8, hostility.gpa(FAVOURITES)]));
	}

	/** Writes ranges to deallocate, whose lengths may overflow. */
	#ranges(at: number): void {
		const {hostility} = this.#lab;
		for (let i = 0; i < 4; i++) {
			const sectors = hostility.pick([0, 1, 8, 2 ** 23, 2 ** 23 + 1, hostility.below(100)]);
			this.#set64(at + 16 * i, sectors * 2 ** 32);
			this.#set64(at + 16 * i + 8, hostility.chance(0.95) ? hostility.below(3000) : hostility.gpa());
		}
	}

	#put(
		queue: number,
		opcode: number,
		nsid: number,
		prp1: number,
		prp2: number,
		cdw: readonly number[],
	): number {
		const {hostility} = this.#lab;
		const at = (queue === 0 ? ASQ : SQ) + this.#tails[queue] * 64;
		const {map} = this.#lab.guest.vm;
		const id = hostility.below(0x10000);
		this.#tails[queue] = (this.#tails[queue] + 1) % ENTRIES;
		map.zero(at, 64);
		map.setU32(at, (opcode | (id << 16)) >>> 0);
		map.setU32(at + COMMAND.NSID, nsid);
		this.#lab.write64(at + COMMAND.PRP1, prp1);
		this.#lab.write64(at + COMMAND.PRP2, prp2);
		cdw.forEach((dword, i) => {
			map.setU32(at + COMMAND.CDW10 + 4 * i, dword);
		});
		if (hostility.chance(0.03)) map.setU8(at + hostility.below(64), hostility.below(256));
		return id;
	}

	/** Writes words anywhere in the queues. */
	#scribble(): void {
		const {hostility} = this.#lab;
		for (let i = hostility.below(4); i > 0; i--)
			this.#lab.guest.vm.map.setU32(ASQ + hostility.below(0x4000 / 4) * 4, hostility.word());
	}

	/** The result of a command, from its completion anywhere in the queue. */
	#completionOf(queue: number, id: number): string {
		const {map} = this.#lab.guest.vm;
		for (let i = 0; i < ENTRIES; i++) {
			const at = (queue === 0 ? ACQ : CQ) + i * 16;
			if (map.u16(at + COMPLETION.ID) === id)
				return `${queue === 0 ? 'admin' : 'I/O'} 0x${((map.u16(at + COMPLETION.STATUS) >> 1) & 0x7ff).toString(16)}`;
		}
		return 'no completion';
	}

	/** A guest cannot write outside its memory. */
	#set64 = (gpa: number, value: number) =>
		gpa + 8 <= this.#lab.hostility.guestBytes && this.#lab.write64(gpa, value);
}

CASES.forEach(([policy, writable], i) => {
	const access = writable ? 'writable' : 'read-only';
	test(`a hostile guest on a ${access} nvme under ${policy} harms only itself`, t => {
		const lab = new HostileLab(t, {seed: 300 + i, policy, writable});
		const {machine, guest, disk} = lab;
		const device = new Nvme(guest.device.ctx, guest.blockIf, 'hostile');
		const hostile = new HostileNvme(lab, device);
		lab.attack(Math.ceil(FUZZ_REQUESTS / CASES.length), () => hostile.attack(), MOST_CALLS);
		if (process.env.DMASCOPE_FUZZ) t.diagnostic(JSON.stringify([...hostile.ends, ...lab.calls]));

		const ends = [...hostile.ends.keys()].join('\n');
		for (const end of [
			/I\/O 0x0\b/,
			/I\/O 0x2\b/,
			/I\/O 0x4\b/,
			/I\/O 0x80\b/,
			/admin 0x0\b/,
			/admin 0x101\b/,
			/nothing is mapped/,
			/would have hung/,
			/has no memory/,
			/a list of PRPs is not/,
		]) {
			assert.match(ends, end);
		}
		// A well-behaved driver can use the disk again, and the other guest could all along.
		const request = {op: 'read', sector: 3, segments: [{gpa: 0x200000, bytes: 512}], sectors: 1} as const;
		assert.equal(new GuestNvme(guest.vm, device).request(request)?.text, 'SC 0x0 success');
		assert.equal(machine.guests[1].disk.request(request)?.ok, true);
		if (policy === 'keep') {
			const there = guest.vm.map.read(0x200000, 512);
			assert.equal(Buffer.compare(there, disk.peek(3 * 512, 512)), 0);
		}
	});
});
