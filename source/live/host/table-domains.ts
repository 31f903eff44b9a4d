// Domains from the page tables that a kernel shows: devices whose tables have the same root are in the same domain.

import {UNKNOWN} from '../../explain/ranges.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {type Rid, ridOf} from '../../formats/pci.js';
import type {Device, MachineState} from '../../machine/observed.js';
import type {Domain} from '../../machine/tables.js';
import {keepIdentity} from '../observation.js';
import {type HostDevice, shortId} from './devices.js';
import type {DeviceTables} from './page-tables.js';
import type {TableDump} from './table-dump.js';

/** The kernel does not show who owns memory. */
const OWNED = [{hpa: 0, pages: 2 ** 52 / PAGE_SIZE, owner: UNKNOWN}];

/** A domain whose tables are the same as `before` stays the same object. */
export function tableDomains(
	tables: readonly DeviceTables[],
	hostDevices: readonly HostDevice[],
	before: readonly Domain[],
): Pick<MachineState, 'domains' | 'devices' | 'owned'> {
	const domains = new Map<number, Domain>();
	const drivers = new Map(hostDevices.map(({id, driver}) => [id, driver]));
	const earlier = new Map(before.map(domain => [domain.id, domain]));
	const devices: Device[] = [];
	for (const each of tables) {
		const rid = ridAt(each.id);
		if (rid === undefined) continue;
		const dump = 'why' in each ? undefined : each;
		if (dump !== undefined && !domains.has(dump.root)) domains.set(dump.root, domainOf(dump));
		devices.push({
			rid,
			name: shortId(each.id),
			driver: drivers.get(each.id) ?? '',
			...(dump === undefined ? {} : {domain: idOf(dump)}),
			untranslated: 'why' in each && each.why === 'pass-through',
		});
	}
	return {
		domains: [...domains.values()].map(domain => keepIdentity(earlier.get(domain.id) ?? domain, domain)),
		devices,
		owned: OWNED,
	};
}

const idOf = ({root}: TableDump): number => root / PAGE_SIZE;

const domainOf = (dump: TableDump): Domain => ({
	id: idOf(dump),
	// The dump does not contain the kernel's domain number.
	label: `@0x${dump.root.toString(16)}${dump.cut ? ', incomplete' : ''}`,
	role: 'os',
	format: 'vt-d',
	root: dump.root,
	levels: 4,
	mappings: dump.mappings,
});

function ridAt(id: string): Rid | undefined {
	const [, bus, slot, fn] = /:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(id) ?? [];
	if (bus === undefined) return undefined;
	return ridOf(Number.parseInt(bus, 16), Number.parseInt(slot, 16), Number(fn));
}
