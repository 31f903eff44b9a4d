// A host as JSON. A value that does not apply is null.

import {loggedJson} from '../../explain/faults.js';
import {deviceJson, domainsJson} from '../../explain/snapshot.js';
import type {HostFacts} from '../../machine/host.js';
import type {MachineState} from '../../machine/observed.js';
import type {PhysicalReader} from '../../machine/tables.js';
import type {HostJson} from '../../outputs.js';
import {EMPTY_STATE} from '../observation.js';
import {verdictText} from './groups.js';
import type {Host} from './host.js';
import {type Port, whyTogether} from './topology.js';

/** Its place in the PCI tree; ACS as two bytes, the bits that it has and those that are on. */
export const portJson = (port: Port | undefined) => ({
	parent: port?.parent ?? null,
	port: port?.config?.kind ?? null,
	acs: port?.config?.acs ?? null,
});

export function hostJson(
	host: Host,
	{notSeen}: HostFacts,
	memory: PhysicalReader = {page: () => undefined},
	state: MachineState = EMPTY_STATE,
): HostJson {
	const {logged} = state;
	const {settings, units, devices, groups, owners, ownersComplete, tables, findings} = host;
	return {
		kernel: settings.release ?? null,
		bootWords: settings.words,
		guest: settings.guest,
		container: settings.container,
		units: units.map(({name, format, version, address, domainsUsed, vtd, amdvi}) => ({
			name,
			format,
			version: version ?? null,
			registers: address === undefined ? null : `0x${address}`,
			domainsUsed: domainsUsed ?? null,
			capabilities: vtd ?? amdvi ?? null,
		})),
		groups: groups.map(group => ({
			number: group.number,
			type: group.type ?? null,
			verdict: group.verdict.is,
			summary: verdictText(group),
			blockedBy: group.verdict.is === 'shared' ? group.verdict.with.map(({id}) => id) : [],
			devices: group.devices.map(({id}) => id),
			owners: group.owners.map(({pid}) => pid),
			why: whyTogether(host.topology, group),
			reserved: group.regions,
		})),
		devices: devices.map(({id, ids, class: digits, kind, product, driver, group, unit}) => ({
			...portJson(host.topology.get(id)),
			id,
			ids: ids ?? null,
			class: digits ?? null,
			kind,
			product: product ?? null,
			driver: driver ?? null,
			group: group ?? null,
			unit: unit ?? null,
		})),
		owners: owners.map(({pid, command, vm}) => ({pid, command, vm: vm ?? null})),
		ownersComplete,
		tables: tables.map(each =>
			'why' in each ? each : {id: each.id, pages: each.pages, entries: each.entries, cut: each.cut},
		),
		// Which domain each function is in, and what the domains map, where the tables can be read.
		functions: state.devices.map(deviceJson),
		domains: domainsJson(memory, state),
		warnings: findings,
		faults: logged?.faults.map(loggedJson) ?? null,
		gaps: notSeen,
	};
}
