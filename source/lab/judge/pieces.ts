// How a request lies in guest memory: the segments that a command asks for, as the guest's disk can express them.

import {hex, PAGE_SIZE, SECTOR} from '../../formats/address.js';
import type {GuestRequest} from '../../guest/disk.js';
import type {DiskCommand} from '../../machine/command.js';
import {UserError} from '../../user-error.js';
import type {Guest} from '../build/machine.js';
import type {Piece} from './marks.js';

/**
 * The pieces of the `index`th request of a command, one after the other in guest memory and as equal as can be.
 * bhyve's NVMe joins neighbouring pages again, so there each piece but the first is a page away from the one before.
 */
export function piecesOf({spec}: Guest, command: DiskCommand, index: number): Piece[] {
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

export type PiecedRequest = GuestRequest & {segments: readonly Piece[]};

/** What a command asks of the guest's disk. @throws UserError where its driver cannot put such requests to it */
export function requestsOf(guest: Guest, command: DiskCommand): PiecedRequest[] {
	const {do: op, lba, sectors, requests = 1} = command;
	const asked = Array.from({length: requests}, (_, i) => ({
		op,
		sector: lba + i * sectors,
		segments: piecesOf(guest, command, i),
		sectors,
	}));
	checkRequests(guest, asked);
	return asked;
}

/** @throws UserError where the guest's driver cannot put such requests to its disk. */
function checkRequests({disk}: Guest, requests: readonly GuestRequest[]): void {
	const {start, end} = disk.memory;
	for (const request of requests) {
		const {segments} = request;
		const problem = disk.problem(request);
		if (problem !== undefined) throw new UserError(problem);
		if (segments.some(({gpa, bytes}) => gpa < end && gpa + bytes > start)) {
			const own = `${hex(start)}–${hex(end - 1)}`;
			throw new UserError(
				`gpa ${hex(segments[0].gpa)} runs into the guest driver's own memory at ${own}; choose another.`,
				['gpa'],
			);
		}
	}
}
