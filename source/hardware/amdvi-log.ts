// An AMD-Vi unit's event log: a ring of 16-byte entries in memory that the unit fills and the kernel drains
// (48882, 2.5).

import {pageAddress} from '../formats/address.js';
import {CONTROL, ENTRY_BYTES, REG, ringBytes, STATUS} from '../formats/amdvi.js';
import type {Memory} from './memory.js';

const RUNS = CONTROL.IOMMU_EN | CONTROL.EVENT_LOG_EN;

export class AmdviLog {
	private readonly memory: Memory;
	private readonly registers: Uint32Array;
	private readonly interrupt: () => void;

	/** `interrupt` is called where the unit would send its message. */
	constructor(memory: Memory, registers: Uint32Array, interrupt: () => void) {
		this.memory = memory;
		this.registers = registers;
		this.interrupt = interrupt;
	}

	/** EventLogRun: from an overflow on nothing is recorded, until software clears it. */
	get runs(): boolean {
		const overflow = this.registers[REG.STATUS / 4] & STATUS.EVENT_OVERFLOW;
		return (this.registers[REG.CONTROL / 4] & RUNS) === RUNS && overflow === 0;
	}

	get bytes(): number {
		return ringBytes(this.registers[REG.EVENT_BASE / 4 + 1]);
	}

	/** Events that the kernel has not taken yet. */
	get held(): number {
		const {bytes} = this;
		const {[REG.EVENT_HEAD / 4]: head, [REG.EVENT_TAIL / 4]: tail} = this.registers;
		return ((tail - head + bytes) % bytes) / ENTRY_BYTES;
	}

	/** Writes an event behind the last; one entry stays free, so that a full ring is not an empty one. */
	write(words: readonly number[]): boolean {
		if (!this.runs) return false;
		const registers = this.registers;
		const base = pageAddress(registers[REG.EVENT_BASE / 4], registers[REG.EVENT_BASE / 4 + 1]);
		const tail = registers[REG.EVENT_TAIL / 4];
		const next = (tail + ENTRY_BYTES) % this.bytes;
		if (next === registers[REG.EVENT_HEAD / 4]) {
			this.raise(STATUS.EVENT_OVERFLOW);
			return false;
		}
		if (!this.memory.has(base + tail, ENTRY_BYTES)) return false;
		for (const [i, word] of words.entries()) this.memory.setU32(base + tail + 4 * i, word);
		registers[REG.EVENT_TAIL / 4] = next;
		this.raise(STATUS.EVENT_INT);
		return true;
	}

	/** Sets a status bit; the message goes out as the bit rises, where EventIntEn says so. */
	private raise(bit: number): void {
		const rose = (this.registers[REG.STATUS / 4] & bit) === 0;
		this.registers[REG.STATUS / 4] |= bit;
		if (rose && this.registers[REG.CONTROL / 4] & CONTROL.EVENT_INT_EN) this.interrupt();
	}
}
