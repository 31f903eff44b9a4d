// Time, and the session as a file.

import {say, type Ui} from '../store.js';
import {goTo, goToTrouble, leaveThePast} from '../timeline.js';
import type {UiCommand} from './command.js';

const withHistory = ({machine}: Ui): string | undefined =>
	machine.lab?.history === undefined ? 'Nobody remembers what was done to this machine.' : undefined;
const done = (ui: Ui): string | undefined =>
	withHistory(ui) ?? (ui.machine.lab?.history?.entries.length ? undefined : 'Nothing has been done yet.');

const at = ({machine}: Ui): number => machine.lab?.history?.at ?? 0;

/** The name of the file is typed. */
const written = (expect: boolean): Pick<UiCommand, 'why' | 'run'> => ({
	why: done,
	run: store => {
		const {machine} = store.getState();
		if (machine.lab?.workload.running) say(store, 'The guests are at work; Space pauses them.', 'warn');
		else store.setState({prompt: {asks: expect ? 'expect' : 'file', text: 'session.yaml'}});
	},
});

export const timeCommands: readonly UiCommand[] = [
	{
		id: 'step-back',
		keys: ['['],
		shown: '[',
		label: 'back',
		description: 'One step back in time',
		group: 'Time',
		hint: 3,
		why: done,
		run: store => void goTo(store, at(store.getState()) - 1),
	},
	{
		id: 'step-forward',
		keys: [']'],
		shown: ']',
		label: 'forth',
		description: 'One step forward again; doing something else branches off',
		group: 'Time',
		hint: 2,
		why: done,
		run: store => void goTo(store, at(store.getState()) + 1),
	},
	{
		id: 'trouble-back',
		keys: ['{'],
		shown: '{',
		label: 'last loss',
		description: 'Back to the last loss, fault or refusal',
		group: 'Time',
		why: done,
		run: store => goToTrouble(store, -1),
	},
	{
		id: 'trouble-forward',
		keys: ['}'],
		shown: '}',
		label: 'next loss',
		description: 'Forward to the next loss, fault or refusal',
		group: 'Time',
		why: done,
		run: store => goToTrouble(store, 1),
	},
	{
		id: 'beginning',
		keys: ['('],
		shown: '(',
		label: 'beginning',
		description: 'Back to the beginning of the session',
		group: 'Time',
		why: done,
		run: store => void goTo(store, 0),
	},
	{
		id: 'now',
		keys: [')'],
		shown: ')',
		label: 'now',
		description: 'To the end of the session, and close the timeline',
		group: 'Time',
		why: done,
		run: leaveThePast,
	},
	{
		id: 'write',
		keys: ['w'],
		shown: 'w',
		label: 'write',
		description: 'Write the session as a scenario',
		group: 'Time',
		hint: 2,
		when: ({focus}) => focus !== 'compare',
		...written(false),
	},
	{
		id: 'write-expect',
		keys: ['W'],
		shown: 'W',
		label: 'write a test',
		description: 'The same, with what came out as expectations',
		group: 'Time',
		...written(true),
	},
];
