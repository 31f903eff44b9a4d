// What is wrong on this machine, the worst first; and the chosen warning with its cause and its cure.

import {diagnose, type Finding} from '../../explain/diagnosis.js';
import type {HostFacts} from '../../machine/host.js';
import type {MachineState} from '../../machine/observed.js';
import {type Content, fixed, list} from '../content.js';
import {type Row, wrap} from '../rows.js';
import type {Ui} from '../store.js';
import type {Tone} from '../theme.js';

const SIGNS: Record<Finding['severity'], readonly [string, Tone]> = {
	error: ['✗', 'bad'],
	warning: ['!', 'warn'],
	note: ['·', 'dim'],
};

const latest = new WeakMap<MachineState, readonly Finding[]>();

/** Anew only when the machine has changed. */
export function findingsShown({machine, state, views}: Ui): readonly Finding[] {
	const known = latest.get(state);
	if (known) return known;
	const found = state.host
		? hostFindings(state.host)
		: diagnose(machine.memory, state, views, machine.lab?.cachedPages());
	latest.set(state, found);
	return found;
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

export function diagnosisPanel(ui: Ui): Content {
	const findings = findingsShown(ui);
	if (findings.length === 0)
		return fixed('LINTS', [[[' ✓ Nothing is wrong that can be seen from here.', 'good']]]);
	return {
		...list(
			`LINTS ─ ${findings.length}`,
			findings.map(({severity, title}): Row => [' ', SIGNS[severity], ` ${title}`]),
		),
		selects: true,
	};
}

export function findingPanel(ui: Ui, width: number): Content {
	const finding = findingsShown(ui)[ui.places.diagnosis?.cursor ?? 0];
	if (finding === undefined) return fixed('WHY', []);
	const prose = (text: string): Row[] => wrap(text, width - 4).map(line => [`   ${line.trim()}`]);
	return list('WHY, AND WHAT TO DO', [
		[' ', SIGNS[finding.severity], [` ${finding.title}`, 'title']],
		...(finding.cause === '' ? [] : [[[' cause', 'dim']] as Row, ...prose(finding.cause)]),
		[[' cure', 'dim']],
		...prose(finding.cure),
	]);
}
