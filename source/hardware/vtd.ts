// A VT-d remapping unit: registers, invalidation and fault recording around the walk. It knows only what the kernel's
// vtd driver wrote into host memory (VT-d Architecture Specification, chapters 6, 7 and 10).

import * as address from '../formats/address.js';
import {
	type Halves,
	halvesOf,
	isExact,
	join64,
	PAGE_SIZE,
	pageAddress,
	pageOf,
	wordsOf,
} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT, REG} from '../formats/vtd.js';
import {type Context, ContextCache} from './context-cache.js';
import {type Counters, TranslationCounts} from './dma.js';
import {Iotlb} from './iotlb.js';
import type {Memory} from './memory.js';
import type {Probe} from './probe.js';
import {type VtdModel, VtdWalk} from './vtd-walk.js';

// V8 inlines a module's own constants: see vtd-walk.ts.
const {HIGH} = address;
const {PTE_READ, PTE_WRITE} = vtd;

/** A Xeon E5 v3: 48 bits in 4 levels, 8 fault records, device-TLB, pass-through, snoop. */
const XEON: VtdModel = {
	capLo: 0x106f0466,
	capHi: 0x00d2078c,
	ecapLo: 0x00f020df,
	hostAddressWidth: 46,
};

/** These faults are recorded even if the context entry disables fault processing (FPD; VT-d 7.1.3). */
const IGNORES_FPD = new Set<number>([
	FAULT.ROOT_ABSENT,
	FAULT.ROOT_UNREADABLE,
	FAULT.CONTEXT_UNREADABLE,
	FAULT.ROOT_RESERVED,
	FAULT.CONTEXT_RESERVED,
]);

export class Vtd {
	/** Receives each refused access that FPD does not silence. */
	probe?: Probe;

	private readonly registers = new Uint32Array(PAGE_SIZE / 4);
	private readonly cap: ReturnType<typeof vtd.decodeCap>;
	private readonly iro: number;
	private readonly queued: boolean;
	/** Registers without side effects: they hold what was written. */
	private readonly plain: ReadonlySet<number>;
	private readonly walk: VtdWalk;
	private readonly memory: Memory;
	readonly contexts = new ContextCache();
	readonly iotlb = new Iotlb();
	readonly counts = new TranslationCounts();
	private rootLow = 0;
	private rootSlot = 0;
	private enabled = false;
	private nextRecord = 0;

	constructor(
		memory: Memory,
		readonly model: VtdModel = XEON,
	) {
		const {capLo, capHi, ecapLo} = model;
		this.cap = vtd.decodeCap(capLo, capHi);
		const {iro, queuedInvalidation} = vtd.decodeEcap(ecapLo);
		this.iro = iro;
		this.queued = queuedInvalidation;
		const {CCMD, IQA, RTADDR} = REG;
		this.plain = new Set([RTADDR, RTADDR + 4, CCMD, IQA, IQA + 4, iro, iro + 4, iro + 8]);
		this.memory = memory;
		this.walk = new VtdWalk(memory, model);
		this.registers[REG.VER / 4] = 0x10;
		this.registers.set([capLo, capHi, ecapLo], REG.CAP / 4);
	}

	read32(offset: number): number {
		return this.registers[offset / 4];
	}

