// Playing the scenarios that ship.

import {startScenario, takeStep} from '../play.js';
import {focusOn, show} from '../store.js';
import {type UiCommand, withLab} from './command.js';

export const scenarioCommands: readonly UiCommand[] = [
	{
		id: 'scenarios',
		keys: ['o'],
		shown: 'o',
		label: 'scenarios',
		description: 'Scenarios to play; ⏎ starts the chosen one',
		group: 'Scenario',
		hint: 4,
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
		description: 'The story of PR 260178, step by step, in two minutes',
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
		description: 'The next step of the scenario',
		group: 'Scenario',
		hint: 11,
		when: ({play}) => play !== undefined,
		run: takeStep,
	},
];
