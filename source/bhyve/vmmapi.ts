// libvmmapi in the bhyve process: guest memory lies at 0–3 GiB and from 4 GiB on. All of it is mapped into the process
// from /dev/vmm/<vm>, so device models turn a GPA into a pointer by addition.

import {GIB, PAGE_SIZE} from '../formats/address.js';
import type {Memory} from '../hardware/memory.js';
import type {Ram, Vm} from '../kernel/vm.js';
import {VmMap, VmObject} from '../kernel/vm-map.js';
import type {VmPages} from '../kernel/vm-page.js';
import type {Vmm} from '../kernel/vmm.js';

const LOWMEM_LIMIT = 3 * GIB;
const HIGHMEM_BASE = 4 * GIB;
/** The addresses that mmap gives the guest, after a guard of 4 MiB, and that malloc uses. */
const GUEST_BASE = 0x28_0000_0000 + 4 * 1024 * 1024;
const HEAP_BASE = 0x8_0100_0000;
/** vm_map_gpa's result outside guest memory. */
export const NULL = 0;

/** The memory of a guest: below the PCI hole, and the rest above it. */
export const ramOf = (bytes: number): Ram[] =>
	[
		{gpa: 0, bytes: Math.min(bytes, LOWMEM_LIMIT)},
		{gpa: HIGHMEM_BASE, bytes: Math.max(0, bytes - LOWMEM_LIMIT)},
	].filter(part => part.bytes > 0);

export class VmContext {
	/** The address space of this bhyve process. */
	readonly process: VmMap;
	/** Guest memory in pieces that do not touch. */
	private readonly pieces: {start: number; end: number}[] = [];
	private heap = HEAP_BASE;

	/** vm_create and vm_setup_memory, with `ram` of guest memory, in order of address. -S wires it. */
	constructor(
		readonly vm: Vm,
		vmm: Vmm,
		memory: Memory,
		ram: readonly Ram[],
		wired = true,
	) {
		this.process = new VmMap(memory);
		for (const part of ram) {
			const {gpa, bytes} = part;
			vmm.mmap(vm, part, wired);
			this.process.insert(GUEST_BASE + gpa, bytes, vm.sysmem, gpa);
			const last = this.pieces.at(-1);
			if (last?.end === gpa) last.end += bytes;
			else this.pieces.push({start: gpa, end: gpa + bytes});
		}
	}

	/** vm_map_gpa (paddr_guest2host): a pointer to [gpa, gpa + bytes), or NULL if it is not all memory. */
	mapGpa(gpa: number, bytes: number): number {
		for (const {start, end} of this.pieces)
			if (gpa >= start && gpa < end && gpa + bytes <= end) return GUEST_BASE + gpa;
		return NULL;
	}

	/** The GPA of a pointer into guest memory. */
	gpaOf(pointer: number): number | undefined {
		return pointer >= GUEST_BASE ? pointer - GUEST_BASE : undefined;
	}

	/** malloc: the process's own memory, invisible to guests. */
	malloc(bytes: number, pages: VmPages, owner: string): number {
		const object = new VmObject(owner);
		object.populate(0, pages.alloc(bytes / PAGE_SIZE, owner));
		const pointer = this.heap;
		this.process.insert(pointer, bytes, object, 0);
		this.heap += bytes + PAGE_SIZE;
		return pointer;
	}
}
