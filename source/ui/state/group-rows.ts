// The rows of a host's list of groups: one a device, since a group may have many; those in no group come last.

import type {DeviceFacts, GroupFacts, HostFacts} from '../../machine/host.js';
import type {Ui} from './store.js';
import {filterOf, matchesWords} from './text-filter.js';

export type GroupRow = {group?: GroupFacts; device?: DeviceFacts; first: boolean};

const latest = new WeakMap<HostFacts, readonly GroupRow[]>();

export function groupRows(host: HostFacts): readonly GroupRow[] {
	const known = latest.get(host);
	if (known) return known;
	const rows = [
		...host.groups.flatMap((group): GroupRow[] =>
			group.devices.length === 0
				? [{group, first: true}]
				: group.devices.map((device, i) => ({group, device, first: i === 0})),
		),
		...host.alone.map((device, i): GroupRow => ({device, first: i === 0})),
	];
	latest.set(host, rows);
	return rows;
}

/** Those that the filter leaves; the first of each group has its name. */
export function groupRowsShown(ui: Ui): readonly GroupRow[] {
	const {host} = ui.state;
	if (host === undefined) return [];
	const filter = filterOf(ui, 'groups');
	const rows = groupRows(host);
	if (filter.trim() === '') return rows;
	const fits = matchesWords(filter);
	const left = rows.filter(row => fits(textOf(row)));
	return left.map((row, i) => ({...row, first: row.group !== left[i - 1]?.group || i === 0}));
}

const textOf = ({group, device}: GroupRow): string =>
	[
		...(group === undefined ? ['no group'] : [`${group.number}`, group.brief, group.type]),
		...(device === undefined ? [] : [device.id, device.kind, device.product, device.whose]),
	].join(' ');

export const groupKey = ({number}: GroupFacts): string => `group ${number}`;

/** Groups that another has now, or whose devices are others. */
export function changedGroups(before: HostFacts | undefined, now: HostFacts | undefined): Set<string> {
	if (before === now || before === undefined || now === undefined) return new Set();
	const known = new Map(before.groups.map(group => [group.number, JSON.stringify(group)]));
	return new Set(now.groups.filter(group => known.get(group.number) !== JSON.stringify(group)).map(groupKey));
}
