// An AMD-Vi unit: registers, command buffer and event log around the walk. It knows only what the kernel's amdvi driver
// wrote into host memory (48882, chapters 2 and 3).

import * as address from '../formats/address.js';
import {type Halves, halvesOf, isExact, join64, pageAddress, pageOf, wordsOf} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {COMMAND, CONTROL, EVENT, FLAG, REG, STATUS} from '../formats/amdvi.js';
import type {Rid} from '../formats/pci.js';
import {AmdviWalk} from './amdvi-walk.js';
import {type Counters, TranslationCounts} from './dma.js';
import {type Dte, DteCache} from './dte-cache.js';
import {Iotlb} from './iotlb.js';
import type {Memory} from './memory.js';
import type {Probe} from './probe.js';

// V8 inlines a module's own constants: see vtd-walk.ts.
const {HIGH} = address;
const {IR, IW} = amdvi;

const NOT_PRESENT = -amdvi.refusal(EVENT.IO_PAGE_FAULT, 0);
const NO_PERMISSION = -amdvi.refusal(EVENT.IO_PAGE_FAULT, FLAG.PR | FLAG.PE);
/** By a DTE's mode: the first address beyond its tables. Mode 0 has no tables. */
const LIMITS = [0, ...[1, 2, 3, 4, 5, 6].map(levels => 2 ** (12 + 9 * levels))];
/** A write in this range is an interrupt, whatever the tables map there (48882, 2.1.4). */
const INTERRUPTS = 0xfee00000;
const INTERRUPTS_END = 0xfef00000;
const RUNS_COMMANDS = CONTROL.IOMMU_EN | CONTROL.COMMAND_EN;
const RUNS_LOG = CONTROL.IOMMU_EN | CONTROL.EVENT_LOG_EN;
const WRITE_1_TO_CLEAR = STATUS.EVENT_OVERFLOW | STATUS.EVENT_INT | STATUS.COMPLETION_INT;

/** The position of IR and IW in an entry's high half. The IOTLB has them in bits 0 and 1. */
const IR_BIT = 29;
const READ = IR >>> IR_BIT;
const WRITE = IW >>> IR_BIT;

export class Amdvi {
	/** Receives each refused access. */
	probe?: Probe;
	/** The kernel's interrupt handler. */
	interrupt: () => void = () => {};
	readonly counts = new TranslationCounts();

	private readonly registers = new Uint32Array(amdvi.REGISTER_BYTES / 4);
	private readonly memory: Memory;
	private readonly walk: AmdviWalk;
	readonly dtes = new DteCache();
	readonly iotlb = new Iotlb();
	private readonly log: EventLog;
	private enabled = false;
	private commandsEnabled = false;

	constructor(memory: Memory) {
		this.memory = memory;
		this.walk = new AmdviWalk(memory);
		this.log = new EventLog(memory, this.registers, () => this.interrupt());
		this.registers[REG.EXTENDED_FEATURES / 4] = amdvi.EFR_IA | amdvi.EFR_HATS_6_LEVELS;
	}

	read32(offset: number): number {
		const runs = offset === REG.STATUS && this.log.runs ? STATUS.EVENT_RUN : 0;
		return this.registers[offset / 4] | runs;
	}

	/** A register write by the kernel. Read-only registers ignore it. */
	write32(offset: number, value: number): void {
		if (offset === REG.EXTENDED_FEATURES || offset === REG.EXTENDED_FEATURES + 4) return;
		if (offset === REG.STATUS) this.registers[offset / 4] &= ~(value & WRITE_1_TO_CLEAR);
		else this.registers[offset / 4] = value;
		if (offset === REG.CONTROL) this.control(value);
		if (offset === REG.COMMAND_TAIL) this.runCommands();
	}

	/** The event log: its number of entries, those the kernel has not read, and whether an event found none free. */
	get eventLog() {
		return {
			total: this.log.bytes / amdvi.ENTRY_BYTES,
			unread: this.log.unread,
			overflow: (this.read32(REG.STATUS) & STATUS.EVENT_OVERFLOW) !== 0,
		};
	}

