// The guest's buffers: the memory of a request's segments, the text in it before a transfer, and the bytes in it that
// match the disk's afterwards.

import {hex, PAGE_SIZE, SECTOR} from '../../formats/address.js';
import type {GuestRequest} from '../../guest/driver.js';
import type {VmMap} from '../../kernel/vm-map.js';
import type {DiskCommand} from '../../machine/command.js';
import {UserError} from '../../user-error.js';
import type {Peek} from '../build/disks.js';
import type {Guest} from '../build/machine.js';

/** A segment of whole sectors, and the disk's byte offset of its data. */
export type BufferSegment = {gpa: number; bytes: number; offset: number};
export type BufferRequest = GuestRequest & {segments: readonly BufferSegment[]};

/**
 * The segments of a command's `index`th request, adjacent in guest memory and of similar size. bhyve's NVMe would join
 * adjacent pages again, so there each segment starts a page after the end of the last one.
 */
export function segmentsOf({spec}: Guest, command: DiskCommand, index: number): BufferSegment[] {
	const {lba, sectors, segments, gpa} = command;
	const bytes = sectors * SECTOR;
	const start = (lba + index * sectors) * SECTOR;
	if (command.do === 'delete') return [];
	if (spec.model !== 'nvme' || segments === 1) {
		const edge = (i: number) => Math.floor((sectors * i) / segments) * SECTOR;
		return Array.from({length: segments}, (_, i) => ({
			gpa: gpa + index * bytes + edge(i),
			bytes: edge(i + 1) - edge(i),
			offset: start + edge(i),
		}));
	}
	const pages = Math.ceil(bytes / PAGE_SIZE);
	const edge = (i: number) => Math.min(bytes, Math.floor((pages * i) / segments) * PAGE_SIZE);
	const stride = (pages + segments) * PAGE_SIZE;
	return Array.from({length: segments}, (_, i) => ({
		gpa: gpa + index * stride + edge(i) + i * PAGE_SIZE,
		bytes: edge(i + 1) - edge(i),
		offset: start + edge(i),
	}));
}

/** A command's requests. @throws UserError if the guest's driver cannot send them */
export function requestsOf(guest: Guest, command: DiskCommand): BufferRequest[] {
	const {do: op, lba, sectors, requests: count = 1} = command;
	const requests = Array.from({length: count}, (_, i) => ({
		op,
		sector: lba + i * sectors,
		segments: segmentsOf(guest, command, i),
		sectors,
	}));
	for (const request of requests) checkRequest(guest, request);
	return requests;
}

function checkRequest({disk}: Guest, request: GuestRequest): void {
	const {start, end} = disk.memory;
	const {segments} = request;
	const problem = disk.problem(request);
	if (problem !== undefined) throw new UserError(problem);
	if (segments.some(({gpa, bytes}) => gpa < end && gpa + bytes > start)) {
		const own = `${hex(start)}–${hex(end - 1)}`;
		throw new UserError(
			`gpa ${hex(segments[0].gpa)} overlaps the guest driver's own memory at ${own}; choose another.`,
			['gpa'],
		);
	}
}

/** Text that contains its own address. In a hex dump it stands out from the disk's data. */
export function pattern(gpa: number, bytes: number, mark: string): Uint8Array {
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

/**
 * Fills every sector of the buffer with text that differs from the disk's. Skips anything that is not guest memory.
 */
export function markBuffer(map: VmMap, segments: readonly BufferSegment[], peek: Peek, mark: string): void {
	for (const {gpa, bytes, offset} of segments) {
		const text = uniquePattern(peek(offset, bytes), gpa, bytes, mark);
		for (let at = 0; at < bytes; at += SECTOR) {
			if (readIfMapped(map, gpa + at, SECTOR)) map.write(gpa + at, text.subarray(at, at + SECTOR));
		}
	}
}

/** A pattern that differs from the disk's data in every sector. */
function uniquePattern(onDisk: Uint8Array, gpa: number, bytes: number, mark: string): Uint8Array {
	for (let attempt = 0; ; attempt++) {
		const text = pattern(gpa, bytes, attempt === 0 ? mark : `${mark}.${attempt}`);
		const same = sectorsOf(onDisk).some(
			([at, sector]) => Buffer.compare(sector, text.subarray(at, at + sector.length)) === 0,
		);
		if (!same) return text;
	}
}

const sectorsOf = (bytes: Uint8Array): [at: number, sector: Uint8Array][] =>
	Array.from({length: Math.ceil(bytes.length / SECTOR)}, (_, i) => [
		i * SECTOR,
		bytes.subarray(i * SECTOR, (i + 1) * SECTOR),
	]);

/** The bytes of the buffer, in whole sectors, that match the disk's. */
export function matchingBytes(map: VmMap, segments: readonly BufferSegment[], peek: Peek): number {
	let matching = 0;
	for (const {gpa, bytes, offset} of segments) {
		for (const [at, sector] of sectorsOf(peek(offset, bytes))) {
			const inMemory = readIfMapped(map, gpa + at, sector.length);
			if (inMemory && Buffer.compare(sector, inMemory) === 0) matching += sector.length;
		}
	}
	return matching;
}

export function readIfMapped(map: VmMap | undefined, gpa: number, bytes: number): Uint8Array | undefined {
	if (map?.hpa(gpa) === undefined || map.hpa(gpa + bytes - 1) === undefined) return undefined;
	return map.read(gpa, bytes);
}
