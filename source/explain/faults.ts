// Faults in words: repeats in one row, and each row with what is mapped nearby and what to check.

import {hex, PAGE_SIZE} from '../formats/address.js';
import {type Rid, ridText} from '../formats/pci.js';
import type {Fault, FaultLog, LogFault} from '../machine/fault.js';
import type {MachineState} from '../machine/observed.js';
import type {PhysicalReader} from '../machine/tables.js';
import type {LoggedJson} from '../outputs.js';
import {grouped, plural} from '../words.js';
import {adviceFor, type Cause, causeOf} from './cause.js';
import {deviceWords, memoryWords} from './names.js';
import {type Nearest, nearWords} from './neighbours.js';
import {domainOf, nearStart, startOf} from './walk.js';

/** Faults with the same device, access, reason and owner; if the owner is unknown, within the same 2 MiB. */
export type FaultRow = {
	rid: Rid;
	device: string;
	write: boolean;
	reason: number;
	text: string;
	owner?: string;
	count: number;
	/** How many of them hardware recorded. */
	recorded: number;
	/** The numbers of the first and the last fault, and the last one's transfer. */
	first: number;
	last: number;
	transfer?: number;
	/** The lowest and the highest address. */
	lowest: number;
	highest: number;
};

const NEAR = 512 * PAGE_SIZE;

/** Rows in the order of their last faults, newest last. */
export function coalesceFaults(faults: readonly Fault[]): FaultRow[] {
	const rows = new Map<string, FaultRow>();
	for (const {rid, device, write, reason, text, owner, iova, number, transfer, recorded} of faults) {
		const where = owner ?? Math.floor(iova / NEAR);
		const key = [rid, device, write, reason, text, typeof where, where].join('\n');
		const kind = {rid, device, write, reason, text, owner};
		const row = rows.get(key) ?? {
			...kind,
			count: 0,
			recorded: 0,
			first: number,
			last: number,
			lowest: iova,
			highest: iova,
		};
		row.count++;
		row.last = number;
		row.transfer = transfer;
		row.lowest = Math.min(row.lowest, iova);
		row.highest = Math.max(row.highest, iova);
		if (recorded) row.recorded++;
		rows.delete(key);
		rows.set(key, row);
	}
	return [...rows.values()];
}

export type ExplainedFault = {sentence: string; near: Nearest; check: string};

/** A row in words. The neighbours are those in the current tables, which may have changed since the fault. */
export function explainFault(memory: PhysicalReader, state: MachineState, row: FaultRow): ExplainedFault {
	const {rid, write, text, owner, count, recorded, lowest, highest} = row;
	const start = startOf(memory, state.unit, rid);
	const near = nearStart(memory, state, start, lowest);
	const device = state.devices.find(each => each.rid === rid);
	const situation = {rid, device, domain: domainOf(state, start), owner, here: near.here};
	const cause = causeOf(text);
	const times = count === 1 ? '' : count === 2 ? ' twice' : ` ${grouped(count)} times`;
	const one = lowest === highest;
	const verb = write ? (one ? 'write to' : 'write') : 'read';
	// What lies between the addresses was not accessed, and may belong to others.
	const where = one ? hex(lowest) : `at addresses from ${hex(lowest)} to ${hex(highest)}`;
	const memoryAt = owner === undefined ? '' : `, ${memoryWords(owner, state)}`;
	const access = `${deviceWords(device, rid)} tried${times} to ${verb} ${where}${memoryAt}`;
	return {
		sentence: `${access}: ${causeWords(cause, write)}.${unrecordedWords(count, recorded)}${nearWords(near, one ? undefined : lowest)}`,
		near,
		check: adviceFor(cause, situation, state),
	};
}

function unrecordedWords(count: number, recorded: number): string {
	if (recorded === count) return '';
	if (recorded > 0) return ` Hardware did not record ${grouped(count - recorded)} of them.`;
	return count === 1 ? ' Hardware did not record it.' : ' Hardware recorded none of them.';
}

function causeWords(cause: Cause, write: boolean): string {
	switch (cause) {
		case 'no domain':
			return 'the function was in no domain';
		case 'not mapped':
			return `its domain had no ${write ? 'writable' : 'readable'} mapping for the page`;
		case 'not allowed':
			return `its domain mapped the page but denied ${write ? 'writes' : 'reads'}`;
		case 'too wide':
			return 'the address was wider than its domain';
		case 'interrupt':
			return 'the address led into the interrupt range';
		case 'bad entry':
			return 'an entry on the walk was invalid or outside memory';
	}
}

/** Outside the lab, only the faults that were still recorded at a look are known. */
export const faultCountText = ({blocked}: FaultLog, faults: readonly Fault[]): string =>
	blocked === undefined ? `${plural(faults.length, 'fault')} seen` : plural(blocked, 'fault');

/** What hardware recorded of the faults, and what the kernel logged. */
export function faultLogText({kind, total, used, overflow, kernelLogged}: FaultLog): string {
	const full = overflow ? ', full: new faults are dropped' : '';
	const logged = kernelLogged === undefined ? '' : ` · ${grouped(kernelLogged)} in the kernel log`;
	const records = kind === 'registers' ? 'fault registers' : 'event log entries';
	return `${used} of ${total} ${records} in use${full}${logged}`;
}

/** A fault of a kernel's log for programs: its explanation under its labels. */
export const loggedJson = ({title, count, access, parts}: LogFault): LoggedJson => ({
	title,
	count,
	rid: access === undefined ? null : ridText(access.rid),
	iova: access === undefined ? null : hex(access.iova),
	access: access === undefined ? null : access.write ? 'write' : 'read',
	...Object.fromEntries(parts.map(({label, texts}) => [label, texts])),
});
