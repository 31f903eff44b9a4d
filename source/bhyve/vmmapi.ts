// libvmmapi in the bhyve process: guest memory lies at 0–3 GiB and from 4 GiB on. All of it is mapped into the process
// from /dev/vmm/<vm>, so device models turn a GPA into a pointer by addition.

import {GIB, PAGE_SIZE} from '../formats/address.js';
import type {Memory} from '../hardware/memory.js';
import type {Vm} from '../kernel/vm.js';
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

export class VmContext {
	/** The address space of this bhyve process. */
	readonly process: VmMap;
	private readonly lowmem: number;
	private readonly highmem: number;
	private heap = HEAP_BASE;

	/** vm_create and vm_setup_memory, with `bytes` of guest memory. -S wires it. */
	constructor(
		readonly vm: Vm,
		vmm: Vmm,
		memory: Memory,
		bytes: number,
		wired = true,
	) {
		this.process = new VmMap(memory);
		this.lowmem = Math.min(bytes, LOWMEM_LIMIT);
		this.highmem = bytes - this.lowmem;
		for (const [gpa, length] of [
			[0, this.lowmem],
			[HIGHMEM_BASE, this.highmem],
		]) {
			if (length === 0) continue;
			vmm.mmap(vm, gpa, length, wired);
			this.process.insert(GUEST_BASE + gpa, length, vm.sysmem, gpa);
		}
	}

	/** vm_map_gpa (paddr_guest2host): a pointer to [gpa, gpa + bytes), or NULL if it is not all memory. */
	mapGpa(gpa: number, bytes: number): number {
		const low = gpa < this.lowmem && gpa + bytes <= this.lowmem;
		const highEnd = HIGHMEM_BASE + this.highmem;
		const high = gpa >= HIGHMEM_BASE && gpa < highEnd && gpa + bytes <= highEnd;
		return low || high ? GUEST_BASE + gpa : NULL;
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
