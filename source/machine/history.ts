// The session's steps, and where in them the machine is.

import type {Command} from './command.js';
import type {Step} from './scenario.js';
import type {Data} from './transfer.js';

/** A step of the session. */
export type Entry = {
	/** Unique: a step that takes its place has another. */
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

/** How far a travel is: first blocks of the disk are restored, then steps replayed. */
export type Progress = {doing: 'disk' | 'steps'; at: number; of: number};
/**
 * Travels to another step, a little at a time. It may be stopped after a piece with `doing: 'steps'`.
 * @returns a sentence if a step gave a different result: something else has changed the disk
 * @throws UserError if the disk cannot be restored; the next travel tries again
 */
export type Travel = Generator<Progress, string | undefined, void>;

/** A disk that is being restored and is neither old nor new. Commands are refused meanwhile. */
export type Unsettled = {
	blocks: number;
	/** How many of them are restored. */
	done: number;
	/** Why it went no further; the file that the old blocks are saved in, or why they could not be saved. */
	problem?: string;
	file?: string;
	unsaved?: string;
};

export interface History {
	/** How many steps the session has, and how many of the first are forgotten. */
	readonly length: number;
	readonly first: number;
	/** How many of them the machine has behind it now. The next new step replaces the rest. */
	readonly at: number;
	/** Milliseconds between the first moment that can be reached and the last. */
	readonly reach: number;
	readonly unsettled?: Unsettled;
	/** A step by its number, counted from 1; undefined if it does not exist or is forgotten. */
	step(number: number): Entry | undefined;
	/** How many steps up to a number had trouble; forgotten steps do not count. */
	troubles(number: number): number;
	/** The number of the next step after one that had trouble, or of the last before it. */
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
	/** Whether the disk itself was written to, so that it has old blocks to save. */
	readonly hasUndo: boolean;
	/** Writes the old blocks of the disk into a file that restores them. @throws UserError */
	writeUndo(file: string): void;
	/** For the end of the program: saves old blocks. @returns a sentence if the disk is only partly restored */
	rescue(): string | undefined;
}
