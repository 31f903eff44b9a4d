// Two looks at a host, before and after a change: a new kernel, a card in another slot, firmware. What differs, in words.

import {plural} from '../../words.js';
import {type HostDevice, shortId} from './devices.js';
import type {HostGroup} from './groups.js';
import type {Host} from './host.js';
import type {HostUnit} from './units.js';

export const KINDS = [
	'kernel',
	'boot words',
	'units',
	'devices',
	'groups',
	'drivers',
	'default domains',
	'reserved regions',
] as const;
export type Change = {
	kind: (typeof KINDS)[number];
	/** The devices or the unit. */
	about: readonly string[];
	text: string;
	was: string | null;
	is: string | null;
};

/** What differs, in the order of KINDS. */
export function compareHosts(old: Host, now: Host): Change[] {
	const pairs = pairDevices(old.devices, now.devices);
	const isListing = old.settings.listing !== undefined || now.settings.listing !== undefined;
	const hasDrivers = old.settings.listing !== 'names' && now.settings.listing !== 'names';
	return [
		...(isListing ? [] : settings(old, now)),
		...(isListing ? [] : units(old.units, now.units)),
		...devices(old, now, pairs),
		...groups(old, now, pairs),
		...(hasDrivers ? drivers(pairs) : []),
		...(isListing ? [] : domains(old, now, pairs)),
		...(isListing ? [] : regions(old, now, pairs)),
	];
}

function settings(old: Host, now: Host): Change[] {
	const [was, is] = [old, now].map(({settings: {release}}) => release ?? 'unknown');
	const words = (host: Host) => host.settings.words;
	const gone = words(old).filter(word => !words(now).includes(word));
	const added = words(now).filter(word => !words(old).includes(word));
	return [
		...(was === is ? [] : [change('kernel', [], `Linux ${was} → ${is}`, was, is)]),
		...gone.map(word => change('boot words', [], `${word} is gone`, word, null)),
		...added.map(word => change('boot words', [], `${word} is new`, null, word)),
	];
}

const change = (
	kind: Change['kind'],
	about: readonly string[],
	text: string,
	was: string | null,
	is: string | null,
): Change => ({kind, about, text, was, is});

function units(old: readonly HostUnit[], now: readonly HostUnit[]): Change[] {
	const names = [...new Set([...old, ...now].map(({name}) => name))];
	return names.flatMap((name): Change[] => {
		const [before, after] = [old, now].map(all => all.find(unit => unit.name === name));
		if (before === undefined) return [change('units', [name], `${name} is new`, null, name)];
		if (after === undefined) return [change('units', [name], `${name} is gone`, name, null)];
		const abilities = ({vtd, amdvi}: HostUnit) => [...(vtd?.has ?? []), ...(amdvi?.has ?? [])];
		const lost = abilities(before).filter(each => !abilities(after).includes(each));
		const gained = abilities(after).filter(each => !abilities(before).includes(each));
		return [
			...lost.map(each => change('units', [name], `${name} no longer has ${each}`, each, null)),
			...gained.map(each => change('units', [name], `${name} now has ${each}`, null, each)),
		];
	});
}

type Pair = {old: HostDevice; now: HostDevice};

/** The same device in both: at the same address, or the only one of its kind that left one address and came to another. */
function pairDevices(old: readonly HostDevice[], now: readonly HostDevice[]): Pair[] {
	const isSame = (a: HostDevice, b: HostDevice) => a.id === b.id && a.ids === b.ids;
	const stayed = old.flatMap(before => {
		const after = now.find(each => isSame(before, each));
		return after === undefined ? [] : [{old: before, now: after}];
	});
	const left = old.filter(each => !stayed.some(pair => pair.old === each));
	const came = now.filter(each => !stayed.some(pair => pair.now === each));
	const moved = left.flatMap(before => {
		const alike = (all: readonly HostDevice[]) =>
			all.filter(each => each.ids !== undefined && each.ids === before.ids && fn(each) === fn(before));
		const [after, ...more] = alike(came);
		return after !== undefined && more.length === 0 && alike(left).length === 1
			? [{old: before, now: after}]
			: [];
	});
	return [...stayed, ...moved];
}

const fn = ({id}: HostDevice): string => id.slice(-1);
const words = ({id, kind, product}: HostDevice): string => `${shortId(id)} ${product ?? kind}`;

