// A host's IOMMU groups, whose each is or could be; and the chosen one with its devices.

import type {DeviceFacts, HostFacts} from '../../machine/host.js';
import {fit, type Row, widthOf, wrap} from '../rows.js';
import {groupKey, groupRows, groupRowsShown} from '../state/group-rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';
import {filterOf, filterRows} from '../state/text-filter.js';

const WORDS = 16;

export function groupsPanel(ui: Ui, width: number): List {
	const {changed} = ui;
	const {host} = ui.state;
	if (host === undefined) return list('GROUPS', []);
	const {groups} = host;
	if (groups.length === 0) return withoutGroups(host, width);
	const rows = groupRowsShown(ui);
	const words = Math.min(WORDS, Math.max(5, ...groups.map(({brief}) => widthOf(brief))));
	return {
		title: `GROUPS ─ ${groups.length}`,
		head: filterRows(filterOf(ui, 'groups'), rows.length, groupRows(host).length),
		count: rows.length,
		row: index => {
			const {group, device, first} = rows[index];
			const name = group === undefined ? '–' : `${group.number}`;
			const brief = fit(first ? (group?.brief ?? 'no group') : '', words);
			return [
				`${first ? name : ''}`.padStart(4),
				'  ',
				[brief, group?.tone ?? 'warn'],
				'  ',
				...deviceSpans(device),
			];
		},
		lit: index => {
			const {group} = rows[index];
			return group !== undefined && changed.has(groupKey(group));
		},
		selects: true,
	};
}

function deviceSpans(device: DeviceFacts | undefined): Row {
	if (device === undefined) return [['no device', 'dim']];
	const {id, kind, product, whose} = device;
	return [
		[id, 'key'],
		` ${kind}`,
		whose === undefined ? '' : ` · ${whose}`,
		[product ? `  ${product}` : '', 'dim'],
	];
}

function withoutGroups({notSeen}: HostFacts, width: number): List {
	const prose = (text: string, row: (line: string) => Row): Row[] =>
		wrap(text, width - 2).map(line => row(` ${line.trim()}`));
	return list('GROUPS ─ none', [
		...prose('The kernel has made none: no IOMMU holds devices apart.', line => [[line, 'warn']]),
		...notSeen
			.slice(0, 3)
			.flatMap(({what, how}) => [
				...prose(what, line => [line]),
				...prose(how, line => [[`  ${line}`, 'dim']]),
			]),
	]);
}

export function groupPanel(ui: Ui, width: number): List {
	const {host} = ui.state;
	if (host === undefined) return list('GROUP', []);
	const row = groupRowsShown(ui)[ui.places.groups?.cursor ?? 0];
	if (row === undefined && filterOf(ui, 'groups') !== '') return list('GROUP', []);
	const group = row?.group;
	if (group === undefined)
		return list(
			'IN NO GROUP ─ no IOMMU translates them',
			host.alone.flatMap(device => deviceRows(device, width)),
		);
	const prose = (text: string, further: (line: string) => Row): Row[] =>
		wrap(text, width - 2).map(line => further(` ${line.trim()}`));
	const about = host.warnings.filter(
		({about}) =>
			about.includes(group.number) ||
			group.devices.some(({id}) => about.some(each => `${each}`.endsWith(id))),
	);
	return list(`GROUP ${group.number}`, [
		...prose(capital(group.verdict), line => [[line, group.tone]]),
		...group.also.flatMap(owner => prose(`also ${owner}`, line => [line])),
		...prose(`default domain ${group.type}${meaning(group.type)}`, line => [[line, 'dim']]),
		...group.devices.flatMap(device => deviceRows(device, width)),
		...about.flatMap(({title}) => prose(`! ${title} (8)`, line => [[line, 'warn']])),
		...(group.reserved.length > 0 ? [[[' reserved', 'dim']] as Row] : []),
		...group.reserved.flatMap(text => prose(text, line => [[`  ${line}`, 'dim']])),
	]);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What the type of a default domain means (Documentation/ABI/testing/sysfs-kernel-iommu_groups). */
const meaning = (type: string): string => {
	const words: Record<string, string | undefined> = {
		DMA: ': each mapping is made and undone, at once',
		'DMA-FQ': ': translated; what is unmapped can be reached for a moment more',
		identity: ': not translated, all memory can be reached',
		auto: ': the kernel chooses',
	};
	return words[type] ?? '';
};

function deviceRows({id, kind, product, whose}: DeviceFacts, width: number): Row[] {
	const what = product === undefined ? kind : `${kind}, ${product}`;
	const text = whose === undefined ? what : `${what} · ${whose}`;
	const [first, ...more] = wrap(text, Math.max(12, width - id.length - 4));
	return [
		[' ', [id, 'key'], `  ${first}`],
		...more.map((line): Row => [`${' '.repeat(id.length + 3)}${line.trim()}`]),
	];
}
