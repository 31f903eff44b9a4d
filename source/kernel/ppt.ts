// vmm's io/ppt.c: PCI functions passed through to guests.

import {type Rid, ridText} from '../formats/pci.js';
import type {BusMaster} from '../hardware/bus-master.js';
import type {Iommu} from './iommu.js';
import type {Vm} from './vm.js';

export type PptDevice = {name: string; rid: Rid; vm: Vm | undefined; master: BusMaster};

export type Errno = 'ENOENT' | 'EBUSY' | 'ENXIO';

/** A vmm ioctl failed. */
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
	/**
	 * From r305485 (September 2016) to D12661 (r325900, November 2017), a ppt device without a VM was in the host domain.
	 * Since then it is in no domain.
	 */
	returnsToHost = false;
	private readonly iommu: Iommu;

	constructor(iommu: Iommu) {
		this.iommu = iommu;
	}

	/** ppt_attach: the function leaves the host domain. It is in no domain until a VM owns it, and its driver is gone. */
	attach(rid: Rid, master: BusMaster): PptDevice {
		let unit = 0;
		while (this.devices.some(({name}) => name === `ppt${unit}`)) unit++;
		const device = {name: `ppt${unit}`, rid, vm: undefined, master};
		master.started = false;
		this.devices.push(device);
		if (!this.returnsToHost) this.iommu.removeFromHost(rid);
		return device;
	}

	/**
	 * ppt_detach: ends bus mastering, and then returns the function to the host domain.
	 * @throws VmmError EBUSY while a VM owns it
	 */
	detach(device: PptDevice): void {
		if (device.vm !== undefined) throw new VmmError('EBUSY', `${device.name} belongs to ${device.vm.name}`);
		this.devices.splice(this.devices.indexOf(device), 1);
		device.master.enabled = false;
		if (!this.returnsToHost) this.iommu.addToHost(device.rid);
	}

	/** Whether iommu_init puts the function in the host domain. */
	isHosts(rid: Rid): boolean {
		return this.returnsToHost || !this.devices.some(device => device.rid === rid);
	}

	of(vm: Vm): PptDevice[] {
		return this.devices.filter(device => device.vm === vm);
	}

	/** ppt_find: `owner`'s device, or a device without an owner. @throws VmmError */
	find(owner: Vm | undefined, rid: Rid): PptDevice {
		const device = this.devices.find(candidate => candidate.rid === rid);
		if (device === undefined) throw new VmmError('ENOENT', `${ridText(rid)} is not using the ppt(4) driver`);
		if (device.vm === owner) return device;
		throw new VmmError(
			'EBUSY',
			device.vm === undefined
				? `${device.name} belongs to no VM`
				: `${device.name} already belongs to ${device.vm.name}`,
		);
	}

	/**
	 * ppt_assign_device: find the device, reset it, add it to the guest's domain. The guest's driver starts it at once.
	 * @throws VmmError
	 */
	assign(vm: Vm, rid: Rid): void {
		const device = this.find(undefined, rid);
		if (vm.domain === undefined) throw new VmmError('ENXIO', `${vm.name} has no IOMMU domain`);
		if (this.returnsToHost) this.iommu.removeFromHost(rid);
		device.master.reset();
		device.vm = vm;
		this.iommu.ops.addDevice(vm.domain, rid);
		device.master.start();
	}

	/** ppt_unassign_device: the device is reset, leaves the guest's domain and joins no other. @throws VmmError */
	unassign(vm: Vm, rid: Rid): void {
		const device = this.find(vm, rid);
		device.master.reset();
		if (vm.domain !== undefined) this.iommu.ops.removeDevice(vm.domain, rid);
		if (this.returnsToHost) this.iommu.addToHost(rid);
		device.vm = undefined;
	}
}
