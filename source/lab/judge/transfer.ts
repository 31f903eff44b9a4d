// Runs one transfer on the machine and judges it: compares the guest's buffer with the disk, sector by sector. The
// verdict does not depend on any layer's report.

import {SECTOR} from '../../formats/address.js';
import type {ProbeEvent} from '../../hardware/probe.js';
import type {DiskCommand, DmaCommand} from '../../machine/command.js';
import type {Data, Path, Stage} from '../../machine/transfer.js';
import {errnoOf} from '../../user-error.js';
import type {Peek} from '../build/disks.js';
import type {Guest, Machine} from '../build/machine.js';
import {markBuffer, matchingBytes, pattern, readIfMapped, requestsOf} from './buffers.js';
import {type Answers, copiedBytes, diskChain, dmaChain, hardwareError, pathOf} from './chain.js';

export type Verdict = {
	data: Data;
	path: Path;
	bytes: number;
	landed?: number;
	copied: number;
	chain: Stage[];
	note?: string;
	/** The owners of the memory that a function's own DMA reached. */
	owners?: string[];
};
const NOTHING = new Uint8Array(0);

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
	const mark = `${write ? 'written by' : 'stale'} ${vm.name} #${number}`;
	const before = op === 'delete' ? {} : unlessUnread(() => markBuffer(vm.map, segments, peek, mark));
	if (before.error !== undefined) markBuffer(vm.map, segments, () => NOTHING, mark);
	let answers: Answers = [];
	const events = listen(machine, () => {
		if (disk.stopped !== undefined) disk.reset();
		answers = disk.batch(batch);
	});
	const ok = answers.every(answer => answer?.ok);
	const after = unlessUnread(() =>
		op === 'delete' ? zeroBytes(peek, lba * SECTOR, bytes) : matchingBytes(vm.map, segments, peek),
	);
	const unread = before.error ?? after.error;
	const landed = unread === undefined ? after.value : undefined;
	const verdict: Verdict = {
		data: dataOf(ok, landed, bytes),
		path: pathOf(events),
		bytes,
		landed,
		copied: copiedBytes(events),
		chain: diskChain(events, {op, bytes, landed, answers}),
		note: noteOf(machine, guest, command, {events, ok, unread}),
	};
	return {verdict, events};
}

type Known = {events: readonly ProbeEvent[]; ok: boolean; unread: string | undefined};

function noteOf(machine: Machine, guest: Guest, command: DiskCommand, {events, ok, unread}: Known) {
	const {do: op, lba, sectors, requests = 1} = command;
	const {disk, spec} = guest;
	const error = hardwareError(events);
	if (disk.stopped !== undefined) return disk.stopped;
	if (error !== undefined) return `${spec.disk}: ${error}.`;
	if (lba + sectors * requests > disk.sectors)
		return `The request extends past the end of the disk at ${disk.sectors} sectors.`;
	if (op !== 'read' && !ok && !machine.disks.writable)
		return 'The disk is read-only; start with --overlay or --writable to write.';
	return ok && unread !== undefined ? uncheckedNote(unread) : undefined;
}

/** The bytes of a deleted range that read as zeros. */
const zeroBytes = (peek: Peek, offset: number, bytes: number): number =>
	peek(offset, bytes).reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0);

/** Runs a function's own DMA, at an address in its domain. */
export function runDma(machine: Machine, command: DmaCommand, number: number): Judged {
	const {device: name, access, gpa, bytes} = command;
	const rid = machine.needRid(name);
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

/** `landed`: undefined if the disk could not be read to compare. */
export function dataOf(reportedOk: boolean, landed: number | undefined, bytes: number): Data {
	if (!reportedOk) return 'failed';
	if (landed === undefined) return 'unchecked';
	return landed === bytes ? 'delivered' : landed === 0 ? 'lost' : 'torn';
}

export const uncheckedNote = (error: string): string =>
	`Cannot be checked: reading the disk back failed (${error}).`;

/** Reads the disk for the verdict; `error` is the errno's name if that fails. */
export function unlessUnread<T>(work: () => T): {value?: T; error?: string} {
	try {
		return {value: work()};
	} catch (error) {
		const code = errnoOf(error);
		if (code === undefined) throw error;
		return {error: code};
	}
}
