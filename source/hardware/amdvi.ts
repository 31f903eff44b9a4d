// An AMD-Vi unit: registers, caches, command buffer and event log around the walk. It reads what the kernel's
// amdvi driver wrote into host memory, and knows nothing else (48882, chapters 2 and 3).

import * as address from '../formats/address.js';
import {high32, low32, pageAddress, pageOf} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {CONTROL, EVENT, FLAG, REG, STATUS} from '../formats/amdvi.js';
import {COMMAND, type Command, commandPages, decodeCommand} from '../formats/amdvi-commands.js';
import type {Rid} from '../formats/pci.js';
import {AmdviLog} from './amdvi-log.js';
import {AmdviWalk} from './amdvi-walk.js';
import {type Counters, TranslationCounts} from './counters.js';
import {type Dte, DteCache} from './dte-cache.js';
import {Iotlb} from './iotlb.js';
import type {Memory} from './memory.js';
import type {Probe} from './probe.js';

// Constants of this module's own, for V8: see vtd-walk.ts.
const {HIGH} = address;
const {IR, IW} = amdvi;

const NOT_PRESENT = -amdvi.refusal(EVENT.IO_PAGE_FAULT, 0);
const NO_PERMISSION = -amdvi.refusal(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.PE);
/** By a DTE's mode: the first address past what its tables can name. Mode 0 has none. */
const LIMITS = [0, ...[1, 2, 3, 4, 5, 6].map(levels => 2 ** (12 + 9 * levels))];
/** A write there is an interrupt, whatever the tables say (48882, 2.1.4). */
const INTERRUPTS = 0xfee00000;
const INTERRUPTS_END = 0xfef00000;
const COMMANDS_RUN = CONTROL.IOMMU_EN | CONTROL.COMMAND_EN;
const WRITE_1_TO_CLEAR = STATUS.EVENT_OVERFLOW | STATUS.EVENT_INT | STATUS.COMPLETION_INT;

/** Where IR and IW are in an entry's high half: the IOTLB keeps them as its bits 0 and 1. */
const IR_BIT = 29;
const READ = IR >>> IR_BIT;
const WRITE = IW >>> IR_BIT;

export class Amdvi {
	/** Told of each refused access. */
	probe?: Probe;
	/** The kernel's handler of the unit's message. */
	interrupt: () => void = () => {};
	readonly counts = new TranslationCounts();

	private readonly registers = new Uint32Array(amdvi.REGISTER_BYTES / 4);
	private readonly memory: Memory;
	private readonly walk: AmdviWalk;
	readonly dtes = new DteCache();
	readonly iotlb = new Iotlb();
	private readonly log: AmdviLog;
	private enabled = false;
	private commandsEnabled = false;

	constructor(memory: Memory) {
		this.memory = memory;
		this.walk = new AmdviWalk(memory);
		this.log = new AmdviLog(memory, this.registers, () => this.interrupt());
		this.registers[REG.EXTENDED_FEATURES / 4] = amdvi.EFR_IA | amdvi.EFR_HATS_6_LEVELS;
	}

	read32(offset: number): number {
		const runs = offset === REG.STATUS && this.log.runs ? STATUS.EVENT_RUN : 0;
		return this.registers[offset / 4] | runs;
	}

	/** A register write by the kernel; what only hardware writes is left alone. */
	write32(offset: number, value: number): void {
		if (offset === REG.EXTENDED_FEATURES || offset === REG.EXTENDED_FEATURES + 4) return;
		if (offset === REG.STATUS) this.registers[offset / 4] &= ~(value & WRITE_1_TO_CLEAR);
		else this.registers[offset / 4] = value;
		if (offset === REG.CONTROL) this.control(value);
		if (offset === REG.COMMAND_TAIL) this.runCommands();
	}

	/** The event log: how many entries it has, those not yet taken, and whether an event found none free. */
	get eventLog() {
		return {
			total: this.log.bytes / amdvi.ENTRY_BYTES,
			held: this.log.held,
			overflow: (this.read32(REG.STATUS) & STATUS.EVENT_OVERFLOW) !== 0,
		};
	}

	get counters(): Counters {
		return this.counts.counters(this.iotlb, this.dtes);
	}

