import assert from 'node:assert/strict';
import {test} from 'node:test';
import {AhciHd} from '../../source/bhyve/ahci-hd.js';
import * as ahci from '../../source/formats/ahci.js';
import {CMD, HBA, HEADER, PRD, PX} from '../../source/formats/ahci.js';
import {ATA, STATUS} from '../../source/formats/ata.js';
import {GuestAhci} from '../../source/guest/ahci.js';
import type {Policy} from '../../source/machine/command.js';
import {FUZZ_REQUESTS, HostileLab} from '../helpers/hostile.js';

const CASES: [Policy, boolean][] = [
	['keep', false],
	['remove', true],
	['bounce', true],
];
const LIST = 0x80000;
const RECEIVED = 0x80400;
const TABLES = 0x90000;
const TABLE_BYTES = 0x1800;
const RUN = CMD.ST | CMD.FRE | CMD.SUD | CMD.POD;
/** A transfer of 32 MiB has at most 33 parts by MAXPHYS, and one per 127 PRDs: here at most 300, in 32 slots. */
const MOST_CALLS = 32 * (33 + 300 / 127);
const QUEUED: readonly number[] = [ATA.READ_FPDMA_QUEUED, ATA.WRITE_FPDMA_QUEUED, ATA.SEND_FPDMA_QUEUED];
const TRANSFERS = [
	ATA.READ_DMA_EXT,
	ATA.READ_DMA_EXT,
	ATA.WRITE_DMA_EXT,
	ATA.READ_FPDMA_QUEUED,
	ATA.READ_FPDMA_QUEUED,
	ATA.WRITE_FPDMA_QUEUED,
	ATA.READ_DMA,
	ATA.WRITE_MULTIPLE,
];
/** Commands that move a page of information. */
const PAGES = [ATA.IDENTIFY, ATA.READ_LOG_EXT, ATA.DATA_SET_MANAGEMENT, ATA.SEND_FPDMA_QUEUED];
const COMMANDS = Object.values(ATA);

/** An AHCI driver that misbehaves in every way its author could think of. */
class HostileAhci {
	/** How requests ended. */
	readonly ends = new Map<string, number>();
	readonly #lab: HostileLab;
	readonly #device: AhciHd;
	#list = LIST;

	constructor(lab: HostileLab, device: AhciHd) {
		this.#lab = lab;
		this.#device = device;
		this.#reset();
	}

	attack(): void {
		const {hostility} = this.#lab;
		const device = this.#device;
		// A command whose FIS was overwritten can leave the disk busy forever.
		const stuck = (device.read(ahci.PORTS + PX.TFD) & STATUS.BSY) !== 0;
		if (stuck && hostility.chance(0.95)) this.#reset();
		if (hostility.chance(0.1)) this.#registers();
		if (hostility.chance(0.05)) this.#move();
		let issued = 0;
		let queued = 0;
		for (let i = hostility.chance(0.3) ? hostility.below(8) : 1; i > 0; i--) {
			const slot = hostility.below(ahci.SLOTS);
			issued |= 1 << slot;
			if (QUEUED.includes(this.#command(slot))) queued |= 1 << slot;
		}
		if (hostility.chance(0.2)) this.#scribble();
		if (queued !== 0 && hostility.chance(0.9)) this.#write(PX.SACT, queued >>> 0);
		this.#write(PX.CI, (hostility.chance(0.97) ? issued : hostility.word()) >>> 0);
		const tfd = device.read(ahci.PORTS + PX.TFD);
		const end = device.stopped?.replace(/0x[0-9a-f]+|\d+/g, 'N') ?? `TFD 0x${tfd.toString(16)}`;
		this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
		if (device.stopped === undefined && hostility.chance(0.8)) this.#restart();
	}

	#reset(): void {
		const {hostility} = this.#lab;
		this.#device.write(HBA.GHC, ahci.GHC.HR);
		this.#place(LIST, hostility.chance(0.95) ? RECEIVED : hostility.gpa([LIST, TABLES]));
		if (hostility.chance(0.9)) this.#lab.guest.vm.map.zero(LIST, 0x500);
	}

	#place(list: number, received: number): void {
		this.#list = list;
		this.#write(PX.CLB, list % 2 ** 32);
		this.#write(PX.CLBU, Math.floor(list / 2 ** 32) % 2 ** 32);
		this.#write(PX.FB, received % 2 ** 32);
		this.#write(PX.FBU, Math.floor(received / 2 ** 32) % 2 ** 32);
		this.#restart();
	}