	/** A register write by the kernel. Read-only registers ignore it. */
	write32(offset: number, value: number): void {
		const {fro, records} = this.cap;
		if (this.plain.has(offset)) {
			this.registers[offset / 4] = value;
		} else if (offset === REG.GCMD) {
			this.globalCommand(value);
		} else if (offset === REG.FSTS) {
			if (value & vtd.FSTS_PFO) this.registers[REG.FSTS / 4] &= ~vtd.FSTS_PFO;
			if (value & vtd.FSTS_IQE) this.registers[REG.FSTS / 4] &= ~vtd.FSTS_IQE;
		} else if (offset === REG.CCMD + 4) {
			this.registers[offset / 4] = value & vtd.INVALIDATE ? this.runCcmd(value) : value;
		} else if (offset === this.iro + 12) {
			this.registers[offset / 4] = value & vtd.INVALIDATE ? this.runIotlbRegister(value) : value;
		} else if (offset === REG.ICS) {
			this.registers[offset / 4] &= ~value;
		} else if (offset === REG.IQT) {
			this.registers[offset / 4] = value & 0x7fff0;
			this.runQueue();
		} else if (offset >= fro && offset < fro + 16 * records && offset % 16 === 12) {
			if (value & vtd.FRCD_F) this.registers[offset / 4] &= ~vtd.FRCD_F;
			// PPF is the OR of the F bits (VT-d 10.4.9).
			if (this.faultRegisters.records.length === 0) this.registers[REG.FSTS / 4] &= ~vtd.FSTS_PPF;
		}
	}

	/** The fault recording registers: their number, those in use, and whether a fault found none free. */
	get faultRegisters() {
		const {fro, records} = this.cap;
		const used = Array.from({length: records}, (_, i) => {
			const at = fro / 4 + 4 * i;
			const [w0, w1, w2, w3] = this.registers.subarray(at, at + 4);
			return vtd.decodeFaultRecord(w0, w1, w2, w3);
		}).filter(record => record !== undefined);
		return {total: records, records: used, overflow: (this.read32(REG.FSTS) & vtd.FSTS_PFO) !== 0};
	}

	get counters(): Counters {
		return this.counts.counters(this.iotlb, this.contexts);
	}

	/**
	 * Translates one access, from the caches if possible, and records a fault if it is refused.
	 * @returns the physical address, or minus the fault reason.
	 */
	translate(rid: Rid, iova: number, write: boolean): number {
		if (!this.enabled) {
			this.counts.untranslated++;
			return iova;
		}
		const contexts = this.contexts;
		const context = contexts.find(rid);
		if (context === 0) return this.readContext(rid, iova, write);
		if (contexts.type(context) === 2 || iova >= this.walk.limit(contexts.levels(context))) {
			this.counts.settled++;
			if (contexts.type(context) === 2) return iova;
			return this.refuse(
				rid,
				wordsOf(iova),
				write,
				-FAULT.BEYOND_WIDTH,
				contexts.faultProcessingDisabled(context),
			);
		}
		const iotlb = this.iotlb;
		const lo = iova | 0;
		const hi = iova < HIGH ? 0 : Math.floor(iova / HIGH);
		const needed = write ? PTE_WRITE : PTE_READ;
		const at = iotlb.find(contexts.domain(context), (lo >>> 12) | (hi << 20), hi >>> 12, needed);
		if (at < 0) return this.walkTables(context, rid, iova, write);
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
		const {contexts, walk} = this;
		const refused = contexts.find(rid) === 0 ? this.loadContext(rid) : 0;
		this.counts.settled++;
		if (refused < 0) return this.refuse(rid, iova, write, refused, walk.faultProcessingDisabled);
		const context = contexts.find(rid);
		const levels = contexts.levels(context);
		const disabled = contexts.faultProcessingDisabled(context);
		if (contexts.type(context) === 2) return iova;
		if (iova.hi >= walk.limit(levels) / HIGH)
			return this.refuse(rid, iova, write, -FAULT.BEYOND_WIDTH, disabled);
		this.counts.walks++;
		const {lo, hi} = iova;
		const hpa = walk.tables(contexts.slots[rid], contexts.lows[rid], levels, lo | 0, hi | 0, write);
		return hpa < 0 ? this.refuse(rid, iova, write, hpa, disabled) : halvesOf(hpa);
	}

	/** A context cache miss: reads the context entry and caches it. */
	private readContext(rid: Rid, iova: number, write: boolean): number {
		const refused = this.loadContext(rid);
		if (refused === 0) return this.translate(rid, iova, write);
		this.counts.settled++;
		return this.refuse(rid, wordsOf(iova), write, refused, this.walk.faultProcessingDisabled);
	}

