// Reads a Linux host. A large one has thousands of files, so readers let the event loop run between them.

import {isVfio, readDevices} from './devices.js';
import {gapsOf} from './gaps.js';
import {readGroups} from './groups.js';
import type {Host} from './host.js';
import {type Owners, readOwners} from './owners.js';
import {hasCutTables, readPageTables} from './page-tables.js';
import {PciIds} from './pci-ids.js';
import {readSettings} from './settings.js';
import {type PortCache, readTopology} from './topology.js';
import type {Tree} from './tree.js';
import {readUnits} from './units.js';
import {hostFindings} from './warnings.js';

/** What one reading leaves for the next: device names are read once, page tables rarely. */
export type HostCache = {pciIds: PciIds; readTables: typeof readPageTables; ports: PortCache};

/** @param now a clock in milliseconds */
export const hostCache = (now: () => number): HostCache => ({
	pciIds: new PciIds(),
	ports: new Map(),
	readTables: rateLimited(now, readPageTables, hasCutTables),
});

const NO_OWNERS: Owners = {owners: [], complete: true};

export async function readHost(
	tree: Tree,
	{readTables, pciIds, ports}: HostCache = {
		readTables: readPageTables,
		pciIds: new PciIds(),
		ports: new Map(),
	},
): Promise<Host> {
	const settings = readSettings(tree);
	const units = readUnits(tree, settings);
	const devices = await readDevices(tree, pciIds);
	// Without a vfio device no process can have a group open: skip /proc, which may have thousands of processes.
	const {owners, complete} = devices.some(isVfio) ? await readOwners(tree, settings) : NO_OWNERS;
	const groups = readGroups(tree, devices, owners, complete, settings.listing);
	const tables = readTables(tree, settings);
	const topology = readTopology(tree, devices, ports);
	const parts = {settings, units, devices, groups, owners, ownersComplete: complete, tables, topology};
	return {...parts, findings: hostFindings(parts), gaps: gapsOf(tree, parts)};
}

/** Slow reads take at most one fiftieth of the time. */
const SHARE = 50;

/**
 * Reads again once enough time has passed, and returns the last result until then.
 * @param now a clock in milliseconds
 * @param isFinal whether a result is never read again
 */
export function rateLimited<Input extends unknown[], Result>(
	now: () => number,
	read: (...input: Input) => Result,
	isFinal: (last: Result) => boolean = () => false,
): (...input: Input) => Result {
	let last: {result: Result; next: number} | undefined;
	return (...input) => {
		const start = now();
		if (last !== undefined && (start < last.next || isFinal(last.result))) return last.result;
		const result = read(...input);
		last = {result, next: now() + SHARE * (now() - start)};
		return result;
	};
}
