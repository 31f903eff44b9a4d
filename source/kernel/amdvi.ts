// vmm's amd/amdvi_hw.c: writes the device table, page tables and commands into host memory, and prints the event log.
// Tables have 4 levels and 4 KiB pages only.

import {high32, low32} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {COMMAND, CONTROL, ENTRY_BYTES, EVENT, REG, STATUS} from '../formats/amdvi.js';
import type {Rid} from '../formats/pci.js';
import type {Amdvi} from '../hardware/amdvi.js';
import type {Memory} from '../hardware/memory.js';
import type {Domain, IommuOps} from './iommu.js';
import {OWNER, PageTables} from './page-table.js';
import type {VmPages} from './vm-page.js';

const READ_WRITE = amdvi.IR | amdvi.IW;
/** hw.vmm.amdvi.ptp_level. */
const PTP_LEVEL = 4;
const MAX_DOMAIN = 65535;
/** The device table has all 65,536 IDs. FreeBSD has it in vmm's bss. */
const DEVICE_TABLE_BYTES = 65536 * amdvi.DTE_BYTES;
/** Its size in the base register. */
const DEVICE_TABLE_SIZE = 0x1ff;
/** The entries of the command buffer and the event log, and their log2 in a base register's high half. */
const RING = 256;
const RING_BYTES = RING * ENTRY_BYTES;
const RING_LENGTH = 8 << 24;
const VERIFY = 0xa5a5;
const MAX_LOG_LINES = 1000;

export class AmdviDriver implements IommuOps {
	readonly name = 'amd-vi';
	/** dom_head. */
	readonly domains: Domain[] = [];
	/** The newest lines of the kernel log. */
	readonly log: string[] = [];
	/** All lines and events logged so far. */
	linesLogged = 0;
	eventsLogged = 0;

	private readonly unit: Amdvi;
	private readonly memory: Memory;
	private readonly tables: PageTables;
	private readonly hostPtp: boolean;
	private readonly enabled: boolean;
	private readonly deviceTable: number;
	private readonly commands: number;
	private readonly events: number;
	/** cmp_data: COMPLETION_WAIT stores here. */
	private readonly completion: number;
	private nextDomain = 0;
	private totalCommands = 0;
	private interrupts = 0;

	/**
	 * amdvi_setup_hw, when ivhd attaches. `hostPtp` is hw.vmm.amdvi.host_ptp: page tables for the host domain. `enabled` is
	 * hw.vmm.amdvi.enable, which is 0 in FreeBSD unless loader.conf sets it.
	 */
	constructor(unit: Amdvi, memory: Memory, pages: VmPages, {hostPtp = true, enabled = true} = {}) {
		this.enabled = enabled;
		this.unit = unit;
		this.memory = memory;
		this.hostPtp = hostPtp;
		this.tables = new PageTables(memory, pages, {
			table: level => amdvi.levelBits(level) | amdvi.PR,
			page: amdvi.PR,
			high: READ_WRITE,
		});
		this.deviceTable = pages.allocContiguous(DEVICE_TABLE_BYTES / 4096, OWNER);
		this.commands = pages.allocPage(OWNER);
		this.events = pages.allocPage(OWNER);
		this.completion = pages.allocPage(OWNER);
		this.setup();
		unit.interrupt = () => this.eventInterrupt();
	}

	private setup(): void {
		this.setBase(REG.DEVICE_TABLE, this.deviceTable, DEVICE_TABLE_SIZE, 0);
		this.setBase(REG.COMMAND_BASE, this.commands, 0, RING_LENGTH);
		this.setBase(REG.EVENT_BASE, this.events, 0, RING_LENGTH);
		for (const ring of [REG.COMMAND_HEAD, REG.COMMAND_TAIL, REG.EVENT_HEAD, REG.EVENT_TAIL])
			this.unit.write32(ring, 0);
	}

	/**
	 * vmm.ko is unloaded, and its statics with it: amdvi_dom_id, dom_head and amdvi_dte are as at power-on when it is
	 * loaded again, and ivhd attaches anew, with empty rings.
	 */
	unload(): void {
		this.domains.length = 0;
		this.nextDomain = 0;
		this.totalCommands = 0;
		this.interrupts = 0;
		this.memory.clear(this.deviceTable, DEVICE_TABLE_BYTES);
		this.memory.writable(this.commands, RING_BYTES).fill(0);
		this.memory.writable(this.events, RING_BYTES).fill(0);
		this.setup();
	}

	/** amdvi_init. @returns false, with a line in the log, unless hw.vmm.amdvi.enable is set */
	init(): boolean {
		if (!this.enabled)
			this.print('bhyve: Found 1 AMD-Vi/IOMMU device(s), use hw.vmm.amdvi.enable=1 to enable pass-through.');
		return this.enabled;
	}

	enable(): void {
		const {IOMMU_EN, COMMAND_EN, EVENT_LOG_EN, EVENT_INT_EN} = CONTROL;
		this.unit.write32(REG.CONTROL, IOMMU_EN | COMMAND_EN | EVENT_LOG_EN | EVENT_INT_EN);
	}

