// A VT-d remapping unit: registers and fault recording around the walk. It reads what the kernel's vtd driver
// wrote into host memory, and knows nothing else (VT-d Architecture Specification, chapters 7 and 10).

import {high32, low32, PAGE_SIZE, pageOf} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import * as vtd from '../formats/vtd.js';
import {FAULT, REG} from '../formats/vtd.js';
import type {Memory} from './memory.js';
import type {Probe} from './probe.js';
import {type VtdCapabilities, VtdWalk} from './vtd-walk.js';

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
	probe: Probe = () => {};

	readonly #registers = new Uint32Array(PAGE_SIZE / 4);
	readonly #cap: ReturnType<typeof vtd.decodeCap>;
	readonly #iro: number;
	readonly #walk: VtdWalk;
	#rootLow = 0;
	#rootSlot = 0;
	#enabled = false;
	#nextRecord = 0;

	constructor(memory: Memory, capabilities: VtdCapabilities = XEON) {
		const {capLo, capHi, ecapLo} = capabilities;
		this.#cap = vtd.decodeCap(capLo, capHi);
		this.#iro = vtd.decodeEcap(ecapLo).iro;
		this.#walk = new VtdWalk(memory, capabilities);
		this.#registers[REG.VER / 4] = 0x10;
		this.#registers.set([capLo, capHi, ecapLo], REG.CAP / 4);
	}

	read32(offset: number): number {
		return this.#registers[offset / 4];
	}

	/** A register write by the kernel; what only hardware writes is left alone. */
	write32(offset: number, value: number): void {
		const {fro, records} = this.#cap;
		if (offset === REG.RTADDR || offset === REG.RTADDR + 4) {
			this.#registers[offset / 4] = value;
		} else if (offset === REG.GCMD) {
			this.#globalCommand(value);
		} else if (offset === REG.FSTS) {
			if (value & vtd.FSTS_PFO) this.#registers[REG.FSTS / 4] &= ~vtd.FSTS_PFO;
		} else if (offset === REG.CCMD + 4 || offset === this.#iro + 12) {
			// This unit caches nothing, so an invalidation is over at once: the busy bit reads as clear.
			this.#registers[offset / 4] = (value & ~vtd.INVALIDATE) >>> 0;
		} else if (offset >= fro && offset < fro + 16 * records && offset % 16 === 12) {
			if (value & vtd.FRCD_F) this.#registers[offset / 4] &= ~vtd.FRCD_F;
			// PPF is the OR of the F bits (VT-d 10.4.9).
			if (this.faultRegisters.held.length === 0) this.#registers[REG.FSTS / 4] &= ~vtd.FSTS_PPF;
		}
	}

	/** The fault recording registers: how many there are, those in use, and whether a fault found none free. */
	get faultRegisters() {
		const {fro, records} = this.#cap;
		const held = Array.from({length: records}, (_, i) => {
			const at = fro / 4 + 4 * i;
			const [w0, w1, w2, w3] = this.#registers.subarray(at, at + 4);
			return vtd.decodeFaultRecord(w0, w1, w2, w3);
		}).filter(record => record !== undefined);
		return {total: records, held, overflow: (this.read32(REG.FSTS) & vtd.FSTS_PFO) !== 0};
	}

	/**
	 * Looks one access up, and records the fault where it is refused.
	 * @returns the physical address, or minus the fault reason.
	 */
	translate(rid: Rid, iova: number, write: boolean): number {
		if (!this.#enabled) return iova;
		const answer = this.#walk.walk(this.#rootSlot, this.#rootLow, rid, iova, write);
		if (answer < 0 && !this.#silenced(-answer)) {
			const recorded = this.#record(rid, iova, write, -answer);
			this.probe({at: 'fault', fault: {rid, iova: pageOf(iova), write, reason: -answer, recorded}});
		}
		return answer;
	}

	#silenced(reason: number): boolean {
		return this.#walk.faultProcessingDisabled && !IGNORES_FPD.has(reason);
	}

	#globalCommand(value: number): void {
		if (value & vtd.SRTP) {
			this.#rootLow = (this.read32(REG.RTADDR) & 0xfffff000) >>> 0;
			this.#rootSlot = this.read32(REG.RTADDR + 4);
			this.#registers[REG.GSTS / 4] |= vtd.SRTP;
			return;
		}
		this.#enabled = (value & vtd.TE) !== 0;
		if (this.#enabled) this.#registers[REG.GSTS / 4] |= vtd.TE;
		else this.#registers[REG.GSTS / 4] &= ~vtd.TE;
	}

	/** Writes the next fault record if it is free; else sets PFO. Until PFO is cleared faults are lost (VT-d 7.2.1). */
	#record(rid: Rid, iova: number, write: boolean, reason: number): boolean {
		const at = (this.#cap.fro + 16 * this.#nextRecord) / 4;
		const status = REG.FSTS / 4;
		if (this.#registers[status] & vtd.FSTS_PFO) return false;
		if (this.#registers[at + 3] & vtd.FRCD_F) {
			this.#registers[status] |= vtd.FSTS_PFO;
			return false;
		}
		const page = pageOf(iova);
		const flags = (vtd.FRCD_F | (write ? 0 : vtd.FRCD_READ)) >>> 0;
		this.#registers.set([low32(page), high32(page), rid, (flags | reason) >>> 0], at);
		if ((this.#registers[status] & vtd.FSTS_PPF) === 0) {
			this.#registers[status] = (this.#registers[status] & 0xff) | vtd.FSTS_PPF | (this.#nextRecord << 8);
		}
		this.#nextRecord = (this.#nextRecord + 1) % this.#cap.records;
		return true;
	}
}
