// What is wrong on this machine, worst first; and the chosen finding with its cause and its cure.

import type {BoxProps} from 'ink';
import {memo, useCallback, useMemo, useState} from 'react';
import {reachOfDevice} from '../../explain/device-reach.js';
import {diagnose} from '../../explain/diagnosis.js';
import {type DomainView, ownerAt} from '../../explain/ranges.js';
import {hex} from '../../formats/address.js';
import type {Finding} from '../../machine/finding.js';
import type {HostFacts} from '../../machine/host.js';
import type {MachineState} from '../../machine/observed.js';
import type {PhysicalReader} from '../../machine/tables.js';
import type {Row} from '../../text/rows.js';
import type {Tone} from '../../text/tones.js';
import {plural} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useParts, useStore, useUi} from '../hooks/use-ui.js';
import {chosenOf} from '../state/list.js';
import {focusOn, holds, type Ui} from '../state/store.js';
import {Line} from './line.js';
import {ListPanel} from './list-panel.js';
import {Panel} from './panel.js';
import {Labelled, Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

const SIGNS: Record<Finding['severity'], readonly [string, Tone]> = {
	error: ['✗', 'bad'],
	warning: ['!', 'warn'],
	note: ['·', 'dim'],
};

const keyOf = ({id}: Finding): string => id;

/** The findings, computed while a component shows them and something changed. */
export function useFindings(): readonly Finding[] {
	const [select] = useState(findingsSelector);
	return useUi(select);
}

/** Findings that read as before are the same object: nothing is drawn for them. */
function findingsSelector(): (ui: Ui) => readonly Finding[] {
	let seen: Pick<Ui, 'state' | 'views'> | undefined;
	let findings: readonly Finding[] = [];
	return ({machine, state, views}) => {
		if (state === seen?.state && views === seen.views) return findings;
		seen = {state, views};
		const now = state.host
			? hostFindings(state.host)
			: diagnose(machine.memory, state, views, machine.lab?.cachedPages());
		if (JSON.stringify(now) !== JSON.stringify(findings)) findings = now;
		return findings;
	};
}

/** What a host hides is worth a note. */
const hostFindings = ({warnings, notSeen}: HostFacts): Finding[] => [
	...warnings,
	...notSeen.map(
		({what, how}): Finding => ({
			id: what,
			severity: 'note',
			title: `Not seen from here: ${what}`,
			cause: '',
			cure: how,
			about: [],
		}),
	),
];

export const DiagnosisPanel = memo(function DiagnosisPanel(layout: BoxProps) {
	const store = useStore();
	const size = useMeasured();
	const findings = useFindings();
	const list = useMemo(
		() => ({
			title: `DIAGNOSIS ─ ${findings.length}`,
			head: [],
			count: findings.length,
			row: (index: number): Row => {
				const {severity, title} = findings[index];
				return [' ', SIGNS[severity], ` ${title}`];
			},
			key: (index: number) => keyOf(findings[index]),
			selects: true,
		}),
		[findings],
	);
	const enter = useCallback(() => focusOn(store, 'finding'), [store]);
	if (findings.length === 0)
		return (
			<Panel id="diagnosis" title="DIAGNOSIS" inside={size.ref} {...layout}>
				<Line row={[[' ✓ No problems found.', 'good']]} />
			</Panel>
		);
	return <ListPanel id="diagnosis" list={list} size={size} enter={enter} {...layout} />;
});

export const FindingPanel = memo(function FindingPanel(layout: BoxProps) {
	const findings = useFindings();
	const finding = useUi(({places}) => chosenOf(findings, keyOf, places.diagnosis));
	return (
		<ScrollPanel id="finding" title="CAUSE AND CURE" about={finding && keyOf(finding)} {...layout}>
			{finding ? (
				<>
					<Prose tone={finding.severity === 'note' ? 'title' : SIGNS[finding.severity][1]}>
						{`${SIGNS[finding.severity][0]} ${finding.title}`}
					</Prose>
					{finding.cause === '' ? null : <Labelled label="cause" width={7} texts={[finding.cause]} />}
					<Labelled label="cure" width={7} texts={[finding.cure]} />
					<About finding={finding} />
				</>
			) : null}
		</ScrollPanel>
	);
});

/** What the finding names, as it is now: guests, devices, groups and addresses. */
function About({finding: {about}}: {readonly finding: Finding}) {
	const {memory, state, views} = useParts(({machine, kind, state, tables, views}) => ({
		...{memory: machine.memory, state: kind === 'host' ? state : tables, views},
	}));
	const texts = useMemo(
		() => about.flatMap(name => nowWords(name, memory, state, views) ?? []),
		[about, memory, state, views],
	);
	return texts.length === 0 ? null : <Labelled label="now" width={7} tone="dim" texts={texts} />;
}

function nowWords(
	name: string | number,
	memory: PhysicalReader,
	state: MachineState,
	views: readonly DomainView[],
): string | undefined {
	const {host, vms, devices, owned} = state;
	if (host !== undefined) {
		const group = host.groups.find(({number}) => number === name);
		return group && `group ${group.number}: ${group.devices.map(({id, kind}) => `${id} ${kind}`).join(', ')}`;
	}
	if (typeof name === 'number') return `${hex(name)}: ${ownerAt(owned, name)}${hostWords(name, views)}`;
	const device = devices.find(each => each.name === name);
	if (device) return reachOfDevice(memory, state, views, device).sentence;
	const vm = vms.find(each => each.name === name);
	const parts = vm && [plural(vm.pages, 'page'), vm.wired ? 'wired' : 'not wired', ...vm.passthru];
	return parts && `${name}: ${[...parts, `${vm.model} on ${vm.disk}`].join(', ')}`;
}

function hostWords(address: number, views: readonly DomainView[]): string {
	const host = views.find(({domain}) => domain.role === 'host');
	if (host === undefined) return '';
	const range = host.ranges.find(each => holds(each, address));
	return range?.read || range?.write ? ', in the host domain' : ', not in the host domain';
}
