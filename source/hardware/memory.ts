// Host physical memory. Each 4 GiB of address space is one WebAssembly.Memory. It is page-aligned, so the disk can be
// read straight into it with O_DIRECT, and it takes up only the pages in use.

import {GIB, PAGE_SIZE} from '../formats/address.js';
import {UserError} from '../user-error.js';
import type {PageLog} from './page-log.js';

const SLOT = 4 * GIB;
const WASM_PAGE = 65536;
/** DIMMs fill 0–3 GiB. The rest follows the PCI hole, from 4 GiB. */
const HOLE_START = 3 * GIB;

/** Addresses in the first slot, which most are, need no division. */
const slotOf = (hpa: number): number => (hpa < SLOT ? 0 : Math.floor(hpa / SLOT));

export type Segment = {base: number; bytes: number};

export class Memory {
	readonly segments: readonly Segment[];
	/** The first address beyond memory. */
	end: number;
	readonly #bytes: Uint8Array[] = [];
	readonly #halves: Uint16Array[] = [];
	readonly #words: Uint32Array[] = [];
	/** The same words, signed, by slot (address bits 51:32): a walk handles small integers without doubles. */
	readonly signed: Int32Array[] = [];

	/** How often each page was written, or may have been. */
	readonly #writes: Uint32Array[] = [];
	#log: PageLog | undefined;
	/** The page last logged: most writes are to the same page again. */
	#lastLogged = -1;

	/** @throws UserError if this process cannot reserve that much address space. */
	constructor(readonly bytes: number) {
		const segments: Segment[] = [{base: 0, bytes: Math.min(bytes, HOLE_START)}];
		for (let base = SLOT, rest = bytes - HOLE_START; rest > 0; base += SLOT, rest -= SLOT) {
			segments.push({base, bytes: Math.min(rest, SLOT)});
		}
		for (const {bytes: length} of segments) {
			const segment = pageAligned(length);
			this.#bytes.push(segment);
			this.#halves.push(new Uint16Array(segment.buffer, 0, length / 2));
			this.#words.push(new Uint32Array(segment.buffer, 0, length / 4));
			this.signed.push(new Int32Array(segment.buffer, 0, length / 4));
			this.#writes.push(new Uint32Array(Math.ceil(length / PAGE_SIZE)));
		}
		this.segments = segments;
		const last = segments[segments.length - 1] ?? {base: 0, bytes: 0};
		this.end = last.base + last.bytes;
	}

	/**
	 * Adds memory that is somebody else's too, page-aligned, at the next multiple of 4 GiB; or in the place of what was
	 * attached at `base` before. Once the buffer is detached, there is no memory there. @returns its address
	 */
	attach(buffer: ArrayBuffer, base = this.#bytes.length * SLOT): number {
		for (let done = 0; done < buffer.byteLength; done += SLOT) {
			const slot = slotOf(base + done);
			const length = Math.min(SLOT, buffer.byteLength - done);
			this.#bytes[slot] = new Uint8Array(buffer, done, length);
			this.#halves[slot] = new Uint16Array(buffer, done, length / 2);
			this.#words[slot] = new Uint32Array(buffer, done, length / 4);
			this.signed[slot] = new Int32Array(buffer, done, length / 4);
			this.#writes[slot] ??= new Uint32Array(Math.ceil(length / PAGE_SIZE));
		}
		this.end = Math.max(this.end, base + buffer.byteLength);
		return base;
	}

	has(hpa: number, length: number): boolean {
		const bytes = this.#bytes[slotOf(hpa)];
		return bytes !== undefined && hpa >= 0 && (hpa >>> 0) + length <= bytes.length;
	}

	/** The words of a page. `writable`: the caller may write to them. */
	page(hpa: number, writable = false): Uint32Array | undefined {
		if (!this.has(hpa, PAGE_SIZE)) return undefined;
		if (writable) this.#written(hpa);
		const at = (hpa >>> 0) / 4;
		return this.#words[slotOf(hpa)]?.subarray(at, at + PAGE_SIZE / 4);
	}

