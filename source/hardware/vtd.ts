// A VT-d remapping unit: registers and fault recording around the walk. It reads what the kernel's vtd driver
// wrote into host memory, and knows nothing else (VT-d Architecture Specification, chapters 7 and 10).

import * as address from '../formats/address.js';
import {high32, low32, PAGE_SIZE, pageAddress, pageOf} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT, REG} from '../formats/vtd.js';
import * as invalidation from '../formats/vtd-invalidation.js';
import type {Context} from './context-cache.js';
import {type Counters, TranslationCounts} from './counters.js';
import type {Memory} from './memory.js';
import type {Probe} from './probe.js';
import {VtdCaches} from './vtd-caches.js';
import {type VtdCapabilities, VtdWalk} from './vtd-walk.js';

// Constants of this module's own, for V8: see vtd-walk.ts.
const {HIGH} = address;
const {PTE_READ, PTE_WRITE} = vtd;

/** As a Xeon E5 v3 reports itself: 48 bits in 4 levels, 8 fault records, device-TLB, pass-through, snoop. */
const XEON: VtdCapabilities = {
	capLo: 0x106f0466,
	capHi: 0x00d2078c,
	ecapLo: 0x00f020df,
	hostAddressWidth: 46,
};

/** Faults recorded even where the context entry disables fault processing (FPD; VT-d 7.1.3). */
const IGNORES_FPD = new Set<number>([
	FAULT.ROOT_ABSENT,
	FAULT.ROOT_UNREADABLE,
	FAULT.CONTEXT_UNREADABLE,
	FAULT.ROOT_RESERVED,
	FAULT.CONTEXT_RESERVED,
]);

export class Vtd {
	/** Told of each refused access that is not silenced by FPD. */
	probe?: Probe;

	private readonly registers = new Uint32Array(PAGE_SIZE / 4);
	private readonly cap: ReturnType<typeof vtd.decodeCap>;
	private readonly iro: number;
	private readonly queued: boolean;
	/** Registers that hold what is written and do nothing by themselves. */
	private readonly plain: ReadonlySet<number>;
	private readonly walk: VtdWalk;
	private readonly memory: Memory;
	readonly caches = new VtdCaches();
	readonly counts = new TranslationCounts();
	private readonly contexts = this.caches.contexts;
	private readonly iotlb = this.caches.iotlb;
	private rootLow = 0;
	private rootSlot = 0;
	private enabled = false;
	private nextRecord = 0;

	constructor(
		memory: Memory,
		readonly capabilities: VtdCapabilities = XEON,
	) {
		const {capLo, capHi, ecapLo} = capabilities;
		this.cap = vtd.decodeCap(capLo, capHi);
		const {iro, queuedInvalidation} = vtd.decodeEcap(ecapLo);
		this.iro = iro;
		this.queued = queuedInvalidation;
		const {CCMD, IQA, RTADDR} = REG;
		this.plain = new Set([RTADDR, RTADDR + 4, CCMD, IQA, IQA + 4, iro, iro + 4, iro + 8]);
		this.memory = memory;
		this.walk = new VtdWalk(memory, capabilities);
		this.registers[REG.VER / 4] = 0x10;
		this.registers.set([capLo, capHi, ecapLo], REG.CAP / 4);
	}

	read32(offset: number): number {
		return this.registers[offset / 4];
	}

