// Which domain a function is in, read from VT-d's root and context tables, or from AMD-Vi's device table.

import {PAGE_SIZE, pageAddress} from '../formats/address.js';
import {DTE_BYTES, decodeDte} from '../formats/amdvi.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import {decodeContext, PRESENT} from '../formats/vtd.js';
import type {PhysicalReader} from '../machine/tables.js';

/** A function's context entry, decoded; undefined where it is in no domain. */
export function contextOf(
	memory: PhysicalReader,
	rootTable: number,
	rid: Rid,
): ReturnType<typeof decodeContext> {
	const root = memory.page(rootTable);
	const lo = root?.[ridBus(rid) * 4] ?? 0;
	if (root === undefined || (lo & PRESENT) === 0) return undefined;
	const context = memory.page(pageAddress(lo, root[ridBus(rid) * 4 + 1]));
	if (context === undefined) return undefined;
	const at = ridDevfn(rid) * 4;
	return decodeContext(context[at], context[at + 1], context[at + 2]);
}

/**
 * What a device table entry comes to: without V nothing of the function is translated; without TV all of it is
 * refused; with neither levels nor root it is 1:1 as far as it may read and write.
 */
export type DeviceEntry =
	| {reach: 'untranslated'}
	| {
			reach: 'refused' | '1:1' | 'tables';
			domain: number;
			root: number;
			levels: number;
			read: boolean;
			write: boolean;
	  };

/** A function's device table entry; undefined where the table has none, and the hardware refuses everything. */
export function deviceEntryOf(
	memory: PhysicalReader,
	table: number,
	bytes: number,
	rid: Rid,
): DeviceEntry | undefined {
	const offset = rid * DTE_BYTES;
	const page = offset < bytes ? memory.page(table + offset - (offset % PAGE_SIZE)) : undefined;
	if (page === undefined) return undefined;
	const at = (offset % PAGE_SIZE) / 4;
	const entry = decodeDte(page[at], page[at + 1], page[at + 2]);
	if (entry === undefined) return {reach: 'untranslated'};
	const {translates, ...rest} = entry;
	return {reach: !translates ? 'refused' : rest.levels === 0 ? '1:1' : 'tables', ...rest};
}
