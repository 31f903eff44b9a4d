// Outcomes: what a command returns, as plain data.

import type {Policy} from './command.js';
import type {Data, Path, Transfer} from './transfer.js';

/** Why vmm or bhyve refused. */
export type Refusal = 'ENOENT' | 'EBUSY' | 'ENXIO' | 'unwired';

/** How many domains there are now, and how many pages of memory the host domain lacks. */
export type TableCounts = {domains: number; missing: number};

/** The outcome of a `work` command, summed over its requests. */
export type Work = {
	requests: number;
	/** The worst result: lost, torn, unchecked, failed, delivered. */
	data: Data;
	tally: Record<Data, number>;
	/** The path that most requests took. */
	path: Path;
	bytes: number;
	/** Undefined if a request could not be checked. */
	landed?: number;
	/** Bytes that never arrived although success was reported. */
	lost: number;
	/** Bytes that the CPU copied from a bounce buffer or the page cache. */
	copied: number;
	faults: number;
	/** IOTLB lookups, as the model counts them. */
	hits: number;
	misses: number;
};

export type Outcome =
	| {kind: 'transfer'; transfer: Transfer; report: string}
	| {kind: 'boot'; bootable: boolean; found: string[]; transfers: Transfer[]; report: string}
	| {kind: 'work'; work: Work; report: string}
	| {kind: 'policy'; policy: Policy; report: string}
	| {kind: 'lifecycle'; error?: Refusal; tables: TableCounts; report: string};
