// The log of a machine's transfers: the newest transfers and faults, and the counts of all.

import type {DiskCommand, TransferCommand} from '../../machine/command.js';
import type {Fault} from '../../machine/fault.js';
import type {Data, Transfer} from '../../machine/transfer.js';
import type {Machine} from '../build/machine.js';
import {faultsOf, firstPrd} from './chain.js';
import {type Judged, runDisk, runDma} from './transfer.js';

/** The most transfers, and the most faults, in the log. */
const CAPACITY = 1000;

export class TransferLog {
	transfers: readonly Transfer[] = [];
	faults: readonly Fault[] = [];
	faultCount = 0;
	readonly tally = {delivered: 0, lost: 0, torn: 0, failed: 0, unchecked: 0};
	private transferCount = 0;
	private machine: Machine;

	constructor(machine: Machine) {
		this.machine = machine;
	}

	/** The machine has been put together anew, with the same guests. */
	follow(machine: Machine): void {
		this.machine = machine;
	}

	/** Runs a transfer and logs it. */
	run(command: TransferCommand): Transfer {
		const number = this.transferCount + 1;
		const judged =
			command.do === 'dma'
				? runDma(this.machine, command, number)
				: runDisk(this.machine, this.machine.need(command.vm), command, number);
		return this.add(command, judged);
	}

	/** Counts a transfer and its faults without logging them. */
	count(data: Data, faults: number): void {
		this.transferCount++;
		this.tally[data]++;
		this.faultCount += faults;
	}

	add(command: TransferCommand, judged: Judged): Transfer {
		const number = ++this.transferCount;
		const transfer = this.transfer(command, number, judged);
		const faults = faultsOf(judged.events).map(fault => this.fault(fault, number));
		this.tally[transfer.data]++;
		this.transfers = Object.freeze([...this.transfers, transfer].slice(-CAPACITY));
		this.faults = Object.freeze([...this.faults, ...faults].slice(-CAPACITY));
		return transfer;
	}

	private transfer(command: TransferCommand, number: number, {verdict, events}: Judged): Transfer {
		const iova = command.do === 'dma' ? command.gpa : firstPrd(events);
		const vm = command.do === 'dma' ? this.ownerOf(command.device) : command.vm;
		const faults = faultsOf(events).length;
		const device = command.do === 'dma' ? command.device : this.controllerOf(command.vm);
		return {number, command, vm, policy: this.machine.policy, ...verdict, faults, device, iova};
	}

	private fault(fault: ReturnType<typeof faultsOf>[number], transfer: number): Fault {
		const {functions, ppt, pages} = this.machine;
		const name = ppt.devices.find(({rid}) => rid === fault.rid)?.name;
		// A host function uses physical addresses, a passthru device its guest's.
		return {
			...fault,
			number: ++this.faultCount,
			transfer,
			device: name ?? functions.find(({rid}) => rid === fault.rid)?.name ?? 'unknown',
			owner: name === undefined ? pages.ownerOf(fault.iova) : undefined,
		};
	}

	/** The controller of a guest's disk. A file has none. */
	private controllerOf(vm: string): string | undefined {
		const disk = this.machine.guest(vm)?.spec.disk ?? '';
		return this.machine.functions.find(({carries}) => carries !== undefined && disk.startsWith(carries))
			?.name;
	}

	private ownerOf(device: string): string | undefined {
		return this.machine.ppt.devices.find(({name}) => name === device)?.vm?.name;
	}
}

/** A read by the guest's firmware, which has its own buffer apart from the user's transfers. */
export const bootRead = (vm: string, lba: number, sectors: number): DiskCommand => ({
	do: 'read',
	vm,
	lba,
	sectors,
	segments: 1,
	gpa: 0x20_0000,
});
