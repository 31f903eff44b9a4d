// What a guest has in its buffer before a transfer, so that "untouched" can be told from "arrived", and how much of it
// is, afterwards, what the disk holds.

import {hex, SECTOR} from '../../formats/address.js';
import type {VmMap} from '../../kernel/vm-map.js';

/** A part of the guest's buffer, in whole sectors, and the byte of the disk that belongs there. */
export type Piece = {gpa: number; bytes: number; offset: number};

/**
 * The disk's bytes at an offset, without asking an IOMMU; fewer where it ends. They are put in `into`, where that is
 * given. @throws the system's error where the disk cannot be read
 */
export type Peek = (offset: number, bytes: number, into?: Uint8Array) => Uint8Array;

/** Text that says where it is, so that an untouched buffer can be told from a read one at a glance. */
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

/** Marks every sector of the buffer. Addresses that are not its memory are passed over. */
export function markBuffer(map: VmMap, pieces: readonly Piece[], peek: Peek, mark: string): void {
	for (const {gpa, bytes, offset} of pieces) {
		const text = unlike(peek(offset, bytes), gpa, bytes, mark);
		for (let at = 0; at < bytes; at += SECTOR) {
			if (readWhereMapped(map, gpa + at, SECTOR)) map.write(gpa + at, text.subarray(at, at + SECTOR));
		}
	}
}

/** Such a text that no sector of it is what the disk already holds there: else nothing could be told from it. */
function unlike(onDisk: Uint8Array, gpa: number, bytes: number, mark: string): Uint8Array {
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

/** How many bytes of the buffer, in whole sectors, are those that the disk holds. */
export function sameBytes(map: VmMap, pieces: readonly Piece[], peek: Peek): number {
	let same = 0;
	for (const {gpa, bytes, offset} of pieces) {
		for (const [at, sector] of sectorsOf(peek(offset, bytes))) {
			const there = readWhereMapped(map, gpa + at, sector.length);
			if (there && Buffer.compare(sector, there) === 0) same += sector.length;
		}
	}
	return same;
}

export function readWhereMapped(map: VmMap | undefined, gpa: number, bytes: number): Uint8Array | undefined {
	if (map?.hpa(gpa) === undefined || map.hpa(gpa + bytes - 1) === undefined) return undefined;
	return map.read(gpa, bytes);
}