	/** amdvi_disable. The tables stay: amdvi_cleanup does nothing. */
	disable(): void {
		this.unit.write32(REG.CONTROL, 0);
	}

	/** IDs count up, and after the last one start again at 1. The host domain is created first and has ID 0. */
	createDomain(maxaddr: number): Domain {
		if (this.nextDomain === MAX_DOMAIN) this.nextDomain = 1;
		const id = this.nextDomain++;
		const tables = id !== 0 || this.hostPtp ? this.tables.create(PTP_LEVEL) : {root: 0, levels: 0};
		const domain = {id, maxaddr, ...tables};
		this.invalidateDomain(domain);
		this.domains.push(domain);
		return domain;
	}

	destroyDomain(domain: Domain): void {
		if (domain.levels > 0) this.tables.free(domain);
		this.invalidateDomain(domain);
		this.domains.splice(this.domains.indexOf(domain), 1);
	}

	createMapping(domain: Domain, gpa: number, hpa: number, bytes: number): void {
		if (domain.levels > 0) this.tables.map(domain, gpa, hpa, bytes);
	}

	removeMapping(domain: Domain, gpa: number, bytes: number): void {
		if (domain.levels > 0) this.tables.unmap(domain, gpa, bytes);
	}

	/**
	 * amdvi_set_dte(enable). It does not check whether the device is already in a domain. For a domain without tables,
	 * root and mode stay those of the device's previous domain.
	 */
	addDevice(domain: Domain, rid: Rid): void {
		this.setDte(domain, rid);
		const entry = this.deviceTable + rid * amdvi.DTE_BYTES;
		let low = this.memory.u32(entry);
		let high = this.memory.u32(entry + 4);
		if (domain.levels > 0) {
			low = low32(domain.root) | amdvi.levelBits(domain.levels);
			high = high32(domain.root);
		}
		this.memory.setU32(entry, (low | amdvi.DTE_V | amdvi.DTE_TV) >>> 0);
		this.memory.setU32(entry + 4, high | READ_WRITE);
		this.invalidateDevice(rid);
	}

	/** amdvi_set_dte(!enable). TV, root, IR and IW stay, so the device still reaches the old root's pages. */
	removeDevice(domain: Domain, rid: Rid): void {
		this.setDte(domain, rid);
		this.invalidateDevice(rid);
	}

	invalidateTlb(domain: Domain): void {
		this.invalidateDomain(domain);
	}

	private setDte({id}: Domain, rid: Rid): void {
		const entry = this.deviceTable + rid * amdvi.DTE_BYTES;
		this.memory.setU32(entry + 12, amdvi.DTE_SE);
		this.memory.setU32(entry, this.memory.u32(entry) | amdvi.DTE_V);
		this.memory.setU32(entry + 8, id);
	}

	/** amdvi_inv_device. */
	private invalidateDevice(rid: Rid): void {
		this.command(COMMAND.INVALIDATE_DEVTAB_ENTRY, {word0: rid});
		this.wait();
	}

	/** amdvi_do_inv_domain. */
	private invalidateDomain({id}: Domain): void {
		const lo = (amdvi.ALL_PAGES.lo | amdvi.PAGES_PDE | amdvi.PAGES_S) >>> 0;
		this.command(COMMAND.INVALIDATE_PAGES, {word1: id, lo, hi: amdvi.ALL_PAGES.hi});
		this.wait();
	}

	/** amdvi_wait: COMPLETION_WAIT, repeated until its data arrives. Does nothing before the unit is enabled. */
	private wait(): void {
		if ((this.unit.read32(REG.CONTROL) & CONTROL.IOMMU_EN) === 0) return;
		for (let i = 0; i < 10; i++) {
			this.memory.setU32(this.completion, 0);
			const word0 = (low32(this.completion) | amdvi.WAIT_STORE) >>> 0;
			const word1 = high32(this.completion);
			this.command(COMMAND.COMPLETION_WAIT, {word0, word1, lo: VERIFY, hi: 0});
			if (this.memory.u32(this.completion) === VERIFY) return;
		}
		this.print(
			`ivhd0: Error: completion failed tail:${this.hex(REG.COMMAND_TAIL)}, head:${this.hex(REG.COMMAND_HEAD)}.`,
		);
	}

	/** Writes the command's fields into the ring. The entry's other fields keep their old values. */
	private command(opcode: number, fields: {word0?: number; word1?: number; lo?: number; hi?: number}): void {
		const tail = this.unit.read32(REG.COMMAND_TAIL);
		const at = this.commands + tail;
		const {word0, word1 = this.memory.u32(at + 4) & 0xfffffff, lo, hi} = fields;
		const words = [word0, ((opcode << 28) | word1) >>> 0, lo, hi];
		for (const [i, word] of words.entries()) if (word !== undefined) this.memory.setU32(at + 4 * i, word);
		this.totalCommands++;
		this.unit.write32(REG.COMMAND_TAIL, (tail + ENTRY_BYTES) % RING_BYTES);
	}