	/** A register write by the kernel; what only hardware writes is left alone. */
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
			this.registers[offset / 4] = value & vtd.INVALIDATE ? this.invalidateContexts(value) : value;
		} else if (offset === this.iro + 12) {
			this.registers[offset / 4] = value & vtd.INVALIDATE ? this.invalidateIotlb(value) : value;
		} else if (offset === REG.ICS) {
			this.registers[offset / 4] &= ~value;
		} else if (offset === REG.IQT) {
			this.registers[offset / 4] = value & 0x7fff0;
			this.runQueue();
		} else if (offset >= fro && offset < fro + 16 * records && offset % 16 === 12) {
			if (value & vtd.FRCD_F) this.registers[offset / 4] &= ~vtd.FRCD_F;
			// PPF is the OR of the F bits (VT-d 10.4.9).
			if (this.faultRegisters.held.length === 0) this.registers[REG.FSTS / 4] &= ~vtd.FSTS_PPF;
		}
	}

	/** The fault recording registers: how many there are, those in use, and whether a fault found none free. */
	get faultRegisters() {
		const {fro, records} = this.cap;
		const held = Array.from({length: records}, (_, i) => {
			const at = fro / 4 + 4 * i;
			const [w0, w1, w2, w3] = this.registers.subarray(at, at + 4);
			return vtd.decodeFaultRecord(w0, w1, w2, w3);
		}).filter(record => record !== undefined);
		return {total: records, held, overflow: (this.read32(REG.FSTS) & vtd.FSTS_PFO) !== 0};
	}

	get counters(): Counters {
		return this.counts.counters(this.iotlb, this.contexts);
	}

	/**
	 * Looks one access up, in the caches first, and records the fault where it is refused.
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
			return this.refuse(rid, iova, write, -FAULT.BEYOND_WIDTH, contexts.faultProcessingDisabled(context));
		}
		const iotlb = this.iotlb;
		const lo = iova | 0;
		const hi = iova < HIGH ? 0 : Math.floor(iova / HIGH);
		const needed = write ? PTE_WRITE : PTE_READ;
		const at = iotlb.find(contexts.domain(context), (lo >>> 12) | (hi << 20), hi >>> 12, needed);
		if (at < 0) return this.lookUp(context, rid, iova, write);
		const low = iotlb.lows[at] | (lo & 0xfff);
		const slot = iotlb.slots[at];
		return slot === 0 && low >= 0 ? low : slot * HIGH + (low >>> 0);
	}

	/** What the context cache does not hold: the walk's first half, whose answer it then keeps. */
	private readContext(rid: Rid, iova: number, write: boolean): number {
		this.counts.contextMisses++;
		const refused = this.walk.context(this.rootSlot, this.rootLow, rid);
		if (refused < 0) {
			this.counts.settled++;
			return this.refuse(rid, iova, write, refused, this.walk.faultProcessingDisabled);
		}
		this.contexts.fill(rid, this.walk);
		return this.translate(rid, iova, write);
	}

	/** What the IOTLB does not hold: the walk, whose answer it then keeps. */
	private lookUp(context: Context, rid: Rid, iova: number, write: boolean): number {
		const contexts = this.contexts;
		const walk = this.walk;
		this.counts.walks++;
		const hpa = walk.tables(contexts.slots[rid], contexts.lows[rid], contexts.levels(context), iova, write);
		if (hpa < 0) return this.refuse(rid, iova, write, hpa, contexts.faultProcessingDisabled(context));
		const hi = Math.floor(iova / HIGH);
		const pageLow = ((iova | 0) >>> 12) | (hi << 20);
		const {leafPermissions, leafLevel} = walk;
		this.iotlb.fill(contexts.domain(context), pageLow, hi >>> 12, pageOf(hpa), leafPermissions, leafLevel);
		return hpa;
	}

	private refuse(
		rid: Rid,
		iova: number,
		write: boolean,
		answer: number,
		faultProcessingDisabled: boolean,
	): number {
		const reason = -answer;
		if (!faultProcessingDisabled || IGNORES_FPD.has(reason)) {
			const recorded = this.record(rid, iova, write, reason);
			this.probe?.({
				at: 'fault',
				fault: {rid, iova: pageOf(iova), write, reason, text: vtd.reasonText(reason), recorded},
			});
		}
		return answer;
	}

	private invalidateContexts(high: number): number {
		const {granularity, domain, rid, mask} = invalidation.decodeCcmd(this.read32(REG.CCMD), high);
		return invalidation.ccmdDone(high, this.caches.invalidateContexts(granularity, domain, rid, mask));
	}

	private invalidateIotlb(high: number): number {
		const {granularity, domain} = invalidation.decodeIotlb(high);
		const {address, mask} = invalidation.decodeIva(this.read32(this.iro), this.read32(this.iro + 4));
		return invalidation.iotlbDone(high, this.caches.invalidateIotlb(granularity, domain, address, mask));
	}

	/** Descriptors from head to tail. One that is none stops the queue with IQE, its address in IQH. */
	private runQueue(): void {
		if ((this.read32(REG.GSTS) & vtd.QIE) === 0) return;
		const base = pageAddress(this.read32(REG.IQA), this.read32(REG.IQA + 4));
		const size = invalidation.queueBytes(this.read32(REG.IQA));
		const tail = this.read32(REG.IQT) % size;
		while ((this.read32(REG.FSTS) & vtd.FSTS_IQE) === 0 && this.read32(REG.IQH) !== tail) {
			const head = this.read32(REG.IQH);
			const at = base + head;
			const there = this.memory.has(at, invalidation.IQ_DESCRIPTOR_BYTES);
			const words = there ? [0, 4, 8, 12].map(offset => this.memory.u32(at + offset)) : [0, 0, 0, 0];
			const descriptor = invalidation.decodeDescriptor(words[0], words[1], words[2], words[3]);
			if (this.caches.process(this.memory, descriptor)) {
				if (descriptor.type === invalidation.IQ.WAIT && descriptor.interrupt)
					this.registers[REG.ICS / 4] |= vtd.ICS_IWC;
				this.registers[REG.IQH / 4] = (head + invalidation.IQ_DESCRIPTOR_BYTES) % size;
			} else this.registers[REG.FSTS / 4] |= vtd.FSTS_IQE;
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

	/** Writes the next fault record if it is free; else sets PFO. Until PFO is cleared faults are lost (VT-d 7.2.1). */
	private record(rid: Rid, iova: number, write: boolean, reason: number): boolean {
		const at = (this.cap.fro + 16 * this.nextRecord) / 4;
		const status = REG.FSTS / 4;
		if (this.registers[status] & vtd.FSTS_PFO) return false;
		if (this.registers[at + 3] & vtd.FRCD_F) {
			this.registers[status] |= vtd.FSTS_PFO;
			return false;
		}
		const page = pageOf(iova);
		const flags = (vtd.FRCD_F | (write ? 0 : vtd.FRCD_READ)) >>> 0;
		this.registers.set([low32(page), high32(page), rid, (flags | reason) >>> 0], at);
		if ((this.registers[status] & vtd.FSTS_PPF) === 0) {
			this.registers[status] = (this.registers[status] & 0xff) | vtd.FSTS_PPF | (this.nextRecord << 8);
		}
		this.nextRecord = (this.nextRecord + 1) % this.cap.records;
		return true;
	}
}
