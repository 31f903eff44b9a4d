// Playing the scenarios that ship.

import {takeStep} from '../play.js';
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
		id: 'step',
		keys: ['.'],
		shown: '.',
		label: 'step',
		description: 'The next step of the scenario',
		group: 'Scenario',
		hint: 11,
		when: ({play}) => play !== undefined,
		run: takeStep,
	},
];