	get counters(): Counters {
		return this.counts.counters(this.iotlb, this.dtes);
	}

	/**
	 * Translates one access, from the caches if possible, and logs an event if it is refused. A write into the interrupt
	 * window is an interrupt: without interrupt remapping it passes unchanged, and it never reaches memory.
	 * @returns the physical address, or minus the refusal: the upper half of an event's second word.
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
		if (at < 0) return this.walkTables(dte, rid, iova, write);
		const low = iotlb.lows[at] | (lo & 0xfff);
		const slot = iotlb.slots[at];
		return slot === 0 && low >= 0 ? low : slot * HIGH + (low >>> 0);
	}

	/**
	 * Like `translate`, for any address of 64 bits. One that passes 2^53 is walked each time: the IOTLB's tags have no room
	 * for it.
	 */
	translateHalves(rid: Rid, iova: Halves, write: boolean): Halves | number {
		if (isExact(iova)) return halvesOf(this.translate(rid, join64(iova.lo, iova.hi), write));
		if (!this.enabled) {
			this.counts.untranslated++;
			return iova;
		}
		const dtes = this.dtes;
		const refused = dtes.find(rid) === 0 ? this.loadEntry(rid) : 0;
		this.counts.settled++;
		if (refused < 0) return this.refuse(rid, iova, write, refused, 0);
		const dte = dtes.find(rid);
		const domain = dtes.domain(dte);
		if (!dtes.valid(dte)) return iova;
		if (iova.hi >= LIMITS[dtes.levels(dte)] / HIGH) {
			if (!dtes.translates(dte) || dtes.levels(dte) > 0)
				return this.refuse(rid, iova, write, NOT_PRESENT, domain);
			return dtes.allows(dte, write) ? iova : this.refuse(rid, iova, write, NO_PERMISSION, domain);
		}
		return halvesOf(this.walkOnce(dte, rid, iova, write));
	}

	/** A miss in the entry cache: reads the device table entry and caches it. */
	private readEntry(rid: Rid, iova: number, write: boolean): number {
		const refused = this.loadEntry(rid);
		if (refused === 0) return this.translate(rid, iova, write);
		this.counts.settled++;
		return this.refuse(rid, wordsOf(iova), write, refused, 0);
	}

	/** @returns 0 if the device table entry is cached now, or minus the refusal */
	private loadEntry(rid: Rid): number {
		this.counts.contextMisses++;
		const table = pageAddress(this.registers[0], this.registers[1]);
		const refused = this.walk.device(table, amdvi.deviceTableBytes(this.registers[0]), rid);
		if (refused === 0) this.dtes.fill(rid, this.walk);
		return refused;
	}

	/** The device table entry denies the access. The tables are walked anyway: their own fault has priority. */
	private disallowed(dte: Dte, rid: Rid, iova: number, write: boolean): number {
		this.counts.settled++;
		return this.walkTables(dte, rid, iova, write);
	}

	/**
	 * Accesses that need no tables. V=0: not translated. V=1, TV=0, or an address beyond the tables: refused. Mode 0: 1:1
	 * with the entry's permissions.
	 */
	private beyondTables(dte: Dte, rid: Rid, iova: number, write: boolean): number {
		const dtes = this.dtes;
		this.counts.settled++;
		if (!dtes.valid(dte)) return iova;
		if (!dtes.translates(dte) || dtes.levels(dte) > 0)
			return this.refuse(rid, wordsOf(iova), write, NOT_PRESENT, dtes.domain(dte));
		if (dtes.allows(dte, write)) return iova;
		return this.refuse(rid, wordsOf(iova), write, NO_PERMISSION, dtes.domain(dte));
	}

