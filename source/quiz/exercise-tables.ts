// Tables for exercises, written into free pages of the lab's memory: the lab's own kernel maps pages of 4 KiB with four
// levels only, while the formats have more of both.

import {hex, PAGE_SIZE} from '../formats/address.js';
import * as amdvi from '../formats/amdvi.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import {hasLevels, hasPageSize} from '../formats/vtd-tables.js';
import type {Memory} from '../hardware/memory.js';
import type {MachineState} from '../machine/observed.js';
import type {AmdviUnit, VtdUnit} from '../machine/tables.js';
import {below, pick} from './question.js';

/** What is wrong with the tables, where something is. */
export const FLAWS = [
	'none',
	'absent',
	'absent above',
	'read-only',
	'read-only above',
	'reserved',
	'too wide',
	'no domain',
] as const;
export type Flaw = (typeof FLAWS)[number];
export type Exercise = {readonly rid: Rid; readonly iova: number; readonly write: boolean};

/** A function that no lab has. */
const RID: Rid = 0x600;
const DOMAIN = 9;
type Random = () => number;
type Word = readonly [lo: number, hi: number];

class Pages {
	#next: number;

	constructor(
		private readonly memory: Memory,
		{owned}: MachineState,
	) {
		const free = owned.findLast(({owner, pages}) => owner === 'free' && pages >= 8);
		if (free === undefined) throw new Error('The lab has no free pages for an exercise.');
		this.#next = free.hpa;
	}

	take(): number {
		const page = this.#next;
		this.#next += PAGE_SIZE;
		this.memory.clear(page, PAGE_SIZE);
		return page;
	}

	put(table: number, index: number, [lo, hi]: Word): void {
		this.memory.setU32(table + 8 * index, lo >>> 0);
		this.memory.setU32(table + 8 * index + 4, hi >>> 0);
	}
}

const split = (address: number): Word => [address >>> 0, Math.floor(address / 2 ** 32)];
const indexAt = (iova: number, level: number): number => Math.floor(iova / 2 ** (3 + 9 * level)) % 512;

/** Writes tables for one function, and chooses an access through them. */
export function writeExercise(memory: Memory, state: MachineState, random: Random, flaw: Flaw): Exercise {
	const pages = new Pages(memory, state);
	const {unit} = state;
	if (unit === undefined) throw new Error('An exercise needs an IOMMU.');
	return unit.format === 'vt-d' ? writeVtd(pages, unit, random, flaw) : writeAmdvi(pages, unit, random, flaw);
}

const isWrite = (random: Random, flaw: Flaw): boolean => flaw.startsWith('read-only') || random() < 0.5;

function addressFor(random: Random, bits: number, flaw: Flaw): number {
	const iova = below(random, 2 ** 20) * 2 ** (bits - 20) + below(random, 2 ** 18) * 4;
	return flaw === 'too wide' ? 2 ** bits + (iova % 2 ** 30) : iova;
}

/** Neighbours of an entry, which lead elsewhere: whoever reads the wrong one is wrong. */
function around(random: Random, index: number, write: (index: number, hpa: number) => void): void {
	for (let at = Math.max(0, index - 2); at < Math.min(512, index + 3); at++)
		if (at !== index) write(at, PAGE_SIZE * (1 + below(random, 2 ** 20)));
}

function writeVtd(pages: Pages, unit: VtdUnit, random: Random, flaw: Flaw): Exercise {
	const levels = pick(
		random,
		[3, 4].filter(each => hasLevels(unit, each)),
	);
	const leaf = pick(
		random,
		[1, 2, 3].filter(each => each < levels && hasPageSize(unit, each)),
	);
	const iova = addressFor(random, 12 + 9 * levels, flaw);
	const write = isWrite(random, flaw);
	const context = pages.take();
	const top = pages.take();
	if (flaw === 'no domain') pages.put(context, 2 * ridDevfn(RID), [0, 0]);
	else {
		pages.put(context, 2 * ridDevfn(RID), [top + 1, 0]);
		pages.put(context, 2 * ridDevfn(RID) + 1, [(DOMAIN << 8) | (levels - 2), 0]);
	}
	pages.put(unit.table, 2 * ridBus(RID), [context + 1, 0]);
	pages.put(unit.table, 2 * ridBus(RID) + 1, [0, 0]);
	const bad = flawedLevel(random, flaw, levels, leaf);
	for (let level = levels, table = top; ; level--) {
		const index = indexAt(iova, level);
		around(random, index, (at, hpa) => pages.put(table, at, [hpa + (level === 1 ? 3 : 1), 0]));
		const isBad = level === bad;
		if (isBad && flaw.startsWith('absent')) {
			pages.put(table, index, [0, 0]);
			return {rid: RID, iova, write};
		}
		const rights = isBad && flaw.startsWith('read-only') ? 1 : 3;
		// Bit 51: no unit of the lab has addresses as wide.
		const reserved = isBad && flaw === 'reserved' ? 0x0008_0000 : 0;
		if (level === leaf) {
			const size = 2 ** (3 + 9 * level);
			const [lo, hi] = split(size * (1 + below(random, 60)));
			pages.put(table, index, [lo | rights | (level > 1 ? 0x80 : 0), hi | reserved]);
			return {rid: RID, iova, write};
		}
		const next = pages.take();
		pages.put(table, index, [next | rights, reserved]);
		table = next;
	}
}

