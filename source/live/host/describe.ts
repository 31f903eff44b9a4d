// A host in words: what text and dashboard both say of it.

import type {DeviceFacts, GroupFacts, HostFacts, UnitFacts} from '../../machine/host.js';
import {grouped, plural} from '../../words.js';
import {type HostDevice, isBridge, isVfio, shortId} from './devices.js';
import {briefVerdict, type HostGroup, ownerText, type Region, verdictText} from './groups.js';
import type {Host} from './host.js';
import type {DeviceTables} from './page-tables.js';
import type {HostUnit} from './units.js';

export function hostFacts({settings, units, groups, devices, tables, findings, gaps}: Host): HostFacts {
	const behind = Map.groupBy(devices, ({unit}) => unit);
	return {
		facts: [
			...(settings.release === undefined ? [] : [`Linux ${settings.release}`]),
			...(settings.guest ? ['a guest itself'] : []),
			plural(units.length, 'IOMMU unit'),
			plural(groups.length, 'group'),
		],
		booted: settings.words,
		units: units.map(unit => unitWords(unit, behind.get(unit.name)?.length ?? 0)),
		groups: groups.map(groupWords),
		alone: devices.filter(({group}) => group === undefined).map(deviceWords),
		reserved: reservedWords(groups),
		tables: tables.map(tableWords),
		warnings: findings,
		notSeen: gaps,
	};
}

/** `behind`: devices that it translates for. */
function unitWords(unit: HostUnit, behind: number): UnitFacts {
	const kind = {'vt-d': 'VT-d', 'amd-vi': 'AMD-Vi', other: 'another kind'}[unit.format];
	const facts = [
		kind,
		unit.version && `version ${unit.version}`,
		unit.address && `registers at 0x${unit.address}`,
		behind > 0 && plural(behind, 'device'),
		unit.domainsUsed !== undefined && `${plural(unit.domainsUsed, 'domain')} in use`,
	];
	return {name: unit.name, facts: facts.filter(Boolean).join(', '), capabilities: capabilityWords(unit)};
}

function capabilityWords({format, vtd, amdvi}: HostUnit): string[] {
	if (vtd !== undefined)
		return [
			`${vtd.addressBits}-bit addresses; tables of ${vtd.levels.join(', ')} levels; pages of ${vtd.pageSizes.join(', ')}; ${plural(vtd.domains, 'domain')} at most; ${plural(vtd.faultRecords, 'fault record')}`,
			vtd.has.join(' · '),
		];
	if (amdvi !== undefined)
		return [
			...(amdvi.levels === undefined ? [] : [`tables of up to ${amdvi.levels} levels`]),
			amdvi.has.join(' · '),
		];
	return format === 'other' ? [] : ['its capabilities are unknown: the kernel does not show them'];
}

const TONES = {
	held: 'title',
	free: 'good',
	unseen: 'warn',
	nothing: 'dim',
	reserved: 'warn',
	shared: 'warn',
	host: 'good',
} as const;

const groupWords = (group: HostGroup): GroupFacts => ({
	number: group.number,
	brief: briefVerdict(group),
	verdict: verdictText(group),
	tone: TONES[group.verdict.is],
	type: group.type ?? 'unknown',
	also: group.owners.slice(1).map(ownerText),
	devices: group.devices.map(deviceWords),
	reserved: group.regions.map(regionWords),
});

function deviceWords(device: HostDevice): DeviceFacts {
	const {id, ids, kind, product, driver} = device;
	const called = product ?? ids;
	const named = {id: shortId(id), kind, ...(called === undefined ? {} : {product: called})};
	if (isVfio(device)) return {...named, whose: `vfio (${driver})`};
	if (driver !== undefined) return {...named, whose: `host (${driver})`};
	return isBridge(device) ? named : {...named, whose: 'no driver'};
}

/** A region that many groups have is said once. */
function reservedWords(groups: readonly HostGroup[]): string[] {
	const byRegion = new Map<string, number[]>();
	for (const {number, regions} of groups)
		for (const region of regions) {
			const words = regionWords(region);
			const numbers = byRegion.get(words) ?? [];
			numbers.push(number);
			byRegion.set(words, numbers);
		}
	return [...byRegion].map(([words, numbers]) => {
		const all = numbers.length === groups.length && groups.length > 1;
		const some = `${numbers.length === 1 ? 'group' : 'groups'} ${numbers.join(', ')}`;
		return `${words}; ${all ? 'all groups' : some}`;
	});
}

const regionWords = ({start, end, type}: Region): string =>
	`${start}–${end} ${type}: ${REGIONS[type] ?? 'reserved'}`;

const REGIONS: Record<string, string | undefined> = {
	direct: 'firmware’s, mapped 1:1 for good',
	'direct-relaxable': 'mapped 1:1, and let go for a VM',
	reserved: 'never mapped',
	msi: 'interrupts',
};

const NO_TABLES = {
	'pass-through': 'pass-through: none',
	unknown: 'not asked for: it may be in pass-through',
	unreadable: 'the kernel did not show them',
};

function tableWords(tables: DeviceTables): string {
	const id = shortId(tables.id);
	if ('why' in tables) return `${id}  ${NO_TABLES[tables.why]}`;
	return `${id}  ${tables.cut ? 'at least ' : ''}${plural(tables.pages, 'page')} mapped by ${grouped(tables.entries)} ${tables.entries === 1 ? 'entry' : 'entries'}`;
}
