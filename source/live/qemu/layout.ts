// The layout of a guest's physical addresses, as `info mtree -f` prints it: the flat view of the address space "memory",
// one line per region. Nothing is guessed from the machine's type or size.

import {UserError} from '../../user-error.js';
import type {Qmp} from './qmp.js';

/** `offset`: where the region starts in its owner; for RAM, in the memory backend. */
export type Region = {gpa: number; bytes: number; kind: string; name: string; offset: number};

/** Guest RAM in one piece, and its offset in the memory backend. */
export type RamBlock = {gpa: number; bytes: number; offset: number};

export async function memoryMap(qmp: Qmp): Promise<Region[]> {
	return parseMemoryMap(await qmp.monitor('info mtree -f'));
}

/** The regions by address. @throws UserError if the text has no such view. */
export function parseMemoryMap(mtree: string): Region[] {
	const view = mtree.split(/\r?\n\r?\n/).find(part => /^ AS "memory",/m.test(part));
	const regions = [...(view ?? '').matchAll(LINE)].map(([, from, to, kind, name, offset = '0']) => {
		const gpa = Number.parseInt(from, 16);
		return {gpa, bytes: Number.parseInt(to, 16) - gpa + 1, kind, name, offset: Number.parseInt(offset, 16)};
	});
	if (regions.length === 0)
		throw new UserError('QEMU’s `info mtree -f` lists no address space "memory"; use a QEMU from 7.2 on.');
	return regions;
}

/**
 * The blocks of a backend, or of all memory, by address. The firmware's shadow below 1 MiB is the same memory; it
 * appears as rom where the chipset has locked it.
 */
export function ramBlocks(regions: readonly Region[], backend?: string): RamBlock[] {
	const blocks: (RamBlock & {name: string})[] = [];
	for (const {gpa, bytes, kind, name, offset} of regions) {
		if (!(kind === 'ram' || kind === 'rom') || name !== (backend ?? name)) continue;
		const last = blocks[blocks.length - 1];
		const continues =
			last && last.name === name && last.gpa + last.bytes === gpa && last.offset + last.bytes === offset;
		if (continues) last.bytes += bytes;
		else blocks.push({gpa, bytes, offset, name});
	}
	return blocks.map(({name: _, ...block}) => block);
}

/** `  0000000100000000-000000013fffffff (prio 0, ram): m0 @0000000080000000 KVM` */
const LINE = /^ +([0-9a-f]+)-([0-9a-f]+) \(prio -?\d+, ([^)]+)\): (.+?)(?: @([0-9a-f]+))?(?: KVM)?\r?$/gm;
