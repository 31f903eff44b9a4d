// What guests do on their own, and what it came to: for graphs, and for policies side by side.

import type {Policy, TransferCommand, WorkCommand} from './command.js';
import type {Data, Path} from './observed.js';

/** The outcome of a `work` command, all of its requests together. */
export type Work = {
	requests: number;
	/** The worst that became of any of them: lost, torn, unchecked, failed, delivered. */
	data: Data;
	tally: Record<Data, number>;
	/** How it went for most of them. */
	path: Path;
	bytes: number;
	/** Undefined where a request could not be checked. */
	landed?: number;
	/** Bytes that did not land although success was reported. */
	lost: number;
	/** Bytes that the CPU copied: out of a bounce buffer, or the page cache. */
	copied: number;
	faults: number;
	/** Lookups in the IOTLB (the model's counts). */
	hits: number;
	misses: number;
};

/** What happened in a tenth of a second. */
export type Sample = {
	transfers: number;
	delivered: number;
	lost: number;
	faults: number;
	hits: number;
	misses: number;
};

/** Requests a second, and how many in a hundred of them write. */
export type Pace = {rate: number; writes?: number};

/** The guests at work. It has no clock: whoever has one says how much time has passed. */
export interface Workload {
	readonly running: boolean;
	readonly rate: number;
	readonly writes: number;
	/** The newest of them, oldest first: a minute. */
	readonly samples: readonly Sample[];
	/** Starts, or changes the pace of what runs. @throws UserError */
	start(pace: Pace): void;
	stop(): void;
	/**
	 * So many milliseconds more have passed: what is due by then runs, as `work` commands of at most a sample each.
	 * @returns how many requests ran
	 */
	tick(elapsedMs: number): number;
}

/** The same command under one policy, on a machine of its own. */
export type Comparison = {
	policy: Policy;
	data: Data;
	path: Path;
	bytes: number;
	/** Undefined where that cannot be checked. */
	landed?: number;
	copied: number;
	faults: number;
	/** Pages of guest memory that the host's devices can reach, and pages of memory that they cannot. */
	hostReach: number;
	missing: number;
	/** Measured, here and now: what the command took without what is done to judge it. All else is the same each time. */
	measuredMs: number;
};

export type Comparable = TransferCommand | WorkCommand;
