// A command of the command line, as the table of commands has it.

import type {Print} from '../text/print.js';
import type {FlagName, Given} from './flags.js';

export type CliCommand = {
	/** Empty for the dashboard, which is what runs without a command. */
	name: string;
	/** Its arguments, as the help shows them. */
	takes?: string;
	/** Completes the error for missing arguments: "run needs …". */
	needs?: string;
	/** The possible values of an argument. */
	choices?: readonly string[];
	about: string;
	/** Further lines of its own help. */
	more?: readonly string[];
	/** Two command lines, and what each does. */
	examples: readonly (readonly [line: string, about: string])[];
	flags: readonly FlagName[];
	/** @returns the exit code @throws UserError */
	run: (words: readonly string[], given: Given, out: Print, err: Print) => Promise<number>;
};
