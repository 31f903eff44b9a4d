// A transfer: one request and where its bytes went.

import type {Policy, TransferCommand} from './command.js';

/**
 * lost: success was reported and nothing arrived; torn: only some pages arrived; failed: the guest saw an error;
 * unchecked: success was reported, and the disk could not be read back to compare.
 */
export type Data = 'delivered' | 'lost' | 'torn' | 'failed' | 'unchecked';
/** direct: DMA into guest memory; bounced: DMA into a buffer, then a copy; copied: through the host's page cache. */
export type Path = 'direct' | 'bounced' | 'copied';
/** What one layer saw of a transfer. `brief` fits six columns. */
export type Stage = {place: string; brief: string; full: string; trouble: boolean; parts?: readonly Part[]};
/** A piece of memory at a stage: as the guest names it, in the bhyve process, on the bus, or refused there. */
export type Part = {kind: 'gpa' | 'pointer' | 'hpa' | 'refused'; address: number; bytes: number};

/** Bytes of memory that belong to an owner. */
export type Reached = {owner: string; bytes: number};

export type Transfer = {
	number: number;
	command: TransferCommand;
	/** The guest that made the request; for DMA by a passthru device, the guest that owns the device. */
	vm?: string;
	policy: Policy;
	data: Data;
	path: Path;
	bytes: number;
	/** Undefined if that cannot be checked. */
	landed?: number;
	/** Bytes that the CPU copied. */
	copied: number;
	faults: number;
	/** The function that put the addresses on the bus. */
	device?: string;
	/** The first address on the bus: physical for the disk controller, a GPA for a ppt device. */
	iova?: number;
	chain: Stage[];
	/** For a function's own DMA: the owners of the memory it reached, and how many bytes of each. */
	owners?: readonly Reached[];
	/** A remark beside the verdict, as a sentence. */
	note?: string;
};