	/**
	 * Looks one access up, in the caches first, and logs the event where it is refused. A write into the interrupt
	 * window is a message: without interrupt remapping it goes on as it is, and no memory is there.
	 * @returns the physical address, or minus what is wrong, as the upper half of an event's second word says it.
	 */
	translate(rid: Rid, iova: number, write: boolean): number {
		if (!this.enabled || (write && iova >= INTERRUPTS && iova < INTERRUPTS_END)) {
			this.counts.untranslated++;
			return iova;
		}
		const dtes = this.dtes;
		const dte = dtes.find(rid);
		if (dte === 0) return this.readEntry(rid, iova, write);
		if (iova >= LIMITS[dtes.levels(dte)]) return this.beyondTables(dte, rid, iova, write);
		if (!dtes.allows(dte, write)) return this.disallowed(dte, rid, iova, write);
		const iotlb = this.iotlb;
		const lo = iova | 0;
		const hi = iova < HIGH ? 0 : Math.floor(iova / HIGH);
		const needed = write ? WRITE : READ;
		const at = iotlb.find(dtes.domain(dte), (lo >>> 12) | (hi << 20), hi >>> 12, needed);
		if (at < 0) return this.lookUp(dte, rid, iova, write);
		const low = iotlb.lows[at] | (lo & 0xfff);
		const slot = iotlb.slots[at];
		return slot === 0 && low >= 0 ? low : slot * HIGH + (low >>> 0);
	}

	/** What the cache of entries does not hold: the walk's first half, whose answer it then keeps. */
	private readEntry(rid: Rid, iova: number, write: boolean): number {
		this.counts.contextMisses++;
		const table = pageAddress(this.registers[0], this.registers[1]);
		const refused = this.walk.device(table, amdvi.deviceTableBytes(this.registers[0]), rid);
		if (refused < 0) {
			this.counts.settled++;
			return this.refuse(rid, iova, write, refused, 0);
		}
		this.dtes.fill(rid, this.walk);
		return this.translate(rid, iova, write);
	}

	/** What the device table entry forbids: walked all the same, since the tables' own fault goes before. */
	private disallowed(dte: Dte, rid: Rid, iova: number, write: boolean): number {
		this.counts.settled++;
		return this.lookUp(dte, rid, iova, write);
	}

	/**
	 * What no table names: V=0 translates nothing; V=1 without TV ends every walk, as an address past the tables does;
	 * mode 0 is 1:1 with the entry's permissions.
	 */
	private beyondTables(dte: Dte, rid: Rid, iova: number, write: boolean): number {
		const dtes = this.dtes;
		this.counts.settled++;
		if (!dtes.valid(dte)) return iova;
		if (!dtes.translates(dte) || dtes.levels(dte) > 0)
			return this.refuse(rid, iova, write, NOT_PRESENT, dtes.domain(dte));
		if (dtes.allows(dte, write)) return iova;
		return this.refuse(rid, iova, write, NO_PERMISSION, dtes.domain(dte));
	}

	/** What the IOTLB does not hold: the walk, whose answer it then keeps, for all devices of the domain. */
	private lookUp(dte: Dte, rid: Rid, iova: number, write: boolean): number {
		const dtes = this.dtes;
		const walk = this.walk;
		const domain = dtes.domain(dte);
		const needed = write ? IW : IR;
		this.counts.walks++;
		const allowed = dtes.allows(dte, write) ? needed : 0;
		const hpa = walk.tables(dtes.slots[rid], dtes.lows[rid], dtes.levels(dte), iova, needed, allowed);
		if (hpa < 0) return this.refuse(rid, iova, write, hpa, domain);
		const hi = Math.floor(iova / HIGH);
		const pageLow = ((iova | 0) >>> 12) | (hi << 20);
		const {leafPermissions, leafLevel} = walk;
		this.iotlb.fill(domain, pageLow, hi >>> 12, pageOf(hpa), leafPermissions >>> IR_BIT, leafLevel);
		return hpa;
	}

