// /proc/kcore: this machine's memory as a core file (ELF, System V ABI; Linux's fs/proc/kcore.c). Only memory is in it: where
// devices have their registers nothing is read. Physical addresses are plain numbers; the kernel's virtual ones, which
// only a few structures have, are BigInts.

import fs from 'node:fs';
import {setImmediate as yieldToEventLoop} from 'node:timers/promises';
import {PAGE_SIZE} from '../../../formats/address.js';
import type {LiveMemory} from '../../tables/table-pages.js';

/** A piece of memory: where it is in the file. `hpa` is undefined for vmalloc and modules. */
type Segment = {virtual: bigint; bytes: bigint; offset: bigint; hpa?: number};
/** Physical memory in the file, as numbers for reading by page. `offset`: a bigint where it exceeds 2^53. */
type Block = {hpa: number; end: number; offset: number; base?: bigint};

const HEADER_BYTES = 64;
const PROGRAM_HEADER = {BYTES: 56, LOAD: 1, NOTE: 4};
/** More segments than any machine has memory ranges. */
const MOST_SEGMENTS = 65_536;
const NOTE_BYTES = 1 << 20;
const NO_HPA = 0xffff_ffff_ffff_ffffn;
/** Pages that are read before others may have a turn. */
const TURN = 256;

/** The file is not one of this kind, or memory is not where its head says. */
export class KcoreError extends Error {}

export class Kcore implements LiveMemory {
	readonly guarded = true;
	private readonly segments: readonly Segment[];
	private readonly blocks: readonly Block[];
	private reads = 0;
	private closed = false;

	/** @throws KcoreError if the file is not a core of this machine; the system's error */
	static open(path: string): Kcore {
		const descriptor = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOCTTY);
		try {
			return new Kcore(descriptor);
		} catch (error) {
			fs.closeSync(descriptor);
			throw error;
		}
	}

	private constructor(private readonly descriptor: number) {
		this.segments = this.readSegments();
		this.blocks = this.segments
			.flatMap(({hpa, bytes, offset}): Block[] => {
				if (hpa === undefined) return [];
				const isExact = offset + bytes <= BigInt(Number.MAX_SAFE_INTEGER);
				const base = isExact ? {} : {base: offset};
				return [{hpa, end: hpa + Number(bytes), offset: isExact ? Number(offset) : 0, ...base}];
			})
			.sort((a, b) => a.hpa - b.hpa);
	}

	/** The memory's ranges by address, joined where they touch or overlap: the kernel's image is there twice. */
	get ranges(): {hpa: number; bytes: number}[] {
		const found: {hpa: number; bytes: number}[] = [];
		for (const {hpa, end} of this.blocks) {
			const last = found.at(-1);
			if (last !== undefined && hpa <= last.hpa + last.bytes)
				last.bytes = Math.max(last.bytes, end - last.hpa);
			else found.push({hpa, bytes: end - hpa});
		}
		return found;
	}

	/** Not any page: only those of tables are shown, and these are cached. */
	page(): undefined {
		return undefined;
	}

	readPage(hpa: number, words: Uint32Array): boolean | Promise<boolean> {
		if (++this.reads % TURN !== 0) return this.readNow(hpa, words);
		return yieldToEventLoop().then(() => this.readNow(hpa, words));
	}

	private readNow(hpa: number, words: Uint32Array): boolean {
		const block = this.blocks.find(each => hpa >= each.hpa && hpa + PAGE_SIZE <= each.end);
		if (block === undefined || this.closed || hpa % PAGE_SIZE !== 0) return false;
		const at = hpa - block.hpa;
		const position = block.base === undefined ? block.offset + at : block.base + BigInt(at);
		return this.fill(new Uint8Array(words.buffer, words.byteOffset, PAGE_SIZE), position);
	}

	/** Bytes at one of the kernel's own addresses. @throws KcoreError if no memory is there */
	virtual(address: bigint, length: number): Buffer {
		const segment = this.segmentAt(address, length);
		const bytes = Buffer.alloc(length);
		if (segment === undefined || !this.fill(bytes, segment.offset + address - segment.virtual))
			throw new KcoreError(`no memory at 0x${address.toString(16)}`);
		return bytes;
	}

	/** The physical address of one of the kernel's own, which lies in memory that is mapped as a whole. @throws KcoreError */
	physical(address: bigint): number {
		const segment = this.segmentAt(address, 1);
		if (segment?.hpa === undefined) throw new KcoreError(`no physical address for 0x${address.toString(16)}`);
		return segment.hpa + Number(address - segment.virtual);
	}

	/** The text that kernels leave for crash tools; undefined if there is none. */
	get vmcoreinfo(): string | undefined {
		const name = 'VMCOREINFO';
		for (let at = 0; at + 12 <= this.notes.length; ) {
			const [nameBytes, bytes] = [this.notes.readUInt32LE(at), this.notes.readUInt32LE(at + 4)];
			const from = at + 12 + padded(nameBytes);
			if (this.notes.toString('latin1', at + 12, at + 12 + name.length) === name)
				return this.notes.toString('latin1', from, from + bytes);
			at = from + padded(bytes);
		}
		return undefined;
	}

	close(): void {
		if (this.closed) return;
		// The descriptor may be reused for another file from now on.
		this.closed = true;
		fs.closeSync(this.descriptor);
	}

	private notes: Buffer = Buffer.alloc(0);

	private readSegments(): Segment[] {
		const head = Buffer.alloc(HEADER_BYTES);
		const isElf = this.fill(head, 0) && head.toString('latin1', 0, 6) === '\x7fELF\x02\x01';
		if (!isElf) throw new KcoreError('not a 64-bit ELF file');
		const count = head.readUInt16LE(56);
		if (count === 0 || count > MOST_SEGMENTS) throw new KcoreError(`${count} segments`);
		const table = Buffer.alloc(count * PROGRAM_HEADER.BYTES);
		if (!this.fill(table, head.readBigUInt64LE(32))) throw new KcoreError('no segments');
		const found: Segment[] = [];
		for (let at = 0; at < table.length; at += PROGRAM_HEADER.BYTES) {
			const word = (offset: number) => table.readBigUInt64LE(at + offset);
			const type = table.readUInt32LE(at);
			const [offset, virtual, hpa, bytes] = [word(8), word(16), word(24), word(32)];
			if (type === PROGRAM_HEADER.NOTE && bytes <= NOTE_BYTES) {
				const notes = Buffer.alloc(Number(bytes));
				if (this.fill(notes, offset)) this.notes = notes;
			} else if (type === PROGRAM_HEADER.LOAD) {
				const isMemory = hpa !== NO_HPA && hpa + bytes < 2n ** 52n;
				found.push({virtual, bytes, offset, ...(isMemory ? {hpa: Number(hpa)} : {})});
			}
		}
		if (!found.some(({hpa}) => hpa !== undefined)) throw new KcoreError('no segment has a physical address');
		return found;
	}

	private segmentAt(address: bigint, length: number): Segment | undefined {
		return this.segments.find(
			({virtual, bytes}) => address >= virtual && address + BigInt(length) <= virtual + bytes,
		);
	}

	/** False if the file has fewer bytes there, or refuses them: memory may be unplugged. */
	private fill(bytes: Uint8Array, position: number | bigint): boolean {
		try {
			return fs.readSync(this.descriptor, bytes, 0, bytes.length, position) === bytes.length;
		} catch {
			return false;
		}
	}
}

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;