function devices(old: Host, now: Host, pairs: readonly Pair[]): Change[] {
	const gone = old.devices.filter(each => !pairs.some(pair => pair.old === each));
	const added = now.devices.filter(each => !pairs.some(pair => pair.now === each));
	return [
		...pairs
			.filter(pair => pair.old.id !== pair.now.id)
			.map(pair =>
				change(
					'devices',
					[pair.now.id],
					`${words(pair.old)} is now ${shortId(pair.now.id)}`,
					pair.old.id,
					pair.now.id,
				),
			),
		...gone.map(each => change('devices', [each.id], `${words(each)} is gone`, each.id, null)),
		...added.map(each => change('devices', [each.id], `${words(each)} is new`, null, each.id)),
	];
}

/** Numbers of groups differ from boot to boot: a group is the devices in it. */
function groups(old: Host, now: Host, pairs: readonly Pair[]): Change[] {
	const split = old.groups.flatMap(group => {
		const own = pairs.filter(pair => pair.old.group === group.number);
		const parts = [...Map.groupBy(own, pair => pair.now.group).values()];
		if (parts.length < 2) return [];
		return [
			grouping(
				'is split',
				own,
				[own.map(pair => pair.old)],
				parts.map(part => part.map(pair => pair.now)),
			),
		];
	});
	const joined = now.groups.flatMap(group => {
		const own = pairs.filter(pair => pair.now.group === group.number);
		const parts = [...Map.groupBy(own, pair => pair.old.group).values()];
		if (parts.length < 2) return [];
		return [
			grouping(
				'are joined',
				own,
				parts.map(part => part.map(pair => pair.old)),
				[own.map(pair => pair.now)],
			),
		];
	});
	return [...split, ...joined];
}

function grouping(
	verb: 'is split' | 'are joined',
	pairs: readonly Pair[],
	before: readonly (readonly HostDevice[])[],
	after: readonly (readonly HostDevice[])[],
): Change {
	const [was, is] = [before, after].map(all => all.map(setWords).join(' and '));
	const what = verb === 'is split' ? 'A group is split' : 'Groups are joined';
	return change(
		'groups',
		pairs.map(pair => pair.now.id),
		`${what}: ${was} → ${is}`,
		was,
		is,
	);
}

const setWords = (devices: readonly HostDevice[]): string =>
	`{${devices.map(({id}) => shortId(id)).join(' ')}${devices[0]?.group === undefined ? ', no group' : ''}}`;

function drivers(pairs: readonly Pair[]): Change[] {
	return pairs
		.filter(pair => pair.old.driver !== pair.now.driver)
		.map(pair => {
			const [was, is] = [pair.old, pair.now].map(({driver}) => driver ?? null);
			return change(
				'drivers',
				[pair.now.id],
				`${words(pair.now)}: ${was ?? 'no driver'} → ${is ?? 'no driver'}`,
				was,
				is,
			);
		});
}

const groupOf = ({groups}: Host, {group}: HostDevice): HostGroup | undefined =>
	groups.find(({number}) => number === group);

/** A new kernel's default concerns all devices: one line for each change. */
function domains(old: Host, now: Host, pairs: readonly Pair[]): Change[] {
	const changed = pairs.flatMap(pair => {
		const [was, is] = [groupOf(old, pair.old)?.type, groupOf(now, pair.now)?.type];
		return was === undefined || is === undefined || was === is ? [] : [{pair, was, is}];
	});
	return [...Map.groupBy(changed, ({was, is}) => `${was} → ${is}`)].map(([text, all]) => {
		const ids = all.map(({pair}) => pair.now.id);
		const some = ids.length > 6 ? plural(ids.length, 'device') : ids.map(shortId).join(', ');
		return change('default domains', ids, `${text}: ${some}`, all[0].was, all[0].is);
	});
}

function regions(old: Host, now: Host, pairs: readonly Pair[]): Change[] {
	const textsOf = (group: HostGroup | undefined) =>
		(group?.regions ?? []).map(({start, end, type}) => `${start}–${end} ${type}`);
	const changed = pairs.flatMap(pair => {
		const [before, after] = [textsOf(groupOf(old, pair.old)), textsOf(groupOf(now, pair.now))];
		return [
			...before.filter(text => !after.includes(text)).map(text => ({pair, text, gone: true})),
			...after.filter(text => !before.includes(text)).map(text => ({pair, text, gone: false})),
		];
	});
	return [...Map.groupBy(changed, ({text, gone}) => `${text} ${gone ? 'is gone' : 'is new'}`)].map(
		([text, all]) => {
			const ids = all.map(({pair}) => pair.now.id);
			const some = ids.length > 6 ? plural(ids.length, 'device') : ids.map(shortId).join(', ');
			const {text: region, gone} = all[0];
			return change('reserved regions', ids, `${text}: ${some}`, gone ? region : null, gone ? null : region);
		},
	);
}
