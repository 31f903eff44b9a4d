// Playing the scenarios that ship.

import {startScenario, stepBack, takeStep} from '../state/play.js';
import {focusOn, show} from '../state/store.js';
import {type UiCommand, withLab} from './command.js';

/** A clicker sends the keys of pages. They come first: while a talk is given, pages of panels have to wait. */
export const talkCommands: readonly UiCommand[] = [
	{
		id: 'next',
		keys: ['space', 'pagedown'],
		shown: 'Space',
		label: 'next',
		description: 'Next step of a talk; or PgDn',
		group: 'Scenario',
		hint: 13,
		place: 'talk',
		when: ({play}) => play?.presented === true,
		run: takeStep,
	},
	{
		id: 'previous',
		keys: ['backspace', 'pageup'],
		shown: '⌫',
		label: 'previous',
		description: 'Previous step of a talk; or PgUp',
		group: 'Scenario',
		hint: 12,
		place: 'talk',
		when: ({play}) => play?.presented === true,
		run: stepBack,
	},
];

export const scenarioCommands: readonly UiCommand[] = [
	{
		id: 'scenarios',
		keys: ['o'],
		shown: 'o',
		label: 'scenarios',
		description: 'List the scenarios; ⏎ starts one',
		group: 'Scenario',
		hint: 4,
		when: ({play}) => play?.presented !== true,
		why: withLab,
		run: store => {
			show(store, 'overview');
			store.setState(({places}) => ({play: undefined, places: {...places, scenario: {top: 0, cursor: 0}}}));
			focusOn(store, 'scenario');
		},
	},
	{
		id: 'tour',
		keys: ['t'],
		shown: 't',
		label: 'tour',
		description: 'Play the story of PR 260178 in two minutes',
		group: 'Scenario',
		hint: 6,
		when: ({play}) => play === undefined,
		why: withLab,
		run: store => startScenario(store, 'tour'),
	},
	{
		id: 'step',
		keys: ['.', 'space'],
		shown: '.',
		label: 'step',
		description: 'Play the next step of the scenario',
		group: 'Scenario',
		hint: 11,
		when: ({play}) => play !== undefined,
		run: takeStep,
	},
	{
		id: 'unstep',
		keys: [','],
		shown: ',',
		label: 'undo',
		description: 'Undo the last step of the scenario',
		group: 'Scenario',
		hint: 3,
		when: ({play}) => play !== undefined && play.taken.length > 0,
		run: stepBack,
	},
];
