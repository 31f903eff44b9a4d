// Runs one transfer on the machine and judges it: what the guest holds afterwards, compared with what the
// disk holds, sector by sector. The verdict asks no layer for its opinion.

import {hex, PAGE_SIZE, SECTOR} from '../formats/address.js';
import {BLK_S, BLK_T} from '../formats/virtqueue.js';
import type {Disk} from '../hardware/disk.js';
import type {ProbeEvent} from '../hardware/probe.js';
import type {VmMap} from '../kernel/vm-map.js';
import type {Data, DiskCommand, DmaCommand, Stage, Way} from '../seam/observed.js';
import {diskChain, dmaChain, hardwareError, wayOf} from './chain.js';
import type {Guest, Machine} from './machine.js';

export type Verdict = {data: Data; way: Way; bytes: number; landed: number; chain: Stage[]; note?: string};
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

/** A read or a write of the guest's virtio disk. `number` makes what is in the buffers before it unique. */
export function runDisk(
	machine: Machine,
	guest: Guest,
	disk: Disk,
	command: DiskCommand,
	number: number,
): Judged {
	const {lba, sectors, segments, gpa} = command;
	const write = command.do === 'write';
	const bytes = sectors * SECTOR;
	const what = `${write ? 'written by' : 'stale'} ${guest.vm.name} #${number}`;
	fill(guest.vm.map, gpa, unlike(peek(disk, lba * SECTOR, bytes), gpa, bytes, what));
	let status: number | undefined;
	const events = listen(machine, () => {
		if (guest.blk.stopped !== undefined) guest.driver.reset();
		const type = write ? BLK_T.OUT : BLK_T.IN;
		status = guest.driver.request(type, lba, split(gpa, sectors, segments), !write);
	});
	const landed = sameSectors(guest.vm.map, gpa, peek(disk, lba * SECTOR, bytes));
	const error = hardwareError(events);
	const past = lba + sectors > disk.sectors;
	const notes = [
		guest.blk.stopped,
		error === undefined ? undefined : `ada0: ${error}.`,
		past ? `The request reaches past the end of the disk, which has ${disk.sectors} sectors.` : undefined,
		write && status === BLK_S.IOERR && !disk.writable
			? 'The disk is read-only; start with --writable to write.'
			: undefined,
	];
	const verdict: Verdict = {
		data: dataOf(status === BLK_S.OK, landed, bytes),
		way: wayOf(events),
		bytes,
		landed,
		chain: diskChain(events, {write, bytes, landed, status}),
		note: notes.find(note => note !== undefined),
	};
	return {verdict, events};
}

/** A passthru device's own DMA, at an address of its VM's domain. */
export function runDma(machine: Machine, command: DmaCommand, number: number): Judged {
	const {device: name, access, gpa, bytes} = command;
	const device = machine.ppt.devices.find(candidate => candidate.name === name);
	if (device === undefined) throw new Error(`no passthru device ${name}`);
	const port = machine.portOf(device.rid);
	const map = device.vm?.map;
	let arrived = 0;
	const events = listen(machine, () => {
		const payload = pattern(gpa, bytes, `${name} was here #${number}`);
		let done = 0;
		port.access(gpa, bytes, access === 'write', (part, length) => {
			if (access === 'write') part?.set(payload.subarray(done, done + length));
			const there = readWhereMapped(map, gpa + done, length);
			if (part && there && Buffer.compare(part, there) === 0) arrived += length;
			done += length;
		});
	});
	const ending = {write: access === 'write', bytes, landed: arrived, status: BLK_S.OK};
	const verdict: Verdict = {
		data: dataOf(true, arrived, bytes),
		way: 'direct',
		bytes,
		landed: arrived,
		chain: dmaChain(name, events, ending),
	};
	return {verdict, events};
}

const dataOf = (reportedOk: boolean, landed: number, bytes: number): Data =>
	!reportedOk ? 'failed' : landed === bytes ? 'delivered' : landed === 0 ? 'lost' : 'torn';

/** The guest's buffer as `segments` descriptors of whole sectors, as equal as can be. */
function split(gpa: number, sectors: number, segments: number): {gpa: number; bytes: number}[] {
	const edge = (i: number) => Math.floor((sectors * i) / segments) * SECTOR;
	return Array.from({length: segments}, (_, i) => ({gpa: gpa + edge(i), bytes: edge(i + 1) - edge(i)}));
}

/** Text that says where it is, so that an untouched buffer can be told from a read one at a glance. */
function pattern(gpa: number, bytes: number, mark: string): Uint8Array {
	const text = new Uint8Array(bytes);
	const encoder = new TextEncoder();
	for (let at = 0; at < bytes; ) {
		const length = Math.min(SECTOR, bytes - at);
		const line = `${mark} ${hex(gpa + at)} `;
		encoder.encodeInto(line.repeat(Math.ceil(length / line.length)), text.subarray(at, at + length));
		at += length;
	}
	return text;
}

/** Such a text that no sector of it is what the disk already holds there: else nothing could be told from it. */
function unlike(onDisk: Uint8Array, gpa: number, bytes: number, mark: string): Uint8Array {
	for (let attempt = 0; ; attempt++) {
		const text = pattern(gpa, bytes, attempt === 0 ? mark : `${mark}.${attempt}`);
		if (
			!sectorsOf(onDisk).some(
				([at, sector]) => Buffer.compare(sector, text.subarray(at, at + sector.length)) === 0,
			)
		)
			return text;
	}
}

const sectorsOf = (bytes: Uint8Array): [at: number, sector: Uint8Array][] =>
	Array.from({length: Math.ceil(bytes.length / SECTOR)}, (_, i) => [
		i * SECTOR,
		bytes.subarray(i * SECTOR, (i + 1) * SECTOR),
	]);

/** What the guest has in its buffer before a transfer. Addresses that are not its memory are passed over. */
function fill(map: VmMap, gpa: number, text: Uint8Array): void {
	for (let at = 0; at < text.length; ) {
		const length = Math.min(PAGE_SIZE - ((gpa + at) % PAGE_SIZE), text.length - at);
		if (readWhereMapped(map, gpa + at, length)) map.write(gpa + at, text.subarray(at, at + length));
		at += length;
	}
}

/** How many bytes of the buffer, in whole sectors, are those that the disk holds. */
function sameSectors(map: VmMap, gpa: number, onDisk: Uint8Array): number {
	let same = 0;
	for (const [at, sector] of sectorsOf(onDisk)) {
		const there = readWhereMapped(map, gpa + at, sector.length);
		if (there && Buffer.compare(sector, there) === 0) same += sector.length;
	}
	return same;
}

function readWhereMapped(map: VmMap | undefined, gpa: number, bytes: number): Uint8Array | undefined {
	if (map?.hpa(gpa) === undefined || map.hpa(gpa + bytes - 1) === undefined) return undefined;
	return map.read(gpa, bytes);
}

/** The disk's bytes, or none where it cannot be read any more. */
function peek(disk: Disk, offset: number, bytes: number): Uint8Array {
	try {
		return disk.peek(offset, bytes);
	} catch {
		return new Uint8Array(0);
	}
}
