// vmm(4): virtual machines, their memory, and the effect of a passthru device on the IOMMU's domains.

import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {Memory} from '../hardware/memory.js';
import type {Domain, Iommu} from './iommu.js';
import {type Ppt, VmmError} from './ppt.js';
import type {Release} from './release.js';
import {type MemMap, type Ram, Vm} from './vm.js';
import type {VmPages} from './vm-page.js';

export class Vmm {
	readonly vms: Vm[] = [];
	/** Before D34607, vm_iommu_modify removed wired guest pages from the host domain. Since then they stay. */
	removesFromHost = true;

	private readonly iommu: Iommu;
	private readonly ppt: Ppt;
	private readonly memory: Memory;
	private readonly pages: VmPages;
	private readonly release: Release;

	constructor(iommu: Iommu, ppt: Ppt, memory: Memory, pages: VmPages, release: Release) {
		this.release = release;
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

	/** VM_MMAP_MEMSEG of system memory. With VM_MEMMAP_F_WIRED its pages cannot move. `hpa`: pages that it has already. */
	mmap(vm: Vm, {gpa, bytes, hpa}: Ram, wired: boolean): void {
		if (hpa !== undefined) this.pages.adopt({hpa, bytes}, vm.name);
		vm.sysmem.populate(
			gpa,
			hpa === undefined ? this.pages.alloc(bytes / PAGE_SIZE, vm.name) : [{hpa, bytes}],
		);
		vm.map.insert(gpa, bytes, vm.sysmem, gpa);
		vm.memMaps.push({gpa, bytes, wired, iommu: false});
	}

	/**
	 * VM_BIND_PPTDEV (vm_assign_pptdev): the VM's first passthru device creates and maps its domain. If ppt then refuses
	 * the device, nothing is rolled back; since D49629 nothing has been mapped by then. An old domain is leaked, not
	 * destroyed (a debug kernel asserts that there is none). @throws VmmError ENXIO, ENOENT, EBUSY
	 */
	bind(vm: Vm, rid: Rid): void {
		const first = this.ppt.of(vm).length === 0;
		if (first) {
			vm.domain = this.iommu.createDomain(vm.maxaddr);
			if (vm.domain === undefined) throw new VmmError('ENXIO', 'there is no IOMMU that vmm can use');
			if (!this.release.mapsLast) this.modify(vm, vm.domain, true);
		}
		this.ppt.assign(vm, rid);
		if (first && this.release.mapsLast && vm.domain) this.modify(vm, vm.domain, true);
	}

	/** VM_UNBIND_PPTDEV (vm_unassign_pptdev): the last device unmaps the domain, which stays. @throws VmmError */
	unbind(vm: Vm, rid: Rid): void {
		this.ppt.unassign(vm, rid);
		if (vm.domain !== undefined && this.ppt.of(vm).length === 0) this.modify(vm, vm.domain, false);
	}

	/** VM_REINIT: unbinds all passthru devices and destroys the domain. Memory stays wired. */
	reinit(vm: Vm): void {
		this.cleanup(vm);
	}

	/** VM_DESTROY: like reinit, and frees the memory. */
	destroy(vm: Vm): void {
		this.cleanup(vm);
		this.pages.free(vm.name);
		this.vms.splice(this.vms.indexOf(vm), 1);
	}

	/**
	 * vm_cleanup. The last device to leave unmaps the domain. After a failed bind there is no such device, and before
	 * D34607 the VM's pages then stay out of the host domain, and the memory maps keep their flag.
	 */
	private cleanup(vm: Vm): void {
		for (const {rid} of this.ppt.of(vm)) this.unbind(vm, rid);
		if (vm.domain !== undefined) this.iommu.ops.destroyDomain(vm.domain);
		vm.domain = undefined;
	}

	/** vm_iommu_modify (since D43140 vm_iommu_map and vm_iommu_unmap, which do the same): maps or unmaps gpa → hpa in the guest's domain. Before D34607, the reverse in the host domain. */
	private modify(vm: Vm, domain: Domain, map: boolean): void {
		const {ops} = this.iommu;
		const host = this.iommu.host();
		for (const [i, memMap] of vm.memMaps.entries()) {
			// vm_memseg_sysmem(vm, i): segment 0 is system memory, and map 1 (high memory) has the same segment.
			if (!memMap.wired || (i > 0 && this.release.mapsByIndex)) continue;
			for (const {gpa, hpa, bytes} of this.pagesOf(vm, memMap)) {
				if (map) ops.createMapping(domain, gpa, hpa, bytes);
				else ops.removeMapping(domain, gpa, bytes);
				if (this.removesFromHost && map) ops.removeMapping(host, hpa, bytes);
				else if (this.removesFromHost) ops.createMapping(host, hpa, hpa, bytes);
			}
			memMap.iommu = map;
		}
		// Invalidate the domain that may have lost entries.
		ops.invalidateTlb(map ? host : domain);
	}

	private *pagesOf(vm: Vm, {gpa, bytes}: MemMap): Generator<{gpa: number; hpa: number; bytes: number}> {
		for (const run of vm.map.runs(gpa, bytes)) {
			yield {gpa, ...run};
			gpa += run.bytes;
		}
	}
}