	/** @returns 0 if the context entry is cached now, or minus the fault reason */
	private loadContext(rid: Rid): number {
		this.counts.contextMisses++;
		const refused = this.walk.context(this.rootSlot, this.rootLow, rid);
		if (refused === 0) this.contexts.fill(rid, this.walk);
		return refused;
	}

	/** An IOTLB miss: walks the tables and caches the result. */
	private walkTables(context: Context, rid: Rid, iova: number, write: boolean): number {
		const contexts = this.contexts;
		const walk = this.walk;
		this.counts.walks++;
		const lo = iova | 0;
		const hi = iova < HIGH ? 0 : Math.floor(iova / HIGH);
		const hpa = walk.tables(contexts.slots[rid], contexts.lows[rid], contexts.levels(context), lo, hi, write);
		if (hpa < 0)
			return this.refuse(rid, wordsOf(iova), write, hpa, contexts.faultProcessingDisabled(context));
		const pageLow = (lo >>> 12) | (hi << 20);
		const {leafPermissions, leafLevel} = walk;
		this.iotlb.fill(contexts.domain(context), pageLow, hi >>> 12, pageOf(hpa), leafPermissions, leafLevel);
		return hpa;
	}

	private refuse(
		rid: Rid,
		iova: Halves,
		write: boolean,
		answer: number,
		faultProcessingDisabled: boolean,
	): number {
		const reason = -answer;
		if (!faultProcessingDisabled || IGNORES_FPD.has(reason)) {
			const page = {lo: (iova.lo & ~0xfff) >>> 0, hi: iova.hi};
			const recorded = this.record(rid, page, write, reason);
			// A page's address is exact as a number, however high it is.
			const at = join64(page.lo, page.hi);
			this.probe?.({
				at: 'fault',
				fault: {rid, iova: at, write, reason, text: vtd.reasonText(reason), recorded},
			});
		}
		return answer;
	}

	private runCcmd(high: number): number {
		const {granularity, domain, rid, mask} = vtd.decodeCcmd(this.read32(REG.CCMD), high);
		return vtd.ccmdDone(high, this.invalidateContexts(granularity, domain, rid, mask));
	}

	private runIotlbRegister(high: number): number {
		const {granularity, domain} = vtd.decodeIotlb(high);
		const {address, mask} = vtd.decodeIva(this.read32(this.iro), this.read32(this.iro + 4));
		return vtd.iotlbDone(high, this.invalidateIotlb(granularity, domain, address, mask));
	}

	/** Context-cache invalidation. @returns the granularity, or 0 if it is reserved */
	private invalidateContexts(granularity: number, domain: number, rid: number, mask: number): number {
		if (granularity === vtd.GRANULARITY.GLOBAL) this.contexts.invalidateAll();
		else if (granularity === vtd.GRANULARITY.DOMAIN) this.contexts.invalidateDomain(domain);
		else if (granularity === vtd.GRANULARITY.DEVICE) this.contexts.invalidateDevice(domain, rid, mask);
		else return 0;
		return granularity;
	}

	/** IOTLB invalidation. A page-selective one drops the 2^mask pages around `address`. @returns as above */
	private invalidateIotlb(granularity: number, domain: number, address: number, mask: number): number {
		const pages = 2 ** mask;
		const first = Math.floor(address / PAGE_SIZE / pages) * pages;
		if (granularity === vtd.GRANULARITY.GLOBAL) this.iotlb.invalidateAll();
		else if (granularity === vtd.GRANULARITY.DOMAIN) this.iotlb.invalidateDomain(domain);
		else if (granularity === vtd.GRANULARITY.PAGE) this.iotlb.invalidatePages(domain, first, pages);
		else return 0;
		return granularity;
	}

