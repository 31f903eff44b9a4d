// The rows of a host's list of groups: one per device, since a group may have many; devices in no group come last.

import type {DeviceFacts, GroupFacts, HostFacts} from '../../machine/host.js';
import type {Key} from './list.js';
import {matchesWords} from './text-filter.js';

export type GroupRow = {group?: GroupFacts; device?: DeviceFacts; first: boolean};

export function groupRows({groups, alone}: HostFacts): readonly GroupRow[] {
	return [
		...groups.flatMap((group): GroupRow[] =>
			group.devices.length === 0
				? [{group, first: true}]
				: group.devices.map((device, i) => ({group, device, first: i === 0})),
		),
		...alone.map((device, i): GroupRow => ({device, first: i === 0})),
	];
}

/** The rows that a filter leaves; the first row of each group has its name. */
export function filteredGroupRows(rows: readonly GroupRow[], filter: string): readonly GroupRow[] {
	if (filter.trim() === '') return rows;
	const fits = matchesWords(filter);
	const left = rows.filter(row => fits(textOf(row)));
	return left.map((row, i) => ({...row, first: i === 0 || row.group !== left[i - 1]?.group}));
}

const textOf = ({group, device}: GroupRow): string =>
	[
		...(group === undefined ? ['no group'] : [`${group.number}`, group.brief, group.type]),
		...(device === undefined ? [] : [device.id, device.kind, device.product, device.whose]),
	].join(' ');

export const groupRowKey = ({group, device}: GroupRow): Key => `${group?.number} ${device?.id}`;

/** The key that lights a group up. */
export const groupKey = ({number}: GroupFacts): string => `group ${number}`;

/** Groups with another owner than before, or with other devices. */
export function changedGroups(before: HostFacts | undefined, now: HostFacts | undefined): Set<string> {
	if (before === now || before === undefined || now === undefined) return new Set();
	const known = new Map(before.groups.map(group => [group.number, JSON.stringify(group)]));
	return new Set(now.groups.filter(group => known.get(group.number) !== JSON.stringify(group)).map(groupKey));
}
