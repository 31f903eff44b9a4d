// Before a scenario is run it is rehearsed on a machine of its own, which is then thrown away: what makes no sense by
// the time that it is reached is found before the first step. That machine has the real disk, and changes nothing of it.

import type {Command} from '../seam/command.js';
import type {Limits} from './limits.js';

/** What a scenario is rehearsed on. */
export type Trial = {
	readonly limits: Limits;
	/** @throws UserError */
	dispatch(command: Command): unknown;
	powerOff(): void;
};

/** Where the firmware of a guest has its buffer: every guest has memory there. */
const BUFFER = 0x20_0000;
/** The longest block of a disk, in sectors. */
const BLOCK = 8;

/** A command that asks the same of a machine, and of the disk that it be read. */
export function harmless(command: Command): Command {
	switch (command.do) {
		case 'write':
			return {...command, do: 'read'};
		case 'delete':
			// It has no buffer, and may be longer than any read; what counts is whether it is whole blocks.
			return {...command, do: 'read', sectors: ((command.sectors - 1) % BLOCK) + 1, segments: 1, gpa: BUFFER};
		case 'work':
			return {...command, writes: 0};
		default:
			return command;
	}
}