	/** Executes a queue descriptor. @returns false if its type is unknown */
	private execute(descriptor: vtd.Descriptor): boolean {
		const {type, granularity, domain, rid, mask, address, addressMask, statusAddress} = descriptor;
		if (type === vtd.IQ.CONTEXT) return this.invalidateContexts(granularity, domain, rid, mask) !== 0;
		if (type === vtd.IQ.IOTLB) return this.invalidateIotlb(granularity, domain, address, addressMask) !== 0;
		if (type !== vtd.IQ.WAIT) return false;
		if (descriptor.statusWrite && this.memory.has(statusAddress, 4)) {
			this.memory.setU32(statusAddress, descriptor.status);
		}
		if (descriptor.interrupt) this.registers[REG.ICS / 4] |= vtd.ICS_IWC;
		return true;
	}

	/** Runs the descriptors from head to tail. An unknown one stops the queue with IQE; IQH stays on it. */
	private runQueue(): void {
		if ((this.read32(REG.GSTS) & vtd.QIE) === 0) return;
		const base = pageAddress(this.read32(REG.IQA), this.read32(REG.IQA + 4));
		const size = vtd.queueBytes(this.read32(REG.IQA));
		const tail = this.read32(REG.IQT) % size;
		while ((this.read32(REG.FSTS) & vtd.FSTS_IQE) === 0 && this.read32(REG.IQH) !== tail) {
			const head = this.read32(REG.IQH);
			const at = base + head;
			const readable = this.memory.has(at, vtd.IQ_DESCRIPTOR_BYTES);
			const words = readable ? [0, 4, 8, 12].map(offset => this.memory.u32(at + offset)) : [0, 0, 0, 0];
			const known = this.execute(vtd.decodeDescriptor(words[0], words[1], words[2], words[3]));
			if (known) this.registers[REG.IQH / 4] = (head + vtd.IQ_DESCRIPTOR_BYTES) % size;
			else this.registers[REG.FSTS / 4] |= vtd.FSTS_IQE;
		}
	}

	private globalCommand(value: number): void {
		if (value & vtd.SRTP) {
			this.rootLow = (this.read32(REG.RTADDR) & 0xfffff000) >>> 0;
			this.rootSlot = this.read32(REG.RTADDR + 4);
			this.registers[REG.GSTS / 4] |= vtd.SRTP;
			return;
		}
		if (value & vtd.QIE && this.queued) {
			if ((this.read32(REG.GSTS) & vtd.QIE) === 0) this.registers[REG.IQH / 4] = 0;
			this.registers[REG.GSTS / 4] |= vtd.QIE;
		} else this.registers[REG.GSTS / 4] &= ~vtd.QIE;
		this.enabled = (value & vtd.TE) !== 0;
		if (this.enabled) this.registers[REG.GSTS / 4] |= vtd.TE;
		else this.registers[REG.GSTS / 4] &= ~vtd.TE;
	}

	/** Writes the next fault record, or sets PFO if it is in use. Faults are lost until PFO is cleared (VT-d 7.2.1). */
	private record(rid: Rid, {lo, hi}: Halves, write: boolean, reason: number): boolean {
		const at = (this.cap.fro + 16 * this.nextRecord) / 4;
		const status = REG.FSTS / 4;
		if (this.registers[status] & vtd.FSTS_PFO) return false;
		if (this.registers[at + 3] & vtd.FRCD_F) {
			this.registers[status] |= vtd.FSTS_PFO;
			return false;
		}
		const flags = (vtd.FRCD_F | (write ? 0 : vtd.FRCD_READ)) >>> 0;
		this.registers.set([lo, hi, rid, (flags | reason) >>> 0], at);
		if ((this.registers[status] & vtd.FSTS_PPF) === 0) {
			this.registers[status] = (this.registers[status] & 0xff) | vtd.FSTS_PPF | (this.nextRecord << 8);
		}
		this.nextRecord = (this.nextRecord + 1) % this.cap.records;
		return true;
	}
}