	/** The bytes at an address, not a copy. Read only. @throws RangeError outside memory */
	view(hpa: number, length: number): Uint8Array {
		if (!this.has(hpa, length)) throw new RangeError(`no memory at ${hpa.toString(16)}+${length}`);
		const at = hpa >>> 0;
		return (this.#bytes[slotOf(hpa)] ?? this.#bytes[0]).subarray(at, at + length);
	}

	/** The same, for writing. */
	writable(hpa: number, length: number): Uint8Array {
		const bytes = this.view(hpa, length);
		for (let at = hpa; at < hpa + length; at += PAGE_SIZE) this.#written(at);
		if (length > 0) this.#written(hpa + length - 1);
		return bytes;
	}

	/** From now on, each page is copied into `log` before its first write. Undefined stops this. */
	keepIn(log: PageLog | undefined): void {
		this.#log = log;
		this.#lastLogged = -1;
	}

	/** Puts a page at an address without logging what was there. */
	restore(hpa: number, page: Uint8Array): void {
		this.view(hpa, PAGE_SIZE).set(page);
		this.#writes[slotOf(hpa)][hpa >>> 12]++;
	}

	/**
	 * Differs from before once the page at a page-aligned address has been written. NaN for memory that is somebody else's
	 * too, whose writes cannot be seen.
	 */
	version(hpa: number): number {
		const slot = slotOf(hpa);
		return slot < this.segments.length ? (this.#writes[slot]?.[hpa >>> 12] ?? 0) : Number.NaN;
	}

	#written(hpa: number): void {
		this.#writes[slotOf(hpa)][hpa >>> 12]++;
		if (this.#log !== undefined) this.#logPage(hpa);
	}

	#logPage(hpa: number): void {
		const page = hpa - (hpa % PAGE_SIZE);
		if (page === this.#lastLogged) return;
		this.#lastLogged = page;
		if (this.#log?.has(page) === false) this.#log.keep(page, this.view(page, PAGE_SIZE));
	}

	/** Zeroes whole pages. Pages that are all zeros are not touched: the system may never have backed them. */
	clear(hpa: number, bytes: number): void {
		for (let at = hpa; at < hpa + bytes; at += PAGE_SIZE) {
			const words = this.page(at);
			let i = 0;
			while (words !== undefined && i < words.length && words[i] === 0) i++;
			if (words === undefined || i === words.length) continue;
			this.#written(at);
			words.fill(0, i);
		}
	}

	u8(hpa: number): number {
		return this.#bytes[slotOf(hpa)][hpa >>> 0];
	}

	setU8(hpa: number, value: number): void {
		this.#written(hpa);
		this.#bytes[slotOf(hpa)][hpa >>> 0] = value;
	}

	/** The 16-bit word at a 2-aligned address. */
	u16(hpa: number): number {
		return this.#halves[slotOf(hpa)][hpa >>> 1];
	}

	setU16(hpa: number, value: number): void {
		this.#written(hpa);
		this.#halves[slotOf(hpa)][hpa >>> 1] = value;
	}

	/** What others write at the same time: nothing that comes later is read before it. 2-aligned. */
	acquireU16(hpa: number): number {
		return Atomics.load(this.#halves[slotOf(hpa)], hpa >>> 1);
	}

	/** What others read at the same time: all that came before is there when they see it. 2-aligned. */
	releaseU16(hpa: number, value: number): void {
		this.#written(hpa);
		Atomics.store(this.#halves[slotOf(hpa)], hpa >>> 1, value);
	}

	/** The 32-bit word at a 4-aligned address. */
	u32(hpa: number): number {
		return this.#words[slotOf(hpa)][hpa >>> 2];
	}

	setU32(hpa: number, value: number): void {
		this.#written(hpa);
		this.#words[slotOf(hpa)][hpa >>> 2] = value;
	}

	/** Fills `into` from a 4-aligned address. */
	words(hpa: number, into: Uint32Array): void {
		const words = this.#words[slotOf(hpa)];
		const at = hpa >>> 2;
		for (let i = 0; i < into.length; i++) into[i] = words[at + i];
	}

	setWords(hpa: number, from: Uint32Array): void {
		this.#written(hpa);
		const words = this.#words[slotOf(hpa)];
		const at = hpa >>> 2;
		for (let i = 0; i < from.length; i++) words[at + i] = from[i];
	}
}

/**
 * Zeroed, page-aligned bytes, as O_DIRECT requires. An ArrayBuffer need not be page-aligned.
 * @throws UserError if this process cannot reserve that much address space.
 */
export function pageAligned(bytes: number): Uint8Array<ArrayBuffer> {
	const pages = Math.ceil(bytes / WASM_PAGE);
	try {
		return new Uint8Array(new WebAssembly.Memory({initial: pages, maximum: pages}).buffer, 0, bytes);
	} catch {
		throw new UserError(
			'Host memory exceeds the address space of this process; give --host-memory a smaller size.',
		);
	}
}