	/** Sometimes without FISes, or without a stop in between. */
	#restart(): void {
		const {hostility} = this.#lab;
		if (hostility.chance(0.95)) this.#write(PX.CMD, CMD.FRE);
		this.#write(PX.CMD, hostility.chance(0.97) ? RUN : hostility.word());
	}

	/** Moves the list and the FISes while they are in use. */
	#move(): void {
		const {hostility} = this.#lab;
		this.#place(hostility.gpa([LIST, TABLES, RECEIVED]), hostility.gpa([LIST, TABLES, RECEIVED]));
	}

	#registers(): void {
		const {hostility} = this.#lab;
		for (let i = hostility.below(6); i > 0; i--) {
			const offset = hostility.chance(0.9) ? hostility.below(0x60) * 4 : hostility.word();
			const value = this.#device.read(offset);
			assert.ok(value >= 0 && value < 2 ** 32 && Number.isInteger(value));
			if (offset !== ahci.PORTS + PX.CI) this.#device.write(offset, hostility.word());
		}
	}

	/** A valid command with some mutations. @returns its ATA command */
	#command(slot: number): number {
		const {hostility} = this.#lab;
		const favourites = [LIST, RECEIVED, TABLES, TABLES + ahci.PRDT, TABLES + slot * TABLE_BYTES];
		const table = hostility.chance(0.97) ? TABLES + slot * TABLE_BYTES : hostility.gpa(favourites);
		const command = hostility.chance(0.7)
			? hostility.pick(TRANSFERS)
			: hostility.pick([hostility.pick(PAGES), hostility.pick(COMMANDS), hostility.below(256)]);
		const count = hostility.chance(0.05) ? 100 + hostility.below(200) : hostility.below(6);
		const lba = hostility.pick([0, 1, 3072, 3073, 2 ** 28 - 1, 2 ** 47, hostility.below(3100)]);
		const sectors = hostility.pick([0, 1, 1, 8, 64, 256, 4000, hostility.below(65536)]);
		const trims = command === ATA.DATA_SET_MANAGEMENT || command === ATA.SEND_FPDMA_QUEUED;
		const features = trims ? 1 : QUEUED.includes(command) ? sectors : hostility.pick([0, 1, 2, 3, 0x10]);
		const fis = ahci.dmaFis(command, lba, command === ATA.DATA_SET_MANAGEMENT ? 1 : sectors, features);
		fis.forEach((dword, i) => {
			this.#set32(table + 4 * i, i === 4 && trims ? 1 : dword);
		});
		for (let i = 0; i < count; i++) {
			const at = table + ahci.PRDT + i * ahci.PRD_BYTES;
			this.#set64(at + PRD.DBA, hostility.gpa(favourites));
			const bytes = hostility.length();
			this.#set32(at + PRD.DBC, (hostility.chance(0.97) ? bytes - 1 : hostility.word()) >>> 0);
		}
		const header = this.#list + slot * ahci.COMMAND_HEADER_BYTES;
		const prds = hostility.chance(0.96) ? count : hostility.pick([0, count + 1, count + 130, 0xffff]);
		this.#set32(header + HEADER.DW0, (ahci.FIS_DWORDS | (prds << 16)) >>> 0);
		this.#set64(header + HEADER.CTBA, table);
		if (hostility.chance(0.15)) this.#mutate(table, 20);
		if (hostility.chance(0.05)) this.#mutate(header, 16);
		return command;
	}

	/** Changes some bytes of a structure. */
	#mutate(at: number, length: number): void {
		const {hostility} = this.#lab;
		for (let i = 1 + hostility.below(3); i > 0; i--) {
			const byte = at + hostility.below(length);
			if (this.#inside(byte)) this.#lab.guest.vm.map.setU8(byte, hostility.word() & 0xff);
		}
	}

	/** Writes words anywhere in the list and the tables. */
	#scribble(): void {
		const {hostility} = this.#lab;
		for (let i = hostility.below(4); i > 0; i--) {
			this.#set32(LIST + hostility.below(256) * 4, hostility.word());
			this.#set32(TABLES + hostility.below((ahci.SLOTS * TABLE_BYTES) / 4) * 4, hostility.word());
		}
	}

	#write(register: number, value: number): void {
		this.#device.write(ahci.PORTS + register, value);
	}

	/** A guest cannot write outside its memory. */
	#inside = (gpa: number): boolean => gpa + 8 <= this.#lab.hostility.guestBytes;
	#set32 = (gpa: number, value: number) => this.#inside(gpa) && this.#lab.guest.vm.map.setU32(gpa, value);
	#set64 = (gpa: number, value: number) => this.#inside(gpa) && this.#lab.write64(gpa, value);
}

CASES.forEach(([policy, writable], i) => {
	const access = writable ? 'writable' : 'read-only';
	test(`a hostile guest on a ${access} ahci-hd under ${policy} harms only itself`, t => {
		const lab = new HostileLab(t, {seed: 200 + i, policy, writable});
		const {machine, guest, disk} = lab;
		const device = new AhciHd(guest.device.ctx, guest.blockIf, 'hostile');
		const hostile = new HostileAhci(lab, device);
		lab.attack(Math.ceil(FUZZ_REQUESTS / CASES.length), () => hostile.attack(), MOST_CALLS);
		if (process.env.DMASCOPE_FUZZ) t.diagnostic(JSON.stringify([...hostile.ends, ...lab.calls]));

		const ends = [...hostile.ends.keys()].join('\n');
		for (const end of [
			/TFD 0x50/,
			/TFD 0x441/,
			/TFD 0x41/,
			/not host-to-device/,
			/cannot send a FIS/,
			/nothing is mapped/,
			/the command list is not/,
			/the command table of slot N is not/,
			/PRD N of slot N is not/,
		]) {
			assert.match(ends, end);
		}
		// A well-behaved driver can use the disk again, and the other guest could all along.
		const request = {op: 'read', sector: 3, segments: [{gpa: 0x200000, bytes: 512}], sectors: 1} as const;
		assert.equal(new GuestAhci(guest.vm, device).request(request)?.text, 'TFD 0x50');
		assert.equal(machine.guests[1].disk.request(request)?.ok, true);
		if (policy === 'keep') {
			const there = guest.vm.map.read(0x200000, 512);
			assert.equal(Buffer.compare(there, disk.peek(3 * 512, 512)), 0);
		}
	});
});
