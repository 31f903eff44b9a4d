// What an IOMMU's caches hold, against what its tables say now. Where they differ, somebody has changed a table and
// not invalidated: the caches are asked first.

import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {MachineState} from '../machine/observed.js';
import type {Cached, CachedEntry, CachedPage, PhysicalReader, Unit} from '../machine/tables.js';
import {startOf, throughTables} from './walk.js';
import type {Start, StartTables} from './walk-steps.js';

/** What is kept of a function and an address; `page` gives what the IOTLB has for a domain at that address. */
export function heldAgainstTables(
	memory: PhysicalReader,
	unit: Unit | undefined,
	rid: Rid,
	entry: CachedEntry | undefined,
	page: (domain: number) => CachedPage | undefined,
): Cached {
	if (unit === undefined || !unit.enabled) return {};
	const start = startOf(memory, unit, rid);
	const domain = entry === undefined ? domainOf(start) : entry.to === 'tables' ? entry.domain : undefined;
	const kept = domain === undefined ? undefined : page(domain);
	const agrees = start.to === 'tables' && start.domain === domain && pageAgrees(memory, unit, start, kept);
	return {
		entry: entry && {...entry, agrees: entryAgrees(entry, start)},
		page: kept && {...kept, agrees},
	};
}

/** The pages that the IOTLB holds of a domain whose tables say something else by now. */
export function stalePages(
	memory: PhysicalReader,
	{unit, devices, domains}: MachineState,
	pages: readonly CachedPage[],
): CachedPage[] {
	if (unit === undefined || !unit.enabled) return [];
	const known: StartTables[] = domains
		.filter(({levels}) => levels > 0)
		.map(({id, root, levels}) => ({domain: id, root, levels, read: true, write: true}));
	for (const {rid} of devices) {
		const start = startOf(memory, unit, rid);
		if (start.to === 'tables') known.push(start);
	}
	return pages.filter(page => {
		const tables = known.filter(({domain}) => domain === page.domain);
		return tables.length > 0 && !tables.some(each => pageAgrees(memory, unit, each, page));
	});
}

const domainOf = (start: Start): number | undefined => (start.to === 'tables' ? start.domain : undefined);

function entryAgrees(entry: CachedEntry, start: Start): boolean {
	if (start.to === 'fault') return entry.to === 'nothing';
	if (start.to !== entry.to || start.read !== entry.read || start.write !== entry.write) return false;
	if (start.to === 'memory') return true;
	return start.domain === entry.domain && start.root === entry.root && start.levels === entry.levels;
}

/** Whether the tables allow at least what is kept, and lead to the same page. What they allow more is looked up again. */
function pageAgrees(
	memory: PhysicalReader,
	unit: Unit,
	tables: StartTables,
	kept: CachedPage | undefined,
): boolean {
	if (kept === undefined) return false;
	const {iova, hpa, read, write} = kept;
	// The IOTLB keeps what the tables allow; what the device table entry does is asked apart.
	const all = {...tables, read: true, write: true};
	const agrees = (writes: boolean): boolean => {
		const found = throughTables(memory, unit, all, {iova, write: writes});
		return found.to === 'page' && found.hpa - (found.hpa % PAGE_SIZE) === hpa;
	};
	return (!read || agrees(false)) && (!write || agrees(true));
}
