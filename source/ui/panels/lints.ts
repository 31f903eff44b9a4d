// What is wrong on this machine, the worst first; and the chosen warning with its cause and its cure.

import type {HostWords} from '../../seam/host-words.js';
import {type Lint, lintsOf} from '../../seam/lints.js';
import type {MachineState} from '../../seam/observed.js';
import {type Content, fixed, list} from '../content.js';
import {type Row, wrap} from '../rows.js';
import type {Ui} from '../store.js';
import type {Tone} from '../theme.js';

const SIGNS: Record<Lint['severity'], readonly [string, Tone]> = {
	error: ['✗', 'bad'],
	warning: ['!', 'warn'],
	note: ['·', 'dim'],
};

const latest = new WeakMap<MachineState, readonly Lint[]>();

/** Anew only when the machine has changed. */
export function lintsShown({machine, state, views}: Ui): readonly Lint[] {
	const known = latest.get(state);
	if (known) return known;
	const found = state.host
		? hostLints(state.host)
		: lintsOf(machine.memory, state, views, machine.lab?.cachedPages());
	latest.set(state, found);
	return found;
}

/** What a host hides is worth a note. */
const hostLints = ({warnings, notSeen}: HostWords): Lint[] => [
	...warnings,
	...notSeen.map(
		({what, how}): Lint => ({
			id: what,
			severity: 'note',
			title: `Not seen from here: ${what}`,
			cause: '',
			cure: how,
			about: [],
		}),
	),
];

export function lintsPanel(ui: Ui): Content {
	const lints = lintsShown(ui);
	if (lints.length === 0)
		return fixed('LINTS', [[[' ✓ Nothing is wrong that can be seen from here.', 'good']]]);
	return {
		...list(
			`LINTS ─ ${lints.length}`,
			lints.map(({severity, title}): Row => [' ', SIGNS[severity], ` ${title}`]),
		),
		selects: true,
	};
}

export function lintPanel(ui: Ui, width: number): Content {
	const lint = lintsShown(ui)[ui.places.lints?.cursor ?? 0];
	if (lint === undefined) return fixed('WHY', []);
	const prose = (text: string): Row[] => wrap(text, width - 4).map(line => [`   ${line.trim()}`]);
	return list('WHY, AND WHAT TO DO', [
		[' ', SIGNS[lint.severity], [` ${lint.title}`, 'title']],
		...(lint.cause === '' ? [] : [[[' cause', 'dim']] as Row, ...prose(lint.cause)]),
		[[' cure', 'dim']],
		...prose(lint.cure),
	]);
}