	private refuse(rid: Rid, iova: number, write: boolean, answer: number, domain: number): number {
		const code = -answer | (write ? FLAG.RW : 0);
		const type = amdvi.refusalType(code);
		const pageFault = type === EVENT.IO_PAGE_FAULT;
		const hardware = type === EVENT.DEV_TAB_HARDWARE_ERROR || type === EVENT.PAGE_TAB_HARDWARE_ERROR;
		const address = hardware ? this.walk.unreadable : iova;
		const recorded =
			!(pageFault && this.dtes.silent(this.dtes.find(rid))) && this.event(code, rid, domain, address);
		if (recorded && pageFault) this.dtes.faulted(rid);
		const text = amdvi.eventText(type, amdvi.refusalFlags(code));
		this.probe?.({at: 'fault', fault: {rid, iova, write, reason: type, text, recorded}});
		return -code;
	}

	private event(code: number, rid: Rid, domain: number, address: number): boolean {
		return this.log.write(amdvi.encodeEvent(code, rid, domain, low32(address), high32(address)));
	}

	/** Both enables must be set for commands to run, and rise again after an illegal one (48882, 2.4). */
	private control(value: number): void {
		this.enabled = (value & CONTROL.IOMMU_EN) !== 0;
		const status = REG.STATUS / 4;
		const ran = this.commandsEnabled;
		this.commandsEnabled = (value & COMMANDS_RUN) === COMMANDS_RUN;
		if (!this.commandsEnabled) this.registers[status] &= ~STATUS.COMMAND_RUN;
		else if (!ran) this.registers[status] |= STATUS.COMMAND_RUN;
		this.runCommands();
	}

	/** Commands from head to tail. One that is none, or lies in no memory, stops the ring with its event. */
	private runCommands(): void {
		const registers = this.registers;
		const base = pageAddress(registers[REG.COMMAND_BASE / 4], registers[REG.COMMAND_BASE / 4 + 1]);
		const size = amdvi.ringBytes(registers[REG.COMMAND_BASE / 4 + 1]);
		const tail = registers[REG.COMMAND_TAIL / 4] % size;
		while (registers[REG.STATUS / 4] & STATUS.COMMAND_RUN && registers[REG.COMMAND_HEAD / 4] !== tail) {
			const head = registers[REG.COMMAND_HEAD / 4];
			const wrong = this.runCommand(base + head);
			if (wrong !== 0) {
				registers[REG.STATUS / 4] &= ~STATUS.COMMAND_RUN;
				this.event(amdvi.refusal(wrong, 0), 0, 0, base + head);
			} else registers[REG.COMMAND_HEAD / 4] = (head + amdvi.ENTRY_BYTES) % size;
		}
	}

	/** @returns 0, or the type of the event that it comes to. */
	private runCommand(at: number): number {
		const memory = this.memory;
		if (!memory.has(at, amdvi.ENTRY_BYTES)) return EVENT.COMMAND_HARDWARE_ERROR;
		const words = [0, 4, 8, 12].map(offset => memory.u32(at + offset));
		const known = this.execute(decodeCommand(words[0], words[1], words[2], words[3]));
		return known ? 0 : EVENT.ILLEGAL_COMMAND_ERROR;
	}

	/** Reserved bits are passed over: FreeBSD reuses entries without clearing them (amdvi_cmd_inv_dte). */
	private execute(command: Command): boolean {
		const {opcode, domain, rid} = command;
		if (opcode === COMMAND.COMPLETION_WAIT) this.complete(command);
		else if (opcode === COMMAND.INVALIDATE_DEVTAB_ENTRY) this.dtes.invalidate(rid);
		else if (opcode === COMMAND.INVALIDATE_PAGES) {
			// PDE asks for table entries on the way as well: this unit keeps none.
			const pages = commandPages(command);
			if (pages === undefined) this.iotlb.invalidateDomain(domain);
			else this.iotlb.invalidatePages(domain, pages.first, pages.count);
		} else if (opcode === COMMAND.INVALIDATE_ALL) {
			this.dtes.invalidateAll();
			this.iotlb.invalidateAll();
		} else return opcode === COMMAND.INVALIDATE_INTERRUPT_TABLE;
		return true;
	}

	private complete({store, storeAddress, interrupt, lo, hi}: Command): void {
		if (store && this.memory.has(storeAddress, 8)) {
			this.memory.setU32(storeAddress, lo);
			this.memory.setU32(storeAddress + 4, hi);
		}
		if (interrupt) this.registers[REG.STATUS / 4] |= STATUS.COMPLETION_INT;
	}
}
