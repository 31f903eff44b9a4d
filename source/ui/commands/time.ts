// Time, and the session as a file.

import {say, type Ui} from '../state/store.js';
import {goTo, goToTrouble, leaveThePast} from '../state/time.js';
import {stopTravel} from '../state/travel.js';
import type {UiCommand} from './command.js';

const remembered = ({machine}: Ui): boolean => machine.lab?.history !== undefined;
const done = ({machine}: Ui): string | undefined =>
	machine.lab?.history?.length ? undefined : 'Nothing has been done yet.';

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
		id: 'stop',
		keys: ['escape'],
		shown: 'Esc',
		label: 'stop',
		description: 'Stop a long replay where it is',
		group: 'Time',
		hint: 13,
		place: 'travel',
		when: ({travel}) => travel !== undefined,
		run: stopTravel,
	},
	{
		id: 'step-back',
		keys: ['['],
		shown: '[',
		label: 'back',
		description: 'Step back in time',
		group: 'Time',
		hint: 3,
		when: remembered,
		why: done,
		run: store => goTo(store, at(store.getState()) - 1),
	},
	{
		id: 'step-forward',
		keys: [']'],
		shown: ']',
		label: 'forward',
		description: 'Step forward, or branch off',
		group: 'Time',
		hint: 2,
		when: remembered,
		why: done,
		run: store => goTo(store, at(store.getState()) + 1),
	},
	{
		id: 'trouble-back',
		keys: ['{'],
		shown: '{',
		label: 'last loss',
		description: 'Jump to the previous loss or fault',
		group: 'Time',
		when: remembered,
		why: done,
		run: store => goToTrouble(store, -1),
	},
	{
		id: 'trouble-forward',
		keys: ['}'],
		shown: '}',
		label: 'next loss',
		description: 'Jump to the next loss or fault',
		group: 'Time',
		when: remembered,
		why: done,
		run: store => goToTrouble(store, 1),
	},
	{
		id: 'beginning',
		keys: ['('],
		shown: '(',
		label: 'beginning',
		description: 'Jump to the beginning of the session',
		group: 'Time',
		when: remembered,
		why: done,
		run: store => goTo(store, 0),
	},
	{
		id: 'now',
		keys: [')'],
		shown: ')',
		label: 'now',
		description: 'Jump to now',
		group: 'Time',
		when: remembered,
		why: done,
		run: leaveThePast,
	},
	{
		id: 'write',
		keys: ['w'],
		shown: 'w',
		label: 'write',
		description: 'Save the session as a scenario',
		group: 'Time',
		hint: 2,
		when: ui => remembered(ui) && ui.focus !== 'compare',
		...written(false),
	},
	{
		id: 'write-expect',
		keys: ['W'],
		shown: 'W',
		label: 'write a test',
		description: 'Save the session as a test',
		group: 'Time',
		when: remembered,
		...written(true),
	},
	{
		id: 'undo-file',
		keys: ['u'],
		shown: 'u',
		label: 'save undo',
		description: 'Save the disk’s old blocks',
		group: 'Time',
		when: ({machine}) => machine.lab?.history?.hasUndo === true,
		run: store => store.setState({prompt: {asks: 'undo', text: 'undo.sh'}}),
	},
];
