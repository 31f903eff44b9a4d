// The options that say how the dashboard looks. They are checked in a pipe too, where there is no dashboard.

import {chosen} from '../did-you-mean.js';
import type {Environment} from '../text/terminal.js';
import {THEMES, type ThemeName} from '../text/tones.js';
import {commands} from './commands/index.js';
import {type Config, loadConfig} from './config.js';

/** Options that are not given come from the config file, or from what the terminal suggests. */
export type DisplayFlags = {
	theme?: string;
	ascii?: boolean;
	mouse?: boolean;
	motion?: boolean;
	large?: boolean;
	config?: string;
	/** The file to record into. */
	cast?: string;
};

/** @throws UserError if an option or the config file is wrong */
export function readDisplay(flags: DisplayFlags, env: Environment): {theme?: ThemeName; config: Config} {
	const theme = chosen('theme', flags.theme, THEMES);
	return {theme, config: loadConfig(flags.config, env, commands)};
}
