// Tables that were decoded before and not written since: a host domain of 64 GiB has 32,768 of them, and a command
// changes few.

import {PAGE_SIZE} from '../formats/address.js';
import type {Mapping, PhysicalReader} from '../machine/tables.js';

/** The mappings of a table, and the tables they were read from: itself and those below. */
type Contents = {readonly tables: readonly number[]; readonly mappings: readonly Mapping[]};
/** The same at the level, at the address and with the rights that the entries above give the table. */
type Decoded = Contents & {
	readonly versions: number;
	readonly level: number;
	readonly base: number;
	readonly allowed: number;
};

/** A table with more mappings than this is decoded each time: what is kept must stay smaller than what it describes. */
const FEW = 8;
const decoded = new WeakMap<PhysicalReader, Map<number, Decoded>>();

/** The contents of the table at `hpa`: those kept, or else what `decode` finds now. */
export function decodedTable(
	memory: PhysicalReader,
	hpa: number,
	level: number,
	base: number,
	allowed: number,
	decode: () => Contents,
): Contents {
	if (memory.version === undefined) return decode();
	const kept = decoded.get(memory) ?? new Map<number, Decoded>();
	decoded.set(memory, kept);
	const number = hpa / PAGE_SIZE;
	const before = kept.get(number);
	const isSame = before?.level === level && before.base === base && before.allowed === allowed;
	if (isSame && before.versions === versionsOf(memory, before)) return before;
	const contents = decode();
	if (contents.mappings.length > FEW) kept.delete(number);
	else kept.set(number, {...contents, level, base, allowed, versions: versionsOf(memory, contents)});
	return contents;
}

/** Versions only rise, so their sum stays the same only if each does. */
function versionsOf(memory: PhysicalReader, {tables}: Contents): number {
	let sum = 0;
	for (const table of tables) sum += memory.version?.(table) ?? 0;
	return sum;
}
