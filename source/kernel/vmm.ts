// vmm(4): virtual machines, their memory, and what binding a passthru device does to the IOMMU's domains.

import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {Memory} from '../hardware/memory.js';
import type {Domain, Iommu} from './iommu.js';
import type {Ppt} from './ppt.js';
import {type MemMap, Vm} from './vm.js';
import type {VmPages} from './vm-page.js';

export class Vmm {
	readonly vms: Vm[] = [];
	/** Before D34607, vm_iommu_modify took wired guest pages out of the host domain. After it, they stay. */
	removesFromHost = true;

	readonly #iommu: Iommu;
	readonly #ppt: Ppt;
	readonly #memory: Memory;
	readonly #pages: VmPages;

	constructor(iommu: Iommu, ppt: Ppt, memory: Memory, pages: VmPages) {
		this.#iommu = iommu;
		this.#ppt = ppt;
		this.#memory = memory;
		this.#pages = pages;
	}

	create(name: string): Vm {
		const vm = new Vm(name, this.#memory);
		this.vms.push(vm);
		return vm;
	}

	/** VM_MMAP_MEMSEG of system memory with VM_MEMMAP_F_WIRED: its pages are there at once and cannot move. */
	mmapWired(vm: Vm, gpa: number, bytes: number): void {
		vm.sysmem.populate(gpa, this.#pages.alloc(bytes / PAGE_SIZE, vm.name));
		vm.map.insert(gpa, bytes, vm.sysmem, gpa);
		vm.memMaps.push({gpa, bytes, wired: true, iommu: false});
	}

	/** VM_BIND_PPTDEV: with the VM's first passthru device come its domain and its map. @throws VmmError */
	bind(vm: Vm, rid: Rid): void {
		if (this.#ppt.of(vm).length === 0) {
			vm.domain = this.#iommu.createDomain(vm.maxaddr);
			this.#modify(vm, vm.domain, true);
		}
		this.#ppt.assign(vm, rid);
	}

	/**
	 * What VM_REINIT does to a VM's passthru devices: all of them leave, and the domain with the last. Memory
	 * stays wired. @returns the devices to bind again.
	 */
	unbindAll(vm: Vm): Rid[] {
		const devices = this.#ppt.of(vm);
		for (const device of devices) this.#ppt.unassign(device);
		if (vm.domain !== undefined) {
			this.#modify(vm, vm.domain, false);
			this.#iommu.ops.destroyDomain(vm.domain);
			vm.domain = undefined;
		}
		return devices.map(({rid}) => rid);
	}

	/** vm_iommu_modify: gpa → hpa into the guest's domain or out of it, and, before D34607, hpa out of the host's. */
	#modify(vm: Vm, domain: Domain, map: boolean): void {
		const {ops} = this.#iommu;
		const host = this.#iommu.host();
		for (const memMap of vm.memMaps) {
			if (!memMap.wired) continue;
			for (const {gpa, hpa, bytes} of this.#pagesOf(vm, memMap)) {
				if (map) ops.createMapping(domain, gpa, hpa, bytes);
				else ops.removeMapping(domain, gpa, bytes);
				if (this.removesFromHost && map) ops.removeMapping(host, hpa, bytes);
				else if (this.removesFromHost) ops.createMapping(host, hpa, hpa, bytes);
			}
			memMap.iommu = map;
		}
		// The last invalidation names the domain from which entries may have gone.
		ops.invalidateTlb(map ? host : domain);
	}

	*#pagesOf(vm: Vm, {gpa, bytes}: MemMap): Generator<{gpa: number; hpa: number; bytes: number}> {
		for (const run of vm.map.runs(gpa, bytes)) {
			yield {gpa, ...run};
			gpa += run.bytes;
		}
	}
}
