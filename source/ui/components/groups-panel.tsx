// A host's IOMMU groups with their owners; and the chosen one with its devices.

import type {BoxProps} from 'ink';
import {memo, useCallback, useMemo} from 'react';
import type {DeviceFacts, GroupFacts, HostFacts} from '../../machine/host.js';
import type {Row} from '../../text/rows.js';
import {fit, widthOf} from '../../text/width.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {filteredGroupRows, type GroupRow, groupKey, groupRowKey, groupRows} from '../state/group-rows.js';
import {chosenOf} from '../state/list.js';
import {focusOn} from '../state/store.js';
import {filterOf, filterRows} from '../state/text-filter.js';
import {ListPanel} from './list-panel.js';
import {Panel} from './panel.js';
import {Gap, Labelled, Paragraphs, Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

/** The widest column of owners. */
const OWNER = 16;

export const GroupsPanel = memo(function GroupsPanel(layout: BoxProps) {
	const host = useUi(({state}) => state.host);
	if (host === undefined) return <Panel id="groups" title="GROUPS" {...layout} />;
	if (host.groups.length === 0) return <WithoutGroups host={host} {...layout} />;
	return <Groups host={host} {...layout} />;
});

type HostProps = BoxProps & {readonly host: HostFacts};

/** All rows, and those that the filter leaves. */
function useGroupRows(host: HostFacts) {
	const filter = useUi(ui => filterOf(ui, 'groups'));
	return useMemo(() => {
		const all = groupRows(host);
		return {all, filter, rows: filteredGroupRows(all, filter)};
	}, [host, filter]);
}

function Groups({host, ...layout}: HostProps) {
	const store = useStore();
	const size = useMeasured();
	const changed = useUi(ui => ui.changed);
	const {all, rows, filter} = useGroupRows(host);
	const list = useMemo(() => {
		const {groups} = host;
		const owner = Math.min(OWNER, Math.max(5, ...groups.map(({brief}) => widthOf(brief))));
		return {
			title: `GROUPS ─ ${groups.length}`,
			head: filterRows(filter, rows.length, all.length),
			count: rows.length,
			row: (index: number) => rowOf(rows[index], owner),
			lit: (index: number) => {
				const {group} = rows[index];
				return group !== undefined && changed.has(groupKey(group));
			},
			key: (index: number) => groupRowKey(rows[index]),
			selects: true,
		};
	}, [host, all, rows, filter, changed]);
	const enter = useCallback(() => focusOn(store, 'group'), [store]);
	return <ListPanel id="groups" list={list} size={size} enter={enter} {...layout} />;
}

function rowOf({group, device, first}: GroupRow, owner: number): Row {
	const number = group === undefined ? '–' : `${group.number}`;
	const brief = fit(first ? (group?.brief ?? 'no group') : '', owner);
	return [
		(first ? number : '').padStart(4),
		'  ',
		[brief, group?.tone ?? 'warn'],
		'  ',
		...(device ? deviceSpans(device) : ([['no device', 'dim']] satisfies Row)),
	];
}

const deviceSpans = ({id, kind, product, whose}: DeviceFacts): Row => [
	[id, 'key'],
	` ${kind}`,
	whose === undefined ? '' : ` · ${whose}`,
	[product ? `  ${product}` : '', 'dim'],
];

function WithoutGroups({host, ...layout}: HostProps) {
	return (
		<ScrollPanel id="groups" title="GROUPS ─ none" {...layout}>
			<Prose tone="warn">The kernel has made no groups: no IOMMU isolates devices.</Prose>
			{host.notSeen.slice(0, 3).map(({what, how}) => (
				<Gap key={what} what={what} how={how} />
			))}
		</ScrollPanel>
	);
}

export const GroupPanel = memo(function GroupPanel(layout: BoxProps) {
	const host = useUi(({state}) => state.host);
	if (host === undefined) return <Panel id="group" title="GROUP" {...layout} />;
	return <ChosenGroup host={host} {...layout} />;
});

function ChosenGroup({host, ...layout}: HostProps) {
	const {rows} = useGroupRows(host);
	const row = useUi(({places}) => chosenOf(rows, groupRowKey, places.groups));
	if (row === undefined) return <Panel id="group" title="GROUP" {...layout} />;
	if (row.group) return <Group group={row.group} host={host} {...layout} />;
	return (
		<ScrollPanel id="group" title="IN NO GROUP ─ no IOMMU translates them" about="none" {...layout}>
			<Devices devices={host.alone} />
		</ScrollPanel>
	);
}

function Group({group, host, ...layout}: HostProps & {readonly group: GroupFacts}) {
	const {number, verdict, tone, also, type, devices, reserved} = group;
	const about = host.warnings.filter(
		({about}) => about.includes(number) || devices.some(({id}) => about.some(each => `${each}`.endsWith(id))),
	);
	return (
		<ScrollPanel id="group" title={`GROUP ${number}`} about={number} {...layout}>
			<Prose tone={tone}>{capital(verdict)}</Prose>
			<Paragraphs texts={also.map(owner => `also ${owner}`)} />
			<Paragraphs tone="warn" texts={about.map(({title}) => `! ${title} (8)`)} />
			<Prose tone="dim">{`default domain ${type}${meaning(type)}`}</Prose>
			<Devices devices={devices} />
			{reserved.length > 0 ? <Labelled label="reserved" width={9} tone="dim" texts={reserved} /> : null}
		</ScrollPanel>
	);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What a default domain's type means (Documentation/ABI/testing/sysfs-kernel-iommu_groups). */
function meaning(type: string): string {
	const words: Record<string, string | undefined> = {
		DMA: ': each mapping is made, and undone at once',
		'DMA-FQ': ': translated; what is unmapped stays reachable for a moment',
		identity: ': not translated; all memory is reachable',
		auto: ': the kernel chooses',
	};
	return words[type] ?? '';
}

function Devices({devices}: {readonly devices: readonly DeviceFacts[]}) {
	return (
		<>
			{devices.map(({id, kind, product, whose}) => (
				<Labelled
					key={id}
					label={id}
					labelTone="key"
					width={Math.max(9, id.length + 2)}
					texts={[[product === undefined ? kind : `${kind}, ${product}`, whose].filter(Boolean).join(' · ')]}
				/>
			))}
		</>
	);
}
