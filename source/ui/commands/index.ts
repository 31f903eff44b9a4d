// The one table of commands: keys, footer, help, palette and the readme's table of keys are made from it.

import {type Config, withKeys} from '../config.js';
import {isReading, type Ui} from '../state/store.js';
import {appCommands} from './app.js';
import type {UiCommand} from './command.js';
import {displayCommands} from './display.js';
import {formCommands} from './form.js';
import {labCommands} from './lab.js';
import {mapCommands} from './map.js';
import {scenarioCommands, talkCommands} from './scenario.js';
import {tableCommands} from './table.js';
import {timeCommands} from './time.js';
import {trafficCommands} from './traffic.js';

export let commands: readonly UiCommand[] = [
	...talkCommands,
	...labCommands,
	...formCommands,
	...trafficCommands,
	...scenarioCommands,
	...timeCommands,
	...tableCommands,
	...mapCommands,
	...displayCommands,
	...appCommands,
];

/** Gives commands the keys that a user has chosen for them. */
export function chooseKeys(keys: Config['keys']): void {
	commands = withKeys(commands, {keys});
}

const inHelp = [
	'help',
	'back',
	'redraw',
	'suspend',
	'quit',
	'up',
	'down',
	'page-up',
	'page-down',
	'top',
	'bottom',
];
const whenTooSmall = ['redraw', 'suspend', 'quit'];
const whileTravelling = [...whenTooSmall, 'stop'];

/** Whether a command means anything where the dashboard is now. */
export function isAvailable({id, when}: UiCommand, ui: Ui, large: boolean, opens: boolean): boolean {
	if (ui.travel !== undefined) return whileTravelling.includes(id);
	if (!large) return whenTooSmall.includes(id);
	return isReading(ui) ? inHelp.includes(id) : (when?.(ui, opens) ?? true);
}
