// A command of the command line, as the table of commands has it.

import type {Print} from '../print.js';
import type {FlagName, Given} from './flags.js';

export type CliCommand = {
	/** Empty: where no command is named. */
	name: string;
	/** The words after it, as the help shows them. */
	takes?: string;
	/** The words that there may be after it. */
	choices?: readonly string[];
	/** What to say where they are missing. */
	wants?: string;
	about: string;
	/** What only its own help says. */
	more?: readonly string[];
	flags: readonly FlagName[];
	/** @returns the exit code @throws UserError */
	run: (words: readonly string[], given: Given, out: Print, err: Print) => Promise<number>;
};
