// The guests' own work, and the same under each policy.

import {POLICIES} from '../../machine/command.js';
import type {Comparable, Comparison} from '../../machine/workload.js';
import {messageOf, UserError} from '../../user-error.js';
import {commandWords} from '../command-words.js';
import {commandOf, commitDraft} from '../state/form.js';
import {type Store, say} from '../state/store.js';
import {changeRate, toggleWork} from '../state/traffic.js';
import {type UiCommand, withLab} from './command.js';

export const trafficCommands: readonly UiCommand[] = [
	{
		id: 'work',
		keys: ['space'],
		shown: 'Space',
		label: 'traffic',
		description: 'Start or pause reads by the guests',
		group: 'Lab',
		hint: 7,
		when: ({play}) => play === undefined,
		why: withLab,
		run: toggleWork,
	},
	{
		id: 'faster',
		keys: ['+', '='],
		shown: '+',
		label: 'faster',
		description: 'Raise the request rate',
		group: 'Lab',
		why: withLab,
		run: store => changeRate(store, 1),
	},
	{
		id: 'slower',
		keys: ['-'],
		shown: '-',
		label: 'slower',
		description: 'Lower the request rate',
		group: 'Lab',
		why: withLab,
		run: store => changeRate(store, -1),
	},
	{
		id: 'compare-form',
		keys: ['enter'],
		shown: '⏎',
		label: 'compare',
		description: 'Compare the form’s transfer under each policy',
		group: 'Lab',
		place: 'compare',
		hint: 10,
		when: ({focus}) => focus === 'compare',
		why: withLab,
		run: store => void compareForm(store),
	},
	{
		id: 'compare-work',
		keys: ['w'],
		shown: 'w',
		label: 'work',
		description: 'Compare 200 guest requests under each policy',
		group: 'Lab',
		hint: 9,
		place: 'compare',
		when: ({focus}) => focus === 'compare',
		why: withLab,
		run: store => void compare(store, {do: 'work', count: 200}, '200 requests by the guests'),
	},
];

/** The form's transfer under each policy. */
export async function compareForm(store: Store): Promise<void> {
	const {form, state} = store.getState();
	const command = commandOf(commitDraft(form), state.vms);
	if (typeof command === 'string') say(store, command, 'warn');
	else await compare(store, command, commandWords(command));
}

/** Policy by policy, each shown as soon as it is done. A later comparison takes its place. */
async function compare(store: Store, command: Comparable, what: string): Promise<void> {
	let results: readonly Comparison[] = [];
	const mine = () => store.getState().compared?.results === results;
	store.setState({compared: {command, what, results}});
	try {
		for (const one of store.getState().machine.lab?.compare(command) ?? []) {
			if (!mine()) return;
			results = [...results, one];
			store.setState({compared: {command, what, results}});
			const next = POLICIES[results.length];
			if (next !== undefined)
				say(store, `${what}: ${results.length} of ${POLICIES.length}, now ${next} …`, 'key');
			// For a frame, and for keys.
			await new Promise(resolve => setTimeout(resolve, FRAME_MS));
		}
		if (mine()) say(store, `${what}, under each policy.`, 'good');
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		store.setState({compared: undefined});
		say(store, messageOf(error), 'warn');
	}
}

/** Longer than the dashboard waits between two frames. */
const FRAME_MS = 80;