/** Where the flaw is: in the entry that maps the page, or above it. */
function flawedLevel(random: Random, flaw: Flaw, levels: number, leaf: number): number {
	if (flaw.endsWith('above')) return leaf + 1 + below(random, levels - leaf);
	return leaf;
}

function writeAmdvi(pages: Pages, unit: AmdviUnit, random: Random, flaw: Flaw): Exercise {
	const levels = pick(random, [3, 4, 5]);
	const leaf = pick(
		random,
		[1, 2, 3].filter(each => each < levels),
	);
	const bits = Math.min(12 + 9 * levels, 48);
	const skips = flaw === 'none' && levels - leaf > 1 && random() < 0.5;
	const iova =
		flaw === 'too wide'
			? 2 ** (12 + 9 * levels) + 0x1000
			: skips
				? below(random, 2 ** (12 + 9 * leaf) / 4) * 4
				: addressFor(random, bits, flaw);
	const write = isWrite(random, flaw);
	const both = amdvi.IR | amdvi.IW;
	const top = pages.take();
	const entry = unit.table + RID * amdvi.DTE_BYTES;
	if (entry + amdvi.DTE_BYTES > unit.table + unit.bytes) throw new Error(`No entry at ${hex(entry)}.`);
	for (let i = 0; i < 4; i++) pages.put(entry, i, [0, 0]);
	if (flaw === 'no domain') pages.put(entry, 0, [amdvi.DTE_V | amdvi.DTE_TV, 0x0010_0000]);
	else pages.put(entry, 0, [top | amdvi.levelBits(levels) | amdvi.DTE_V | amdvi.DTE_TV, both]);
	pages.put(entry, 1, [DOMAIN, 0]);
	const bad = flawedLevel(random, flaw, levels, leaf);
	for (let level = levels, table = top; ; ) {
		const index = indexAt(iova, level);
		around(random, index, (at, hpa) => pages.put(table, at, [(hpa | amdvi.PR) >>> 0, both]));
		const isBad = level === bad;
		if (isBad && flaw.startsWith('absent')) {
			pages.put(table, index, [0, 0]);
			return {rid: RID, iova, write};
		}
		const rights = isBad && flaw.startsWith('read-only') ? amdvi.IR : both;
		const reserved = isBad && flaw === 'reserved' ? 0x0010_0000 : 0;
		if (level === leaf) {
			const size = 2 ** amdvi.shiftOf(level);
			// A size between this level's and the next: a quarter of the time, NextLevel 7.
			const larger = random() < 0.4 ? 2 ** (1 + below(random, 8)) : 1;
			const base = size * larger * (1 + below(random, 60));
			const [lo, hi] = split(base + (larger === 1 ? 0 : (size * larger) / 2 - PAGE_SIZE));
			const next = larger === 1 ? 0 : amdvi.levelBits(amdvi.NL_SIZED);
			const first = index - (index % larger);
			for (let i = 0; i < larger; i++)
				pages.put(table, first + i, [(lo | next | amdvi.PR) >>> 0, (hi | rights | reserved) >>> 0]);
			return {rid: RID, iova, write};
		}
		const nextLevel = skips ? leaf : level - 1;
		const next = pages.take();
		pages.put(table, index, [
			(next | amdvi.levelBits(nextLevel) | amdvi.PR) >>> 0,
			(rights | reserved) >>> 0,
		]);
		table = next;
		level = nextLevel;
	}
}
