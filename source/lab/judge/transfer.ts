// Runs one transfer on the machine and judges it: compares the guest's buffer with the disk, sector by sector. The
// verdict does not depend on any layer's report.

import {SECTOR} from '../../formats/address.js';
import type {ProbeEvent} from '../../hardware/probe.js';
import type {DiskCommand, DmaCommand} from '../../machine/command.js';
import type {Data, Path, Stage} from '../../machine/observed.js';
import {UserError} from '../../user-error.js';
import type {Peek} from '../build/disks.js';
import type {Guest, Machine} from '../build/machine.js';
import {markBuffer, matchingBytes, pattern, readIfMapped, requestsOf} from './buffers.js';
import {type Answers, copiedBytes, diskChain, dmaChain, hardwareError, pathOf} from './chain.js';

export type Verdict = {
	data: Data;
	path: Path;
	bytes: number;
	landed: number;
	copied: number;
	chain: Stage[];
	note?: string;
	/** The owners of the memory that a function's own DMA reached. */
	owners?: string[];
};
export type Judged = {verdict: Verdict; events: ProbeEvent[]};

/** @returns the probe events during `work` */
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

/** Runs reads, writes or deletes in one kick. `number` makes the buffers' initial contents unique. */
export function runDisk(machine: Machine, guest: Guest, command: DiskCommand, number: number): Judged {
	const {do: op, lba, sectors, requests = 1} = command;
	const {vm, disk} = guest;
	const write = op === 'write';
	const batch = requestsOf(guest, command);
	const segments = batch.flatMap(request => request.segments);
	const peek = machine.disks.peek(guest.spec.disk);
	const bytes = sectors * SECTOR * requests;
	if (op !== 'delete')
		markBuffer(vm.map, segments, peek, `${write ? 'written by' : 'stale'} ${vm.name} #${number}`);
	let answers: Answers = [];
	const events = listen(machine, () => {
		if (disk.stopped !== undefined) disk.reset();
		answers = disk.batch(batch);
	});
	const ok = answers.every(answer => answer?.ok);
	const landed =
		op === 'delete' ? zeroBytes(peek, lba * SECTOR, bytes) : matchingBytes(vm.map, segments, peek);
	const error = hardwareError(events);
	const pastEnd = lba + sectors * requests > disk.sectors;
	const notes = [
		disk.stopped,
		error === undefined ? undefined : `${guest.spec.disk}: ${error}.`,
		pastEnd ? `The request extends past the end of the disk at ${disk.sectors} sectors.` : undefined,
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

/** The bytes of a deleted range that read as zeros. */
const zeroBytes = (peek: Peek, offset: number, bytes: number): number =>
	peek(offset, bytes).reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0);

/** Runs a function's own DMA, at an address in its domain. */
export function runDma(machine: Machine, command: DmaCommand, number: number): Judged {
	const {device: name, access, gpa, bytes} = command;
	const rid = machine.ridNamed(name);
	if (rid === undefined) throw new UserError(`Unknown PCI function ${name}.`, ['device']);
	const owner = machine.ppt.devices.find(device => device.rid === rid)?.vm;
	const reached = new Set<string>();
	let arrived = 0;
	const events = listen(machine, () => {
		const payload = pattern(gpa, bytes, `${name} was here #${number}`);
		let done = 0;
		machine.portOf(rid).access(gpa, bytes, access === 'write', (part, length, hpa) => {
			if (access === 'write') part?.set(payload.subarray(done, done + length));
			if (part !== undefined) reached.add(machine.pages.ownerOf(hpa));
			// The bytes have arrived if the device's guest sees them. Without a guest, any memory counts.
			const inGuest = owner === undefined ? part : readIfMapped(owner.map, gpa + done, length);
			if (part && inGuest && Buffer.compare(part, inGuest) === 0) arrived += length;
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
