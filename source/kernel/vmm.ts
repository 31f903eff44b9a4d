// vmm(4): virtual machines, their memory, and what binding a passthru device does to the IOMMU's domains.

import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {Memory} from '../hardware/memory.js';
import type {Domain, Iommu} from './iommu.js';
import {type Ppt, VmmError} from './ppt.js';
import {type MemMap, Vm} from './vm.js';
import type {VmPages} from './vm-page.js';

export class Vmm {
	readonly vms: Vm[] = [];
	/** Before D34607, vm_iommu_modify took wired guest pages out of the host domain. After it, they stay. */
	removesFromHost = true;

	private readonly iommu: Iommu;
	private readonly ppt: Ppt;
	private readonly memory: Memory;
	private readonly pages: VmPages;

	constructor(iommu: Iommu, ppt: Ppt, memory: Memory, pages: VmPages) {
		this.iommu = iommu;
		this.ppt = ppt;
		this.memory = memory;
		this.pages = pages;
	}

	create(name: string): Vm {
		const vm = new Vm(name, this.memory);
		this.vms.push(vm);
		return vm;
	}

	/** VM_MMAP_MEMSEG of system memory; with VM_MEMMAP_F_WIRED its pages cannot move. */
	mmap(vm: Vm, gpa: number, bytes: number, wired: boolean): void {
		vm.sysmem.populate(gpa, this.pages.alloc(bytes / PAGE_SIZE, vm.name));
		vm.map.insert(gpa, bytes, vm.sysmem, gpa);
		vm.memMaps.push({gpa, bytes, wired, iommu: false});
	}

	/**
	 * VM_BIND_PPTDEV (vm_assign_pptdev): with the VM's first passthru device come its domain and its map. Where the
	 * device is then refused, nothing of that is rolled back; and a domain that is there already is forgotten, not
	 * destroyed (a debug kernel asserts that there is none). @throws VmmError ENXIO, ENOENT, EBUSY
	 */
	bind(vm: Vm, rid: Rid): void {
		if (this.ppt.of(vm).length === 0) {
			vm.domain = this.iommu.createDomain(vm.maxaddr);
			if (vm.domain === undefined) throw new VmmError('ENXIO', 'this machine has no IOMMU');
			this.modify(vm, vm.domain, true);
		}
		this.ppt.assign(vm, rid);
	}

	/** VM_UNBIND_PPTDEV (vm_unassign_pptdev): with the last device goes the map; the domain stays. @throws VmmError */
	unbind(vm: Vm, rid: Rid): void {
		this.ppt.unassign(vm, rid);
		if (vm.domain !== undefined && this.ppt.of(vm).length === 0) this.modify(vm, vm.domain, false);
	}

	/** VM_REINIT: all passthru devices leave, and the domain goes. Memory stays wired. */
	reinit(vm: Vm): void {
		this.cleanup(vm);
	}

	/** VM_DESTROY: as reinit, and then the memory is given back. */
	destroy(vm: Vm): void {
		this.cleanup(vm);
		this.pages.free(vm.name);
		this.vms.splice(this.vms.indexOf(vm), 1);
	}

	/**
	 * vm_cleanup. It sees to the map by way of the last device that leaves: where a bind has failed there is none,
	 * and before D34607 the VM's pages then stay out of the host domain.
	 */
	private cleanup(vm: Vm): void {
		for (const {rid} of this.ppt.of(vm)) this.unbind(vm, rid);
		if (vm.domain !== undefined) this.iommu.ops.destroyDomain(vm.domain);
		vm.domain = undefined;
		for (const memMap of vm.memMaps) memMap.iommu = false;
	}

	/** vm_iommu_modify: gpa → hpa into the guest's domain or out of it, and, before D34607, hpa out of the host's. */
	private modify(vm: Vm, domain: Domain, map: boolean): void {
		const {ops} = this.iommu;
		const host = this.iommu.host();
		for (const memMap of vm.memMaps) {
			if (!memMap.wired) continue;
			for (const {gpa, hpa, bytes} of this.pagesOf(vm, memMap)) {
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

	private *pagesOf(vm: Vm, {gpa, bytes}: MemMap): Generator<{gpa: number; hpa: number; bytes: number}> {
		for (const run of vm.map.runs(gpa, bytes)) {
			yield {gpa, ...run};
			gpa += run.bytes;
		}
	}
}
