// What an IOMMU's caches hold, compared with its tables. They differ if somebody changed a table and did not
// invalidate; hardware then still uses the cache.

import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {MachineState} from '../machine/observed.js';
import type {Cached, CachedEntry, CachedPage, PhysicalReader, Unit} from '../machine/tables.js';
import {startOf, walkTables} from './walk.js';
import type {Start, StartTables} from './walk-steps.js';

/** The cached entry and page for a function and an address; `page` finds a domain's page in the IOTLB. */
export function compareCached(
	memory: PhysicalReader,
	unit: Unit | undefined,
	rid: Rid,
	entry: CachedEntry | undefined,
	page: (domain: number) => CachedPage | undefined,
): Cached {
	if (unit === undefined || !unit.enabled) return {};
	const start = startOf(memory, unit, rid);
	const current = start.to === 'tables' ? start.domain : undefined;
	const domain = entry === undefined ? current : entry.to === 'tables' ? entry.domain : undefined;
	const cached = domain === undefined ? undefined : page(domain);
	const agrees =
		cached !== undefined &&
		start.to === 'tables' &&
		start.domain === domain &&
		pageAgrees(memory, unit, start, cached);
	return {
		entry: entry && {...entry, agrees: entryAgrees(entry, start)},
		page: cached && {...cached, agrees},
	};
}

/** The pages in the IOTLB that contradict their domain's tables. */
export function stalePages(
	memory: PhysicalReader,
	{unit, devices, domains}: MachineState,
	pages: readonly CachedPage[],
): CachedPage[] {
	if (unit === undefined || !unit.enabled) return [];
	const known: StartTables[] = domains
		.filter(({levels}) => levels > 0)
		.map(({id, format, root, levels}) => ({domain: id, format, root, levels, read: true, write: true}));
	for (const {rid} of devices) {
		const start = startOf(memory, unit, rid);
		if (start.to === 'tables') known.push(start);
	}
	return pages.filter(page => {
		const tables = known.filter(({domain}) => domain === page.domain);
		return tables.length > 0 && !tables.some(each => pageAgrees(memory, unit, each, page));
	});
}

function entryAgrees(entry: CachedEntry, start: Start): boolean {
	if (start.to === 'fault') return entry.to === 'nothing';
	if (start.to !== entry.to || start.read !== entry.read || start.write !== entry.write) return false;
	if (start.to === 'memory') return true;
	return start.domain === entry.domain && start.root === entry.root && start.levels === entry.levels;
}

/** Whether the tables lead to the same page with at least the cached rights. Further rights cause a new walk. */
function pageAgrees(
	memory: PhysicalReader,
	unit: Unit,
	tables: StartTables,
	{iova, hpa, read, write}: CachedPage,
): boolean {
	// The IOTLB caches the rights in the tables; those in the device table entry are checked separately.
	const all = {...tables, read: true, write: true};
	const agrees = (writes: boolean): boolean => {
		const found = walkTables(memory, unit, all, {iova, write: writes});
		return found.to === 'page' && found.hpa - (found.hpa % PAGE_SIZE) === hpa;
	};
	return (!read || agrees(false)) && (!write || agrees(true));
}
