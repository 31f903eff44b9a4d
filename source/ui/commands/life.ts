// The guests' own work, and the same under each policy.

import type {Comparable} from '../../seam/workload.js';
import {messageOf, UserError} from '../../user-error.js';
import {commandOf, commitDraft} from '../form.js';
import {changeRate, toggleWork} from '../life.js';
import {type Store, say} from '../store.js';
import {type UiCommand, withLab} from './command.js';

export const lifeCommands: readonly UiCommand[] = [
	{
		id: 'work',
		keys: ['space'],
		shown: 'Space',
		label: 'life',
		description: 'Guests read on their own, or pause',
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
		description: 'More requests a second',
		group: 'Lab',
		why: withLab,
		run: store => changeRate(store, 1),
	},
	{
		id: 'slower',
		keys: ['-'],
		shown: '-',
		label: 'slower',
		description: 'Fewer requests a second',
		group: 'Lab',
		why: withLab,
		run: store => changeRate(store, -1),
	},
	{
		id: 'compare-form',
		keys: ['enter'],
		shown: '⏎',
		label: 'compare',
		description: 'The form’s transfer under each policy',
		group: 'Lab',
		place: 'compare',
		hint: 10,
		when: ({focus}) => focus === 'compare',
		why: withLab,
		run: store => {
			const {form, state} = store.getState();
			const command = commandOf(commitDraft(form), state.vms);
			if (typeof command === 'string') say(store, command, 'warn');
			else compare(store, command, `${form.vm} ${form.op}, ${form.sectors} sectors in ${form.segments}`);
		},
	},
	{
		id: 'compare-work',
		keys: ['w'],
		shown: 'w',
		label: 'work',
		description: '200 requests of the guests under each policy',
		group: 'Lab',
		hint: 9,
		place: 'compare',
		when: ({focus}) => focus === 'compare',
		why: withLab,
		run: store => compare(store, {do: 'work', count: 200}, '200 requests of the guests'),
	},
];

function compare(store: Store, command: Comparable, what: string): void {
	try {
		const results = store.getState().machine.lab?.compare(command) ?? [];
		store.setState({compared: {what, results}});
		say(store, `${what}, under each policy.`, 'good');
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		say(store, messageOf(error), 'warn');
	}
}
