// A Linux host and its IOMMUs as plain data: what its files showed when they were read.

import type {Finding} from '../../machine/finding.js';
import type {HostDevice} from './devices.js';
import type {HostGroup} from './groups.js';
import type {Owner} from './owners.js';
import type {DeviceTables} from './page-tables.js';
import type {Settings} from './settings.js';
import type {Topology} from './topology.js';
import type {HostUnit} from './units.js';

export type HostParts = {
	settings: Settings;
	units: readonly HostUnit[];
	devices: readonly HostDevice[];
	groups: readonly HostGroup[];
	owners: readonly Owner[];
	/** False if other processes may hold groups too, and cannot be seen. */
	ownersComplete: boolean;
	tables: readonly DeviceTables[];
	topology: Topology;
};
export type Host = HostParts & {findings: readonly Finding[]; gaps: readonly Gap[]};

/** Something that cannot be seen from here, and how to see it. */
export type Gap = {what: string; how: string};
