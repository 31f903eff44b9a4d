// A host in words, for the text report and the dashboard alike.

import {ACS_NEEDED, acsText} from '../../formats/pci-config.js';
import type {DeviceFacts, GroupFacts, HostFacts, UnitFacts} from '../../machine/host.js';
import {grouped, plural} from '../../words.js';
import {type HostDevice, isBridge, isEndpoint, isVfio, shortId} from './devices.js';
import {briefVerdict, type HostGroup, ownerText, type Region, verdictText} from './groups.js';
import type {Host} from './host.js';
import type {DeviceTables} from './page-tables.js';
import type {Settings} from './settings.js';
import {type Topology, whyTogether} from './topology.js';
import type {HostUnit} from './units.js';

export function hostFacts(host: Host): HostFacts {
	const {settings, units, groups, devices, tables, findings, gaps, topology} = host;
	const byUnit = Map.groupBy(devices, ({unit}) => unit);
	return {
		facts: [
			...(settings.release === undefined ? [] : [`Linux ${settings.release}`]),
			...(settings.guest ? ['a virtual machine'] : []),
			...(settings.listing ? ['a listing of groups'] : [plural(units.length, 'IOMMU unit')]),
			plural(groups.length, 'group'),
		],
		booted: settings.words,
		units: units.map(unit => unitWords(unit, byUnit.get(unit.name)?.length ?? 0)),
		groups: groups.map(group => groupWords(group, host)),
		alone: devices.filter(({group}) => group === undefined).map(device => deviceWords(device, settings)),
		ports: portWords(topology),
		reserved: reservedWords(groups),
		tables: tables.map(tableWords),
		warnings: findings,
		notSeen: gaps,
	};
}

function unitWords(unit: HostUnit, deviceCount: number): UnitFacts {
	const kind = {'vt-d': 'VT-d', 'amd-vi': 'AMD-Vi', other: 'unknown kind'}[unit.format];
	const facts = [
		kind,
		unit.version && `version ${unit.version}`,
		unit.address && `registers at 0x${unit.address}`,
		deviceCount > 0 && plural(deviceCount, 'device'),
		unit.domainsUsed !== undefined && `${plural(unit.domainsUsed, 'domain')} in use`,
	];
	return {name: unit.name, facts: facts.filter(Boolean).join(', '), capabilities: capabilityWords(unit)};
}

function capabilityWords({format, vtd, amdvi}: HostUnit): string[] {
	if (vtd !== undefined)
		return [
			`${vtd.addressBits}-bit addresses; ${vtd.levels.join(', ')}-level tables; ${vtd.pageSizes.join(', ')} pages; up to ${plural(vtd.domains, 'domain')}; ${plural(vtd.faultRecords, 'fault record')}`,
			vtd.has.join(' · '),
		];
	if (amdvi !== undefined)
		return [
			...(amdvi.levels === undefined ? [] : [`up to ${amdvi.levels}-level tables`]),
			amdvi.has.join(' · '),
		];
	return format === 'other' ? [] : ['capabilities unknown: the kernel does not show them'];
}

const TONES = {
	held: 'title',
	free: 'good',
	unseen: 'warn',
	nothing: 'dim',
	reserved: 'warn',
	shared: 'warn',
	host: 'good',
	listed: 'good',
} as const;

/** The bridges, in the order of their addresses, with what isolates what is behind them. */
const portWords = (topology: Topology): string[] =>
	[...topology.values()].flatMap(({device, config}) => {
		if (config === undefined || (!isBridge(device) && config.acs === undefined)) return [];
		const acs = config.acs === undefined ? 'no ACS' : `ACS ${acsText(config.acs.control)}`;
		const cannot = config.acs === undefined ? 0 : ACS_NEEDED & ~config.acs.capable;
		const lacks =
			cannot === 0
				? ''
				: `; it has no ${acsText(cannot)
						.match(/\w+(?=\+)/g)
						?.join(', ')}`;
		return [
			`${shortId(device.id)}  ${config.kind === 'conventional' ? device.kind : config.kind}: ${acs}${lacks}`,
		];
	});

const groupWords = (group: HostGroup, {settings, topology}: Host): GroupFacts => ({
	number: group.number,
	brief: briefVerdict(group),
	verdict: verdictText(group),
	tone: TONES[group.verdict.is],
	type: group.type ?? 'unknown',
	also: group.owners.slice(1).map(ownerText),
	devices: group.devices.map(device => deviceWords(device, settings)),
	why: whyTogether(topology, group),
	reserved: group.regions.map(regionText),
});

function deviceWords(device: HostDevice, {listing}: Pick<Settings, 'listing'>): DeviceFacts {
	const {id, ids, kind, product, driver} = device;
	const name = product ?? ids;
	const address = ids === undefined || !isEndpoint(device) ? {} : {address: id};
	const named = {id: shortId(id), ...address, kind, ...(name === undefined ? {} : {product: name})};
	if (isVfio(device)) return {...named, whose: `vfio (${driver})`};
	if (driver !== undefined) return {...named, whose: `host (${driver})`};
	return isBridge(device) || listing === 'names' ? named : {...named, whose: 'no driver'};
}

/** A region that several groups share is listed once. */
function reservedWords(groups: readonly HostGroup[]): string[] {
	const byRegion = new Map<string, number[]>();
	for (const {number, regions} of groups)
		for (const region of regions) {
			const text = regionText(region);
			const numbers = byRegion.get(text) ?? [];
			numbers.push(number);
			byRegion.set(text, numbers);
		}
	return [...byRegion].map(([text, numbers]) => {
		const all = numbers.length === groups.length && groups.length > 1;
		const some = `${numbers.length === 1 ? 'group' : 'groups'} ${numbers.join(', ')}`;
		return `${text}; ${all ? 'all groups' : some}`;
	});
}

const regionText = ({start, end, type}: Region): string =>
	`${start}–${end} ${type}: ${REGIONS[type] ?? 'reserved'}`;

const REGIONS: Record<string, string | undefined> = {
	direct: 'used by firmware, always mapped 1:1',
	'direct-relaxable': 'mapped 1:1, released for a VM',
	reserved: 'never mapped',
	msi: 'interrupts',
};

const NO_TABLES = {
	'pass-through': 'none: pass-through',
	unknown: 'not read: the device may be in pass-through',
	unreadable: 'not shown by the kernel',
};

function tableWords(tables: DeviceTables): string {
	const id = shortId(tables.id);
	if ('why' in tables) return `${id}  ${NO_TABLES[tables.why]}`;
	return `${id}  ${tables.cut ? 'at least ' : ''}${plural(tables.pages, 'page')} mapped, ${grouped(tables.entries)} ${tables.entries === 1 ? 'entry' : 'entries'}`;
}
