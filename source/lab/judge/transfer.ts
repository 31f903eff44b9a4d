// Runs one transfer on the machine and judges it: what the guest holds afterwards, compared with what the disk holds,
// sector by sector. The verdict asks no layer for its opinion.

import {SECTOR} from '../../formats/address.js';
import type {ProbeEvent} from '../../hardware/probe.js';
import type {DiskCommand, DmaCommand} from '../../machine/command.js';
import type {Data, Path, Stage} from '../../machine/transfer.js';
import {UserError} from '../../user-error.js';
import type {Guest, Machine} from '../build/machine.js';
import {type Answers, copiedBytes, diskChain, dmaChain, hardwareError, pathOf} from './chain.js';
import {markBuffer, type Peek, pattern, readWhereMapped, sameBytes} from './marks.js';
import {requestsOf} from './pieces.js';

export type Verdict = {
	data: Data;
	path: Path;
	bytes: number;
	landed: number;
	copied: number;
	chain: Stage[];
	note?: string;
	/** Who uses the memory that a function's own DMA reached. */
	owners?: string[];
};
export type Judged = {verdict: Verdict; events: ProbeEvent[]};

/** Runs `work` and @returns all that the layers said meanwhile. */
function listen(machine: Machine, work: () => void): ProbeEvent[] {
	const events: ProbeEvent[] = [];
	machine.listen(event => events.push(event));
	try {
		work();
	} finally {
		machine.listen(undefined);
	}
	return events;
}

/** Reads, writes or deletes of the guest's disk, in one kick. `number` makes what is in the buffers before it unique. */
export function runDisk(machine: Machine, guest: Guest, command: DiskCommand, number: number): Judged {
	const {do: op, lba, sectors, requests = 1} = command;
	const {vm, disk} = guest;
	const write = op === 'write';
	const asked = requestsOf(guest, command);
	const pieces = asked.flatMap(({segments}) => segments);
	const peek = machine.disks.peek(guest.spec.disk);
	const bytes = sectors * SECTOR * requests;
	if (op !== 'delete')
		markBuffer(vm.map, pieces, peek, `${write ? 'written by' : 'stale'} ${vm.name} #${number}`);
	let answers: Answers = [];
	const events = listen(machine, () => {
		if (disk.stopped !== undefined) disk.reset();
		answers = disk.batch(asked);
	});
	const ok = answers.every(answer => answer?.ok);
	const landed = op === 'delete' ? zeroBytes(peek, lba * SECTOR, bytes) : sameBytes(vm.map, pieces, peek);
	const error = hardwareError(events);
	const past = lba + sectors * requests > disk.sectors;
	const notes = [
		disk.stopped,
		error === undefined ? undefined : `${guest.spec.disk}: ${error}.`,
		past ? `The request reaches past the end of the disk, which has ${disk.sectors} sectors.` : undefined,
		op !== 'read' && !ok && !machine.disks.writable
			? 'The disk is read-only; start with --overlay or --writable to write.'
			: undefined,
	];
	const verdict: Verdict = {
		data: dataOf(ok, landed, bytes),
		path: pathOf(events),
		bytes,
		landed,
		copied: copiedBytes(events),
		chain: diskChain(events, {op, bytes, landed, answers}),
		note: notes.find(note => note !== undefined),
	};
	return {verdict, events};
}

/** How much of a deleted range reads as zeros. */
const zeroBytes = (peek: Peek, offset: number, bytes: number): number =>
	peek(offset, bytes).reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0);

/** A function's own DMA, at an address of the domain it is in. */
export function runDma(machine: Machine, command: DmaCommand, number: number): Judged {
	const {device: name, access, gpa, bytes} = command;
	const rid = machine.ridNamed(name);
	if (rid === undefined) throw new UserError(`There is no function ${name}.`, ['device']);
	const owner = machine.ppt.devices.find(device => device.rid === rid)?.vm;
	const reached = new Set<string>();
	let arrived = 0;
	const events = listen(machine, () => {
		const payload = pattern(gpa, bytes, `${name} was here #${number}`);
		let done = 0;
		machine.portOf(rid).access(gpa, bytes, access === 'write', (part, length, hpa) => {
			if (access === 'write') part?.set(payload.subarray(done, done + length));
			if (part !== undefined) reached.add(machine.pages.ownerOf(hpa));
			// A guest's own view of that address says whether it got there; without a guest, that there was memory.
			const there = owner === undefined ? part : readWhereMapped(owner.map, gpa + done, length);
			if (part && there && Buffer.compare(part, there) === 0) arrived += length;
			done += length;
		});
	});
	const ending = {write: access === 'write', bytes, landed: arrived};
	const verdict: Verdict = {
		data: dataOf(true, arrived, bytes),
		path: 'direct',
		bytes,
		landed: arrived,
		copied: 0,
		chain: dmaChain(name, events, ending),
		owners: [...reached],
	};
	return {verdict, events};
}

export const dataOf = (reportedOk: boolean, landed: number, bytes: number): Data =>
	!reportedOk ? 'failed' : landed === bytes ? 'delivered' : landed === 0 ? 'lost' : 'torn';
