// vmm's io/ppt.c: PCI functions handed from the host to guests.

import {type Rid, ridText} from '../formats/pci.js';
import type {Iommu} from './iommu.js';
import type {Vm} from './vm.js';

export type PptDevice = {name: string; rid: Rid; vm: Vm | undefined};

export type Errno = 'ENOENT' | 'EBUSY' | 'ENXIO';

/** What an ioctl of vmm refuses, in words. */
export class VmmError extends Error {
	constructor(
		readonly errno: Errno,
		message: string,
	) {
		super(message);
	}
}

export class Ppt {
	readonly devices: PptDevice[] = [];
	/** Before D12661 a ppt device that no VM owns is in the host's domain; since then it is in none. */
	returnsToHost = false;
	private readonly iommu: Iommu;

	constructor(iommu: Iommu) {
		this.iommu = iommu;
	}

	/** ppt_attach: the function leaves the host domain. Until a VM owns it, it is in no domain. */
	attach(rid: Rid): PptDevice {
		let unit = 0;
		while (this.devices.some(({name}) => name === `ppt${unit}`)) unit++;
		const device = {name: `ppt${unit}`, rid, vm: undefined};
		this.devices.push(device);
		if (!this.returnsToHost) this.iommu.removeFromHost(rid);
		return device;
	}

	/** ppt_detach: back into the host domain. @throws VmmError EBUSY while a VM owns it */
	detach(device: PptDevice): void {
		if (device.vm !== undefined) throw new VmmError('EBUSY', `${device.name} belongs to ${device.vm.name}`);
		this.devices.splice(this.devices.indexOf(device), 1);
		if (!this.returnsToHost) this.iommu.addToHost(device.rid);
	}

	/** Whether the function is one of the host's own, as iommu_init sees it. */
	isHosts(rid: Rid): boolean {
		return this.returnsToHost || !this.devices.some(device => device.rid === rid);
	}

	of(vm: Vm): PptDevice[] {
		return this.devices.filter(device => device.vm === vm);
	}

	/** ppt_find: the device that `owner` has, or, where that is undefined, that nobody has. @throws VmmError */
	find(owner: Vm | undefined, rid: Rid): PptDevice {
		const device = this.devices.find(candidate => candidate.rid === rid);
		if (device === undefined) throw new VmmError('ENOENT', `${ridText(rid)} is not using the ppt(4) driver`);
		if (device.vm === owner) return device;
		throw new VmmError(
			'EBUSY',
			device.vm === undefined
				? `${device.name} belongs to no VM`
				: `${device.name} belongs to ${device.vm.name} already`,
		);
	}

	/** ppt_assign_device: find, reset (FLR), then into the guest's domain. @throws VmmError */
	assign(vm: Vm, rid: Rid): void {
		const device = this.find(undefined, rid);
		if (vm.domain === undefined) throw new VmmError('ENXIO', `${vm.name} has no IOMMU domain`);
		if (this.returnsToHost) this.iommu.removeFromHost(rid);
		device.vm = vm;
		this.iommu.ops.addDevice(vm.domain, rid);
	}

	/** ppt_unassign_device: out of the guest's domain, and into no other. @throws VmmError */
	unassign(vm: Vm, rid: Rid): void {
		const device = this.find(vm, rid);
		if (vm.domain !== undefined) this.iommu.ops.removeDevice(vm.domain, rid);
		if (this.returnsToHost) this.iommu.addToHost(rid);
		device.vm = undefined;
	}
}