	/** An IOTLB miss: walks the tables and caches the result for all devices of the domain. */
	private walkTables(dte: Dte, rid: Rid, iova: number, write: boolean): number {
		const dtes = this.dtes;
		const walk = this.walk;
		const domain = dtes.domain(dte);
		const needed = write ? IW : IR;
		this.counts.walks++;
		const allowed = dtes.allows(dte, write) ? needed : 0;
		const lo = iova | 0;
		const hi = iova < HIGH ? 0 : Math.floor(iova / HIGH);
		const hpa = walk.tables(dtes.slots[rid], dtes.lows[rid], dtes.levels(dte), lo, hi, needed, allowed);
		if (hpa < 0) return this.refuse(rid, wordsOf(iova), write, hpa, domain);
		const pageLow = (lo >>> 12) | (hi << 20);
		const {leafPermissions, leafLevel} = walk;
		this.iotlb.fill(domain, pageLow, hi >>> 12, pageOf(hpa), leafPermissions >>> IR_BIT, leafLevel);
		return hpa;
	}

	/** A walk that caches nothing. */
	private walkOnce(dte: Dte, rid: Rid, iova: Halves, write: boolean): number {
		const {slots, lows} = this.dtes;
		const needed = write ? IW : IR;
		const allowed = this.dtes.allows(dte, write) ? needed : 0;
		const levels = this.dtes.levels(dte);
		this.counts.walks++;
		const hpa = this.walk.tables(slots[rid], lows[rid], levels, iova.lo | 0, iova.hi | 0, needed, allowed);
		return hpa < 0 ? this.refuse(rid, iova, write, hpa, this.dtes.domain(dte)) : hpa;
	}

	private refuse(rid: Rid, iova: Halves, write: boolean, answer: number, domain: number): number {
		const code = -answer | (write ? FLAG.RW : 0);
		const type = amdvi.refusalType(code);
		const pageFault = type === EVENT.IO_PAGE_FAULT;
		const hardware = type === EVENT.DEV_TAB_HARDWARE_ERROR || type === EVENT.PAGE_TAB_HARDWARE_ERROR;
		const address = hardware ? wordsOf(this.walk.unreadable) : iova;
		const recorded =
			!(pageFault && this.dtes.silent(this.dtes.find(rid))) && this.event(code, rid, domain, address);
		if (recorded && pageFault) this.dtes.markFaulted(rid);
		const text = amdvi.eventText(type, amdvi.refusalFlags(code));
		const at = join64(isExact(iova) ? iova.lo : (iova.lo & ~0xfff) >>> 0, iova.hi);
		this.probe?.({at: 'fault', fault: {rid, iova: at, write, reason: type, text, recorded}});
		return -code;
	}

	private event(code: number, rid: Rid, domain: number, {lo, hi}: Halves): boolean {
		return this.log.write(amdvi.encodeEvent(code, rid, domain, lo, hi));
	}

	/** Commands run while both enable bits are set. After an illegal command the bits must rise again (48882, 2.4). */
	private control(value: number): void {
		this.enabled = (value & CONTROL.IOMMU_EN) !== 0;
		if (!this.enabled) {
			// The specification leaves open what a disabled unit keeps. This one keeps nothing.
			this.dtes.invalidateAll();
			this.iotlb.invalidateAll();
		}
		const status = REG.STATUS / 4;
		const ran = this.commandsEnabled;
		this.commandsEnabled = (value & RUNS_COMMANDS) === RUNS_COMMANDS;
		if (!this.commandsEnabled) this.registers[status] &= ~STATUS.COMMAND_RUN;
		else if (!ran) this.registers[status] |= STATUS.COMMAND_RUN;
		this.runCommands();
	}

