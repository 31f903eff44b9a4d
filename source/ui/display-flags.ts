// Flags of the command line that say how the dashboard looks. They are read without it too: what is wrong in them is
// said in a pipe as well.

import {didYouMean} from '../did-you-mean.js';
import type {Environment} from '../text/terminal.js';
import {THEMES, type ThemeName} from '../text/tones.js';
import {UserError} from '../user-error.js';
import {commands} from './commands/index.js';
import {type Config, loadConfig} from './config.js';

/** What was not given is as the config file says, or as the terminal suggests. */
export type DisplayFlags = {
	theme?: string;
	ascii?: boolean;
	mouse?: boolean;
	large?: boolean;
	config?: string;
	/** The file that a recording goes into. */
	cast?: string;
};

/** @throws UserError where a flag or the config file is wrong */
export function readDisplay(flags: DisplayFlags, env: Environment): {theme?: ThemeName; config: Config} {
	const theme = THEMES.find(name => name === flags.theme);
	if (flags.theme !== undefined && theme === undefined) {
		const near = didYouMean(flags.theme, THEMES);
		throw new UserError(`--theme ${flags.theme} is none; it may be ${THEMES.join(', ')}.${near}`);
	}
	return {theme, config: loadConfig(flags.config, env, commands)};
}
