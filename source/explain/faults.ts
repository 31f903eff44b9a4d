// Faults as they are read: repeats in one row, and each row in words with what is mapped near and what to check.

import {hex, PAGE_SIZE} from '../formats/address.js';
import {type Rid, ridText} from '../formats/pci.js';
import type {Fault, LogFault} from '../machine/fault.js';
import type {MachineState} from '../machine/observed.js';
import type {PhysicalReader} from '../machine/tables.js';
import {grouped} from '../words.js';
import {type Nearest, nearest} from './neighbours.js';
import {domainAt, nearWords, startOf} from './walk.js';
import {adviceFor, type Cause, causeOf, deviceName, memoryWords} from './why.js';

/** Faults of one device, access, reason and owner; where the owner is not known, of one 2 MiB of addresses. */
export type FaultRow = {
	rid: Rid;
	device: string;
	write: boolean;
	reason: number;
	text: string;
	owner?: string;
	count: number;
	/** How many of them hardware has recorded. */
	recorded: number;
	/** The numbers of the first and the last of them, and the transfer of the last. */
	first: number;
	last: number;
	transfer?: number;
	/** The lowest and the highest address. */
	lowest: number;
	highest: number;
};

const NEAR = 512 * PAGE_SIZE;

/** The rows by their last fault, the newest at the end. */
export function coalesceFaults(faults: readonly Fault[]): FaultRow[] {
	const rows = new Map<string, FaultRow>();
	for (const {rid, device, write, reason, text, owner, iova, number, transfer, recorded} of faults) {
		const where = owner ?? Math.floor(iova / NEAR);
		const key = [rid, device, write, reason, text, typeof where, where].join('\n');
		const row = rows.get(key) ?? {
			...{
				rid,
				device,
				write,
				reason,
				text,
				owner,
				count: 0,
				recorded: 0,
				first: number,
				last: number,
				transfer,
			},
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

/** A row in words. What is near is so by the tables as they are now, which may have changed since. */
export function explainFault(memory: PhysicalReader, state: MachineState, row: FaultRow): ExplainedFault {
	const {rid, write, text, owner, count, recorded, lowest, highest} = row;
	const start = startOf(memory, state.unit, rid);
	const near =
		start.to === 'tables' && state.unit
			? nearest(
					memory,
					state.owned,
					{format: state.unit.format, root: start.root, levels: start.levels},
					lowest,
				)
			: {};
	const device = state.devices.find(each => each.rid === rid);
	const situation = {rid, device, domain: domainAt(state, start), owner, here: near.here};
	const cause = causeOf(text);
	const times = count === 1 ? '' : count === 2 ? ' twice' : ` ${grouped(count)} times`;
	const where = lowest === highest ? hex(lowest) : `${hex(lowest)}–${hex(highest)}`;
	const whose = owner === undefined ? '' : `, ${memoryWords(owner, state)}`;
	const missed = count - recorded;
	const lost =
		missed === 0 ? '' : ` Hardware kept no record of ${missed === count ? 'any' : grouped(missed)}.`;
	return {
		sentence: `${deviceName(situation)} asked${times} to ${write ? 'write' : 'read'} at ${where}${whose}: ${causeWords(cause, write)}.${lost}${nearWords(near)}`,
		near,
		check: adviceFor(cause, situation, state),
	};
}

function causeWords(cause: Cause, write: boolean): string {
	const done = write ? 'written' : 'read';
	switch (cause) {
		case 'no domain':
			return 'the function was in no domain';
		case 'not mapped':
			return `its domain did not map the page to be ${done}`;
		case 'not allowed':
			return `its domain mapped the page, and not to be ${done}`;
		case 'too wide':
			return 'the address was wider than its domain';
		case 'interrupt':
			return 'it led to where interrupts are sent';
		case 'bad entry':
			return 'an entry on the way was wrong, or in no memory';
	}
}

/** A fault of a kernel's log for programs: the explanation under its labels. */
export const loggedJson = ({title, count, access, parts}: LogFault) => ({
	title,
	count,
	rid: access === undefined ? null : ridText(access.rid),
	iova: access === undefined ? null : hex(access.iova),
	access: access === undefined ? null : access.write ? 'write' : 'read',
	...Object.fromEntries(parts.map(({label, texts}) => [label, texts])),
});
