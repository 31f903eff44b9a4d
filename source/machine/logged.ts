// Faults that a kernel's log tells of, in words; a storm is one of them.

import {hex} from '../formats/address.js';
import {type Rid, ridText} from '../formats/pci.js';

export type LogFault = {
	/** The same as long as it is the same fault. */
	number: number;
	title: string;
	/** The title without the device's long name. */
	brief: string;
	count: number;
	/** "1,284 in 12.3 s, 104/s" */
	often: string;
	/** What it means, a part a label: what, why, where, here, usually; `look` has commands to paste. */
	parts: readonly {label: string; texts: readonly string[]}[];
	/** The access that was refused, where the log names it. */
	access?: {rid: Rid; iova: number; write: boolean};
};

export type Logged = {
	/** The log that they are from. */
	from: string;
	/** How often any came, those of too many kinds among them. */
	total: number;
	/** The newest first. */
	faults: readonly LogFault[];
	/** What there is to say of the log as a whole. */
	closing: readonly string[];
};

/** A fault for programs: what it means under its labels. */
export const loggedJson = ({title, count, access, parts}: LogFault) => ({
	title,
	count,
	rid: access === undefined ? null : ridText(access.rid),
	iova: access === undefined ? null : hex(access.iova),
	access: access === undefined ? null : access.write ? 'write' : 'read',
	...Object.fromEntries(parts.map(({label, texts}) => [label, texts])),
});
