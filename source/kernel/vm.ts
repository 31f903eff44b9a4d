// A virtual machine: its physical address space, and the domain of its passthru devices.

import {PAGE_SIZE} from '../formats/address.js';
import type {Memory} from '../hardware/memory.js';
import type {Domain} from './iommu.js';
import {VmMap, VmObject} from './vm-map.js';

/** struct mem_map: a part of a segment, mapped at a guest physical address. */
export type MemMap = {gpa: number; bytes: number; wired: boolean; iommu: boolean};

/** A part of a guest's memory, and where it is, if that is given. */
export type Ram = {gpa: number; bytes: number; hpa?: number};

export class Vm {
	/** The guest's physical address space, as in its EPT. */
	readonly map: VmMap;
	/** The system memory segment. A byte's offset is its GPA, so there is a hole above low memory. */
	readonly sysmem: VmObject;
	readonly memMaps: MemMap[] = [];
	domain: Domain | undefined;

	constructor(
		readonly name: string,
		memory: Memory,
	) {
		this.map = new VmMap(memory);
		this.sysmem = new VmObject(name);
	}

	/** vmm_sysmem_maxaddr: the end of guest memory. */
	get maxaddr(): number {
		return Math.max(0, ...this.memMaps.map(({gpa, bytes}) => gpa + bytes));
	}

	get pages(): number {
		return this.memMaps.reduce((sum, {bytes}) => sum + bytes / PAGE_SIZE, 0);
	}
}