	/** Runs the commands from head to tail. One that is illegal or outside memory stops the ring with an event. */
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
				this.event(amdvi.refusal(wrong, 0), 0, 0, wordsOf(base + head));
			} else registers[REG.COMMAND_HEAD / 4] = (head + amdvi.ENTRY_BYTES) % size;
		}
	}

	/** @returns 0, or the type of the error event */
	private runCommand(at: number): number {
		const memory = this.memory;
		if (!memory.has(at, amdvi.ENTRY_BYTES)) return EVENT.COMMAND_HARDWARE_ERROR;
		const words = [0, 4, 8, 12].map(offset => memory.u32(at + offset));
		const known = this.execute(amdvi.decodeCommand(words[0], words[1], words[2], words[3]));
		return known ? 0 : EVENT.ILLEGAL_COMMAND_ERROR;
	}

	/** Ignores reserved bits: FreeBSD reuses entries without clearing them (amdvi_cmd_inv_dte). */
	private execute(command: amdvi.Command): boolean {
		const {opcode, domain, rid} = command;
		if (opcode === COMMAND.COMPLETION_WAIT) this.complete(command);
		else if (opcode === COMMAND.INVALIDATE_DEVTAB_ENTRY) this.dtes.invalidate(rid);
		else if (opcode === COMMAND.INVALIDATE_PAGES) {
			// With PDE, cached upper-level entries go too. This unit has none.
			const pages = amdvi.commandPages(command);
			if (pages === undefined) this.iotlb.invalidateDomain(domain);
			else this.iotlb.invalidatePages(domain, pages.first, pages.count);
		} else if (opcode === COMMAND.INVALIDATE_ALL) {
			this.dtes.invalidateAll();
			this.iotlb.invalidateAll();
		} else return opcode === COMMAND.INVALIDATE_INTERRUPT_TABLE;
		return true;
	}

	private complete({store, storeAddress, interrupt, lo, hi}: amdvi.Command): void {
		if (store && this.memory.has(storeAddress, 8)) {
			this.memory.setU32(storeAddress, lo);
			this.memory.setU32(storeAddress + 4, hi);
		}
		if (interrupt) this.registers[REG.STATUS / 4] |= STATUS.COMPLETION_INT;
	}
}

/** The event log: a ring of 16-byte entries in memory. The unit fills it and the kernel drains it (48882, 2.5). */
class EventLog {
	private readonly memory: Memory;
	private readonly registers: Uint32Array;
	private readonly interrupt: () => void;

	/** `interrupt` is called when the unit would send its interrupt message. */
	constructor(memory: Memory, registers: Uint32Array, interrupt: () => void) {
		this.memory = memory;
		this.registers = registers;
		this.interrupt = interrupt;
	}

	/** EventLogRun. After an overflow nothing is logged until software clears it. */
	get runs(): boolean {
		const overflow = this.registers[REG.STATUS / 4] & STATUS.EVENT_OVERFLOW;
		return (this.registers[REG.CONTROL / 4] & RUNS_LOG) === RUNS_LOG && overflow === 0;
	}

	get bytes(): number {
		return amdvi.ringBytes(this.registers[REG.EVENT_BASE / 4 + 1]);
	}

	/** Events that the kernel has not read yet. */
	get unread(): number {
		const {bytes} = this;
		const {[REG.EVENT_HEAD / 4]: head, [REG.EVENT_TAIL / 4]: tail} = this.registers;
		return ((tail - head + bytes) % bytes) / amdvi.ENTRY_BYTES;
	}

	/** Appends an event. One entry stays free: otherwise a full ring would look empty. */
	write(words: readonly number[]): boolean {
		if (!this.runs) return false;
		const registers = this.registers;
		const base = pageAddress(registers[REG.EVENT_BASE / 4], registers[REG.EVENT_BASE / 4 + 1]);
		const tail = registers[REG.EVENT_TAIL / 4];
		const next = (tail + amdvi.ENTRY_BYTES) % this.bytes;
		if (next === registers[REG.EVENT_HEAD / 4]) {
			this.raise(STATUS.EVENT_OVERFLOW);
			return false;
		}
		if (!this.memory.has(base + tail, amdvi.ENTRY_BYTES)) return false;
		for (const [i, word] of words.entries()) this.memory.setU32(base + tail + 4 * i, word);
		registers[REG.EVENT_TAIL / 4] = next;
		this.raise(STATUS.EVENT_INT);
		return true;
	}

	/** Sets a status bit. The interrupt is sent when the bit rises, if EventIntEn is set. */
	private raise(bit: number): void {
		const rose = (this.registers[REG.STATUS / 4] & bit) === 0;
		this.registers[REG.STATUS / 4] |= bit;
		if (rose && this.registers[REG.CONTROL / 4] & CONTROL.EVENT_INT_EN) this.interrupt();
	}
}
