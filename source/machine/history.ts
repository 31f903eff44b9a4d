// What has been done to a machine, and the way back: plain data, and where in time the machine is.

import type {Command} from './command.js';
import type {Data} from './observed.js';

/** A step of the session. */
export type Entry = {
	command: Command;
	/** The command in a few words, and what became of it. */
	text: string;
	report: string;
	data?: Data;
	faults: number;
	/** Something was lost, refused or failed. */
	trouble: boolean;
	/** The transfer that it was, by its number. */
	transfer?: number;
	/** For an audience. */
	note?: string;
};

export interface History {
	readonly entries: readonly Entry[];
	/** How many of them have been done on the machine as it is now. What is done next takes the place of the rest. */
	readonly at: number;
	/**
	 * Takes the machine to where it was after `at` steps.
	 * @returns a sentence where a step came out otherwise than before: the disk is another's, too
	 * @throws UserError where the disk cannot be put back
	 */
	go(at: number): string | undefined;
	/**
	 * Writes the session up to now as a scenario into a file that there is not yet; `expect`: with its outcomes as
	 * expectations. @throws UserError
	 */
	write(file: string, expect: boolean): void;
}
