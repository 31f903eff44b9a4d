// The session's steps, and where in them the machine is.

import type {Command} from './command.js';
import type {Data} from './transfer.js';

/** A step of the session. */
export type Entry = {
	command: Command;
	/** The command in a few words. */
	text: string;
	/** Its outcome in a few words. */
	report: string;
	data?: Data;
	faults: number;
	/** Something was lost, refused or failed. */
	trouble: boolean;
	/** The transfer's number, if the step was one. */
	transfer?: number;
	/** A remark for the audience. */
	note?: string;
};

export interface History {
	readonly entries: readonly Entry[];
	/** How many entries the machine has now executed. The next command replaces those after them. */
	readonly at: number;
	/**
	 * Returns the machine to its state after `at` steps.
	 * @returns a sentence if a step gave a different result this time: others write to the disk too
	 * @throws UserError if the disk cannot be restored
	 */
	go(at: number): string | undefined;
	/** Writes the session so far to a new scenario file; with `expect`, its outcomes become expectations. @throws UserError */
	write(file: string, expect: boolean): void;
}
