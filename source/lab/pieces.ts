// How a request lies in guest memory: the segments that a command asks for, as the guest's disk can express them.

import {hex, PAGE_SIZE, SECTOR} from '../formats/address.js';
import type {DiskCommand} from '../seam/command.js';
import {UserError} from '../user-error.js';
import type {Guest} from './machine.js';
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

/** @throws UserError where the guest's driver cannot put such requests to its disk. */
export function checkPieces({disk, spec}: Guest, batch: readonly (readonly Piece[])[]): void {
	const {start, end} = disk.memory;
	for (const pieces of batch) {
		if (pieces.length > disk.maxSegments)
			throw new UserError(`segments is ${pieces.length}; ${spec.model} takes at most ${disk.maxSegments}.`);
		if (pieces.some(({bytes}) => bytes === 0))
			throw new UserError(
				`segments is ${pieces.length}, more than the request has pages; NVMe names memory by pages.`,
			);
		if (spec.model === 'nvme' && pieces.length > 1 && pieces[0].gpa % PAGE_SIZE !== 0)
			throw new UserError(
				`gpa ${hex(pieces[0].gpa)} is inside a page; NVMe needs it at a page's start for segments.`,
			);
		if (pieces.some(({gpa, bytes}) => gpa < end && gpa + bytes > start))
			throw new UserError(
				`gpa ${hex(pieces[0].gpa)} runs into the guest driver's own memory at ${hex(start)}–${hex(end - 1)}; choose another.`,
			);
	}
}
