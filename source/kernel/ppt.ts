// vmm's io/ppt.c: PCI functions handed from the host to guests.

import {type Rid, ridText} from '../formats/pci.js';
import type {Iommu} from './iommu.js';
import type {Vm} from './vm.js';

export type PptDevice = {name: string; rid: Rid; vm: Vm | undefined};

/** ENOENT, EBUSY, …: what an ioctl of vmm answers, in words. */
export class VmmError extends Error {
	constructor(
		readonly errno: string,
		message: string,
	) {
		super(message);
	}
}

export class Ppt {
	readonly devices: PptDevice[] = [];
	readonly #iommu: Iommu;

	constructor(iommu: Iommu) {
		this.#iommu = iommu;
	}

	/** ppt_attach: the function leaves the host domain. Until a VM owns it, it is in no domain. */
	attach(name: string, rid: Rid): void {
		this.devices.push({name, rid, vm: undefined});
		const {hostDomain} = this.#iommu;
		if (hostDomain !== undefined) this.#iommu.removeDevice(hostDomain, rid);
	}

	isAttached(rid: Rid): boolean {
		return this.devices.some(device => device.rid === rid);
	}

	of(vm: Vm): PptDevice[] {
		return this.devices.filter(device => device.vm === vm);
	}

	/** ppt_assign_device: find, then reset (FLR), then into the guest's domain. @throws VmmError */
	assign(vm: Vm, rid: Rid): void {
		const device = this.devices.find(candidate => candidate.rid === rid);
		if (device === undefined) throw new VmmError('ENOENT', `${ridText(rid)} is not using the ppt(4) driver`);
		if (device.vm !== undefined)
			throw new VmmError('EBUSY', `${device.name} belongs to ${device.vm.name} already`);
		if (vm.domain === undefined) throw new VmmError('ENXIO', `${vm.name} has no IOMMU domain`);
		this.#iommu.addDevice(vm.domain, rid);
		device.vm = vm;
	}

	/** ppt_unassign_device: out of the guest's domain, and into no other. */
	unassign(device: PptDevice): void {
		if (device.vm?.domain !== undefined) this.#iommu.removeDevice(device.vm.domain, device.rid);
		device.vm = undefined;
	}
}
