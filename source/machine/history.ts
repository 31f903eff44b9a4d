// The session's steps, and where in them the machine is.

import type {Command} from './command.js';
import type {Step} from './scenario.js';
import type {Data} from './transfer.js';

/** A step of the session. */
export type Entry = {
	/** Of this step alone: another that takes its place has another. */
	id: number;
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

/** How far a travel is: blocks of the disk that are put back, then steps. */
export type Progress = {doing: 'disk' | 'steps'; at: number; of: number};
/**
 * The way to another step, a little at a time; between two pieces with `doing: 'steps'` it may be given up.
 * @returns a sentence where a step came out otherwise than before: the disk is another's, too
 * @throws UserError where the disk cannot be put back; the next travel tries that again
 */
export type Travel = Generator<Progress, string | undefined, void>;

/** A disk that is being put back and holds neither what it did nor what it is to hold. Nothing can be done meanwhile. */
export type Unsettled = {
	blocks: number;
	/** Of them, how many hold by now what they are to. */
	done: number;
	/** Why it went no further, and the file that what they held was saved to, or why it could not be. */
	problem?: string;
	file?: string;
	unsaved?: string;
};

export interface History {
	/** How many steps have been done in all; of them, how many of the first are forgotten. */
	readonly length: number;
	readonly first: number;
	/** How many of them have been done on the machine as it is now. What is done next takes the place of the rest. */
	readonly at: number;
	/** Milliseconds between the first moment that can be reached and the last. */
	readonly reach: number;
	readonly unsettled?: Unsettled;
	/** The step with a number, counted from 1; undefined where there is none, or it is forgotten. */
	step(number: number): Entry | undefined;
	/** How many steps up to a number had trouble, of those that are not forgotten. */
	troubles(number: number): number;
	/** The number of the next step after one, or the last before it, that had trouble. */
	trouble(number: number, by: 1 | -1): number | undefined;
	/** Takes the machine to where it was after `at` steps. */
	travel(at: number): Travel;
	/** Does the steps of a scenario. */
	replay(steps: readonly Step[]): Travel;
	/**
	 * Writes the session up to now as a scenario into a file that there is not yet; `expect`: with its outcomes as
	 * expectations. @returns the number of the step that it begins after @throws UserError
	 */
	write(file: string, expect: boolean): number;
	/** Whether the disk itself was written to, and what it held can be saved. */
	readonly hasUndo: boolean;
	/** Writes what the disk held at the first moment into a file that puts it back. @throws UserError */
	writeUndo(file: string): void;
	/** For the end of the program: saves what is in memory alone. @returns a sentence where the disk is not put back */
	rescue(): string | undefined;
}
