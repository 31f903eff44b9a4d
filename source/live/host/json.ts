// A host as JSON. A value that does not apply is null.

import {loggedJson} from '../../explain/faults.js';
import type {Logged} from '../../machine/fault.js';
import type {HostFacts} from '../../machine/host.js';
import type {HostJson} from '../../outputs.js';
import {verdictText} from './groups.js';
import type {Host} from './host.js';

export function hostJson(host: Host, {notSeen}: HostFacts, logged: Logged | undefined): HostJson {
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
			reserved: group.regions,
		})),
		devices: devices.map(({id, ids, class: digits, kind, product, driver, group, unit}) => ({
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
		warnings: findings,
		faults: logged?.faults.map(loggedJson) ?? null,
		gaps: notSeen,
	};
}
