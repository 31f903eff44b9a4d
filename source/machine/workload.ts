// The guests' own I/O, sampled for graphs; and one command under each policy, for comparison.

import type {TransferCommand, WorkCommand} from './command.js';
import type {Transfer} from './transfer.js';

/** A tenth of a second. */
export type Sample = {
	transfers: number;
	delivered: number;
	lost: number;
	faults: number;
	hits: number;
	misses: number;
};

/** Requests per second, and the percentage of them that write. */
export type Pace = {rate: number; writes?: number};

/** The guests at work. It has no clock of its own: the caller reports the time that has passed. */
export interface Workload {
	readonly running: boolean;
	readonly rate: number;
	readonly writes: number;
	/** The last minute, oldest first. */
	readonly samples: readonly Sample[];
	/** Starts the guests, or changes their pace. @throws UserError */
	start(pace: Pace): void;
	stop(): void;
	/**
	 * Runs the requests that fall due in the given time, as `work` commands of at most one sample each.
	 * @returns how many requests ran
	 */
	tick(elapsedMs: number): number;
}

/** The same command under one policy, on a machine of its own. */
export type Comparison = Pick<
	Transfer,
	'policy' | 'data' | 'path' | 'bytes' | 'landed' | 'copied' | 'faults'
> & {
	/** Pages of guest memory that host devices can reach, and pages of memory that they cannot. */
	hostReach: number;
	missing: number;
	/** Measured here: how long the command took, without the judging. The other figures are deterministic. */
	measuredMs: number;
};

export type Comparable = TransferCommand | WorkCommand;
