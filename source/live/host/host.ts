// A Linux host and its IOMMUs, as its files say: plain data, read once.

import type {Finding} from '../../explain/diagnosis.js';
import {type HostDevice, isVfio, readDevices} from './devices.js';
import {gapsOf} from './gaps.js';
import {type HostGroup, readGroups} from './groups.js';
import {type Owner, type Owners, readOwners} from './owners.js';
import {areTooLong, type DeviceTables, readPageTables} from './page-tables.js';
import {PciIds} from './pci-ids.js';
import {type Pieces, whole} from './pieces.js';
import {rateLimited} from './rate-limited.js';
import {readSettings, type Settings} from './settings.js';
import type {Tree} from './tree.js';
import {type HostUnit, readUnits} from './units.js';
import {hostFindings} from './warnings.js';

export type Host = {
	settings: Settings;
	units: readonly HostUnit[];
	devices: readonly HostDevice[];
	groups: readonly HostGroup[];
	owners: readonly Owner[];
	/** Whether there may be others that are not seen. */
	ownersComplete: boolean;
	tables: readonly DeviceTables[];
	findings: readonly Finding[];
	/** What is not to be seen from here, and how it would be. */
	gaps: readonly Gap[];
};
export type Gap = {what: string; how: string};

/** What is remembered by who reads again and again. */
export type Remembered = {pciIds?: PciIds; tablesIn?: typeof readPageTables};

/** As who looks again and again reads: names once, and page tables seldom. `now`: a clock in milliseconds */
export const remembering = (now: () => number): Remembered => ({
	pciIds: new PciIds(),
	tablesIn: rateLimited(now, readPageTables, areTooLong),
});

export const readHost = (tree: Tree): Host => whole(readingHost(tree));

export function* readingHost(tree: Tree, {tablesIn = readPageTables, pciIds}: Remembered = {}): Pieces<Host> {
	const settings = readSettings(tree);
	const units = readUnits(tree, settings);
	const devices = yield* readDevices(tree, pciIds);
	// Without a device of vfio's nobody can have a group open, and there may be thousands of processes.
	const nobody: Owners = {owners: [], complete: true};
	const {owners, complete} = devices.some(isVfio) ? yield* readOwners(tree, settings) : nobody;
	yield;
	const groups = readGroups(tree, devices, owners, complete);
	yield;
	const tables = tablesIn(tree, settings);
	yield;
	const found = {settings, units, devices, groups, owners, ownersComplete: complete, tables};
	return {...found, findings: hostFindings(found), gaps: gapsOf(tree, found)};
}
