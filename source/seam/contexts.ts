// Which domain a function is in, read from the root and context tables.

import {pageAddress} from '../formats/address.js';
import {type Rid, ridBus, ridDevfn} from '../formats/pci.js';
import {decodeContext, PRESENT} from '../formats/vtd.js';
import type {PhysicalReader} from './observed.js';

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
