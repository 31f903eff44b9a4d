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
/** Addresses of the guest's own IOMMU, all of them, where it has one. */
const IOVA_BASE = 2 ** 50;
const IOVA_BYTES = 2 ** 48;
/** vm_map_gpa's result outside guest memory. */
export const NULL = 0;

/** An IOMMU that the guest's own kernel sets up for its devices. */
export interface OwnIommu {
	/** The GPA of an IOVA. @returns undefined if the access is refused */
	translate(iova: number, write: boolean): number | undefined;
	/** Has such a refusal recorded, where the guest's kernel finds it. */
	refused(iova: number, write: boolean): void;
}

/** The guest's pages as its devices address them. Each is looked up whenever it is used. */
class IovaPages extends VmObject {
	constructor(
		private readonly vm: Vm,
		private readonly own: () => OwnIommu | undefined,
	) {
		super(vm.name);
	}

	override runAt(iova: number) {
		const offset = iova - (iova % PAGE_SIZE);
		const gpa = this.own()?.translate(offset, false);
		const hpa = gpa === undefined ? undefined : this.vm.map.hpa(gpa);
		return hpa === undefined ? undefined : {offset, hpa, bytes: PAGE_SIZE};
	}
}

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
	private own: OwnIommu | undefined;
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

	/** From now on the guest's devices use addresses of an IOMMU of its own; without one, GPAs. */
	set ownIommu(iommu: OwnIommu | undefined) {
		if (iommu !== undefined && this.own === undefined)
			this.process.insert(IOVA_BASE, IOVA_BYTES, new IovaPages(this.vm, () => this.own), 0);
		this.own = iommu;
	}

	/**
	 * vm_map_gpa (paddr_guest2host): a pointer to [gpa, gpa + bytes), or NULL if it is not all memory. `write`: what it is
	 * for, which an IOMMU of the guest's own may refuse.
	 */
	mapGpa(gpa: number, bytes: number, write = false): number {
		return this.own === undefined
			? this.pointerOf(gpa, bytes)
			: this.iovaPointer(this.own, gpa, bytes, write);
	}

	private iovaPointer(own: OwnIommu, iova: number, bytes: number, write: boolean): number {
		if (iova + bytes > IOVA_BYTES) return NULL;
		for (let at = iova - (iova % PAGE_SIZE); at < iova + bytes; at += PAGE_SIZE) {
			const gpa = own.translate(at, write);
			if (gpa === undefined) own.refused(at, write);
			if (gpa === undefined || this.pointerOf(gpa, PAGE_SIZE) === NULL) return NULL;
		}
		return IOVA_BASE + iova;
	}

	/** The same for a GPA, past an IOMMU of the guest's own. */
	pointerOf(gpa: number, bytes: number): number {
		for (const {start, end} of this.pieces)
			if (gpa >= start && gpa < end && gpa + bytes <= end) return GUEST_BASE + gpa;
		return NULL;
	}

	/** The GPA of a pointer into guest memory; with an IOMMU of the guest's own, its IOVA. */
	gpaOf(pointer: number): number | undefined {
		if (pointer >= IOVA_BASE) return pointer - IOVA_BASE;
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
