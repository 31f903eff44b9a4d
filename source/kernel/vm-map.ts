// vm_map and vm_object: an address space is a list of entries, each of which maps a part of an object's pages. A guest's
// physical memory is one (guest physical addresses), and the bhyve process has another (its pointers).

import type {Memory} from '../hardware/memory.js';
import type {Run} from './vm-page.js';

/** Memory with pages: byte offset → physical address. */
export class VmObject {
	/** In order of offset. A sysmem segment has a hole between low and high memory. */
	readonly runs: {offset: number; hpa: number; bytes: number}[] = [];

	constructor(readonly owner: string) {}

	/** Adds pages from `offset` on. Offsets must increase from call to call. */
	populate(offset: number, runs: readonly Run[]): void {
		for (const {hpa, bytes} of runs) {
			this.runs.push({offset, hpa, bytes});
			offset += bytes;
		}
	}

	/** The run at a byte offset. */
	runAt(offset: number): {offset: number; hpa: number; bytes: number} | undefined {
		let low = 0;
		let high = this.runs.length - 1;
		while (low <= high) {
			const middle = (low + high) >>> 1;
			const run = this.runs[middle];
			if (offset < run.offset) high = middle - 1;
			else if (offset >= run.offset + run.bytes) low = middle + 1;
			else return run;
		}
		return undefined;
	}
}

export type VmMapEntry = {start: number; bytes: number; object: VmObject; offset: number};

/** An access to an unmapped address: EFAULT in a system call, SIGSEGV in a process. */
export class BadAddress extends Error {
	constructor(readonly address: number) {
		super(`nothing is mapped at 0x${address.toString(16)}`);
	}
}

export class VmMap {
	readonly entries: VmMapEntry[] = [];
	private readonly memory: Memory;
	/** The run last used by a scalar, and the distance to its physical address. */
	private lastStart = 0;
	private lastEnd = 0;
	private lastDelta = 0;

	constructor(memory: Memory) {
		this.memory = memory;
	}

	insert(start: number, bytes: number, object: VmObject, offset: number): void {
		this.entries.push({start, bytes, object, offset});
	}

	/** The mapping may have changed: what was found last is looked up again. */
	forget(): void {
		this.lastEnd = 0;
	}

	/** The physical address of an address. */
	hpa(address: number): number | undefined {
		return this.run(address, 1)?.hpa;
	}

	/** The physically contiguous runs of [address, address + bytes). @throws BadAddress */
	runs(address: number, bytes: number): Run[] {
		const runs: Run[] = [];
		for (let at = address; at < address + bytes; ) {
			const run = this.run(at, address + bytes - at);
			if (run === undefined) throw new BadAddress(at);
			runs.push(run);
			at += run.bytes;
		}
		return runs;
	}

	/** A copy of the bytes at an address. @throws BadAddress */
	read(address: number, bytes: number): Uint8Array {
		const copy = new Uint8Array(bytes);
		let done = 0;
		for (const run of this.runs(address, bytes)) {
			copy.set(this.memory.view(run.hpa, run.bytes), done);
			done += run.bytes;
		}
		return copy;
	}

	/** @throws BadAddress, with nothing written. */
	write(address: number, bytes: Uint8Array): void {
		let done = 0;
		for (const run of this.runs(address, bytes.length)) {
			this.memory.writable(run.hpa, run.bytes).set(bytes.subarray(done, done + run.bytes));
			done += run.bytes;
		}
	}

	/** memset of zeros. @throws BadAddress, with nothing written. */
	zero(address: number, bytes: number): void {
		for (const run of this.runs(address, bytes)) this.memory.writable(run.hpa, run.bytes).fill(0);
	}

	/** memcpy within this address space. @throws BadAddress */
	copy(to: number, from: number, bytes: number): void {
		this.runs(to, bytes);
		for (const run of this.runs(from, bytes)) {
			this.write(to, this.memory.view(run.hpa, run.bytes));
			to += run.bytes;
		}
	}

	u8(address: number): number {
		return this.memory.u8(this.byte(address));
	}

	/** Little-endian. An aligned scalar lies in one page, so in one run. */
	u16(address: number): number {
		if ((address & 1) === 0) return this.memory.u16(this.byte(address));
		return this.u8(address) | (this.u8(address + 1) << 8);
	}

	/** An index that another processor writes too (atomic_load_acq). */
	acquireU16(address: number): number {
		return (address & 1) === 0 ? this.memory.acquireU16(this.byte(address)) : this.u16(address);
	}

	/** An index that another processor reads too (atomic_store_rel). */
	releaseU16(address: number, value: number): void {
		if ((address & 1) === 0) this.memory.releaseU16(this.byte(address), value);
		else this.setU16(address, value);
	}

	u32(address: number): number {
		if ((address & 3) === 0) return this.memory.u32(this.byte(address));
		return (this.u16(address) | (this.u16(address + 2) << 16)) >>> 0;
	}

	setU8(address: number, value: number): void {
		this.memory.setU8(this.byte(address), value);
	}

	setU16(address: number, value: number): void {
		if ((address & 1) === 0) this.memory.setU16(this.byte(address), value);
		else {
			this.setU8(address, value & 0xff);
			this.setU8(address + 1, (value >>> 8) & 0xff);
		}
	}

	setU32(address: number, value: number): void {
		if ((address & 3) === 0) this.memory.setU32(this.byte(address), value);
		else {
			this.setU16(address, value & 0xffff);
			this.setU16(address + 2, value >>> 16);
		}
	}

	/** Reads four words. If they are aligned together they lie in one page. */
	words(address: number, into: Uint32Array): void {
		if ((address & 15) === 0) this.memory.words(this.byte(address), into);
		else for (let i = 0; i < 4; i++) into[i] = this.u32(address + 4 * i);
	}

	setWords(address: number, from: Uint32Array): void {
		if ((address & 15) === 0) this.memory.setWords(this.byte(address), from);
		else for (let i = 0; i < 4; i++) this.setU32(address + 4 * i, from[i]);
	}

	/** The physical address of one byte. Rings are read scalar by scalar, so the last run usually fits. */
	private byte(address: number): number {
		if (address < this.lastStart || address >= this.lastEnd) {
			const run = this.run(address, Number.MAX_SAFE_INTEGER);
			if (run === undefined) throw new BadAddress(address);
			this.lastStart = address;
			this.lastEnd = address + run.bytes;
			this.lastDelta = run.hpa - address;
		}
		return address + this.lastDelta;
	}

	/** The contiguous memory at an address, at most `bytes`. */
	private run(address: number, bytes: number): Run | undefined {
		const entry = this.entryAt(address);
		if (entry === undefined) return undefined;
		const offset = entry.offset + address - entry.start;
		const run = entry.object.runAt(offset);
		if (run === undefined) return undefined;
		const left = Math.min(run.offset + run.bytes - offset, entry.start + entry.bytes - address);
		return {hpa: run.hpa + offset - run.offset, bytes: Math.min(bytes, left)};
	}

	private entryAt(address: number): VmMapEntry | undefined {
		for (const entry of this.entries)
			if (address >= entry.start && address < entry.start + entry.bytes) return entry;
		return undefined;
	}
}
