// An AMD-Vi unit with tables that a test writes word by word.

import {CONTROL, IR, IW, levelBits, PR, REG, refusalFlags, refusalType} from '../../source/formats/amdvi.js';
import {Amdvi} from '../../source/hardware/amdvi.js';
import {Memory} from '../../source/hardware/memory.js';
import type {Fault} from '../../source/hardware/probe.js';
import {MIB} from './lab.js';

export const RW = IR | IW;
/** Two functions of one domain and one of another, all with the same tables. */
export const A = 0x10;
export const B = 0x11;
export const C = 0x18;
export const DEVICES = 0x10000;
export const [TOP, THIRD, SECOND, LEAF] = [0x3000, 0x4000, 0x5000, 0x6000];
export const COMMANDS = 0x8000;
export const EVENTS = 0x9000;
/** The size of both rings in the high halves of their base registers: 256 entries. */
const ENTRIES_256 = 8 << 24;

export function put64(memory: Memory, at: number, lo: number, hi: number): void {
	memory.setU32(at, lo >>> 0);
	memory.setU32(at + 4, hi >>> 0);
}
export const table = (memory: Memory, at: number, to: number, level: number, hi = RW): void =>
	put64(memory, at, to | levelBits(level) | PR, hi);

export function dte(memory: Memory, rid: number, lo: number, hi: number, domain: number, flags = 0): void {
	put64(memory, DEVICES + 32 * rid, lo, hi);
	put64(memory, DEVICES + 32 * rid + 8, domain, flags);
}
/** V, TV, four levels. */
export const TRANSLATED = TOP | levelBits(4) | 3;

/**
 * Tables with four levels: 512 pages from 0 map to 0x100000, and a large page at 2 MiB. `change` adds a test's own
 * entries. The unit is enabled, with empty rings.
 */
export function amdvi(change: (memory: Memory) => void = () => {}) {
	const memory = new Memory(16 * MIB);
	for (const [rid, domain] of [
		[A, 7],
		[B, 7],
		[C, 8],
	])
		dte(memory, rid, TRANSLATED, RW, domain);
	table(memory, TOP, THIRD, 3);
	table(memory, THIRD, SECOND, 2);
	table(memory, SECOND, LEAF, 1);
	table(memory, SECOND + 8, 0x600000, 0);
	for (let page = 0; page < 512; page++) table(memory, LEAF + 8 * page, 0x100000 + page * 0x1000, 0);
	change(memory);
	const unit = new Amdvi(memory);
	const faults: Fault[] = [];
	unit.probe = event => event.at === 'fault' && faults.push(event.fault);
	unit.write32(REG.DEVICE_TABLE, DEVICES);
	unit.write32(REG.COMMAND_BASE, COMMANDS);
	unit.write32(REG.COMMAND_BASE + 4, ENTRIES_256);
	unit.write32(REG.EVENT_BASE, EVENTS);
	unit.write32(REG.EVENT_BASE + 4, ENTRIES_256);
	unit.write32(REG.CONTROL, ON);
	return {memory, unit, faults};
}
export const ON = CONTROL.IOMMU_EN | CONTROL.EVENT_LOG_EN | CONTROL.EVENT_INT_EN | CONTROL.COMMAND_EN;

/** A refused access's event type and flags, as [type, flags]; undefined if it was not refused. */
export const refusalOf = (answer: number): [number, number] | undefined =>
	answer < 0 ? [refusalType(-answer), refusalFlags(-answer)] : undefined;

/** Puts commands of four words each into the ring, and moves the tail. */
export function command(unit: Amdvi, memory: Memory, ...commands: number[][]): void {
	let tail = unit.read32(REG.COMMAND_TAIL);
	for (const words of commands) {
		for (let i = 0; i < 4; i++) memory.setU32(COMMANDS + tail + 4 * i, (words[i] ?? 0) >>> 0);
		tail = (tail + 16) % 4096;
	}
	unit.write32(REG.COMMAND_TAIL, tail);
}
