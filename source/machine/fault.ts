// Refused accesses: as hardware records them, and as a kernel's log reports them.

import type {Rid} from '../formats/pci.js';

export type Fault = {
	number: number;
	/** The transfer it happened in, if known. */
	transfer?: number;
	rid: Rid;
	device: string;
	iova: number;
	write: boolean;
	reason: number;
	text: string;
	/** Whether a fault record register was free for it. */
	recorded: boolean;
	/** The owner of the page at that address, if the address is a physical one. */
	owner?: string;
};

/** The hardware's fault records. A field is undefined if nobody can know it. */
export type FaultLog = {
	kind: 'registers' | 'event log';
	total: number;
	used: number;
	overflow: boolean;
	/** All faults; only the lab can count them. */
	blocked?: number;
	/** Faults in the kernel log; FreeBSD's VT-d driver has no handler and logs none. */
	kernelLogged?: number;
	kernelLines: readonly string[];
};

/** A fault in a kernel's log, or a storm of the same one. */
export type LogFault = {
	/** Stays the same while it is the same fault. */
	number: number;
	title: string;
	/** The title without the device's long name. */
	brief: string;
	count: number;
	/** "1,284 in 12.3 s, 104/s" */
	often: string;
	/** The explanation, under the labels what, why, where, here, usually; `look` has commands to paste. */
	parts: readonly {label: string; texts: readonly string[]}[];
	/** The refused access, if the log names it. */
	access?: {rid: Rid; iova: number; write: boolean};
};

/** The faults in a kernel's log. */
export type Logged = {
	/** The log's name. */
	from: string;
	/** The number of faults, including kinds beyond the limit. */
	total: number;
	/** Newest first. */
	faults: readonly LogFault[];
	/** Remarks about the log as a whole. */
	closing: readonly string[];
};