	/** amdvi_event_intr. */
	private eventInterrupt(): void {
		const ring = (head: number, tail: number) => [this.hex(head), this.hex(tail)];
		const [head, tail] = ring(REG.EVENT_HEAD, REG.EVENT_TAIL);
		const [commandHead, commandTail] = ring(REG.COMMAND_HEAD, REG.COMMAND_TAIL);
		const status = this.hex(REG.STATUS);
		this.print(`ivhd0: EVT INTR ${this.interrupts++} Status:${status} EVT Head:${head} Tail:${tail}]`);
		const total = this.totalCommands.toString(16);
		this.print(`  [CMD Total 0x${total}] Tail:${commandTail}, Head:${commandHead}.`);
		this.printEvents();
		const {EVENT_OVERFLOW, EVENT_INT} = STATUS;
		this.unit.write32(REG.STATUS, this.unit.read32(REG.STATUS) & (EVENT_OVERFLOW | EVENT_INT));
	}

	/**
	 * amdvi_print_events. It stops at an entry without a type, not at the tail. Entries are never cleared, so once the log
	 * has wrapped, each interrupt prints all of it and leaves the head in place.
	 */
	private printEvents(): void {
		for (let i = 0; i < RING; i++) {
			const head = this.unit.read32(REG.EVENT_HEAD);
			const event = readEvent(this.memory, this.events + head);
			if (event === undefined) return;
			this.print(`ivhd0:  [Event${i}: Head:${this.hex(REG.EVENT_HEAD)} Tail:${this.hex(REG.EVENT_TAIL)}]`);
			for (const line of eventLines(this.memory, event)) this.print(line);
			this.eventsLogged++;
			this.unit.write32(REG.EVENT_HEAD, (head + ENTRY_BYTES) % RING_BYTES);
		}
	}

	private print(line: string): void {
		this.linesLogged++;
		this.log.push(line);
		if (this.log.length > MAX_LOG_LINES) this.log.shift();
	}

	private hex(register: number): string {
		return `0x${this.unit.read32(register).toString(16)}`;
	}

	private setBase(register: number, hpa: number, low: number, high: number): void {
		this.unit.write32(register, (low32(hpa) | low) >>> 0);
		this.unit.write32(register + 4, high32(hpa) | high);
	}
}

// amdvi_decode_evt. A tab is as wide as on a console.
const TAB = ' '.repeat(8);
/** The flags' names in %b, from bit 0 up. */
const FLAGS = ['GN', 'NX', 'US', 'I', 'PR', 'RW', 'PE', 'RZ', 'TR'];
const bare = (value: number): string => `0x${value.toString(16)}`;

function flagsText(flags: number): string {
	const names = FLAGS.filter((_, bit) => flags & (1 << bit));
	return `${bare(flags & 0x1ff)}${names.length > 0 ? `<${names.join(',')}>` : ''}`;
}

type Event = ReturnType<typeof amdvi.decodeEvent>;

/** The log entry at an address; undefined if it was never written. */
function readEvent(memory: Memory, at: number): Event | undefined {
	const words = [0, 4, 8, 12].map(offset => memory.u32(at + offset));
	const event = amdvi.decodeEvent(words[0], words[1], words[2], words[3]);
	return event.type === 0 ? undefined : event;
}

function eventLines(memory: Memory, event: Event): string[] {
	const {type, flags, rid, domain, address} = event;
	const line = (name: string) =>
		`${TAB}[${name} EVT: devId:${bare(rid)} DomId:${bare(domain)} Addr:${bare(address)} ${flagsText(flags)}]`;
	switch (type) {
		case EVENT.ILLEGAL_DEV_TABLE_ENTRY:
		case EVENT.IO_PAGE_FAULT:
			// amdvi_decode_inv_dte_evt prints the page fault's name as well.
			return [line('IO_PAGE_FAULT')];
		case EVENT.DEV_TAB_HARDWARE_ERROR:
		case EVENT.PAGE_TAB_HARDWARE_ERROR:
			// The error type is passed on in 8 bits that do not contain it, so the text is always "RSVD".
			return [line(type === EVENT.DEV_TAB_HARDWARE_ERROR ? 'DEV_TAB_HW_ERR' : 'PAGE_TAB_HW_ERR'), 'RSVD'];
		case EVENT.ILLEGAL_COMMAND_ERROR:
		case EVENT.COMMAND_HARDWARE_ERROR:
			return [
				`${TAB}[${type === EVENT.ILLEGAL_COMMAND_ERROR ? 'ILLEGAL CMD' : 'CMD HW ERR'} EVT]`,
				...commandLines(memory, address),
			];
		default:
			return [`Unsupported AMD-Vi event:${type}`];
	}
}

function commandLines(memory: Memory, at: number): string[] {
	if (!memory.has(at, ENTRY_BYTES)) return [];
	const [word0, word1, lo, hi] = [0, 4, 8, 12].map(offset => memory.u32(at + offset));
	const quad = bare(hi * 2 ** 32 + lo);
	return [`${TAB}CMD opcode= ${bare(word1 >>> 28)} ${bare(word0)} ${bare(word1 & 0xfffffff)} ${quad}`];
}
