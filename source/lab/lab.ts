// The lab: commands in, outcomes out, and the machine as the dashboard may look at it.

import {join64, PAGE_SIZE, SECTOR} from '../formats/address.js';
import {REG} from '../formats/vtd.js';
import {lookForDisk} from '../guest/boot.js';
import type {Disk} from '../hardware/disk.js';
import type {Memory} from '../hardware/memory.js';
import {contextOf} from '../seam/contexts.js';
import type {
	Command,
	DiskCommand,
	Fault,
	LabControls,
	MachineState,
	ObservedMachine,
	Outcome,
	Policy,
	Transfer,
	TransferCommand,
} from '../seam/observed.js';
import {UserError} from '../user-error.js';
import {grouped, plural, sizeText} from '../words.js';
import {faultsOf, firstPrd, verdictText} from './chain.js';
import {checkCommand, type Limits} from './commands.js';
import {type Guest, Machine} from './machine.js';
import {runDisk, runDma} from './transfer.js';

export type LabOptions = {disk: Disk; sample: boolean; hostMemory: number; policy: Policy};

/** How many of the newest transfers and faults are kept to be looked at. */
const KEPT = 1000;
/** Where a guest's firmware reads to: not where its user's transfers go. */
const BOOT_GPA = 0x20_0000;

export class Lab implements ObservedMachine, LabControls {
	readonly memory: Memory;
	readonly defaultGpa: number;
	readonly limits: Limits;
	readonly lab = this;
	readonly #machine: Machine;
	readonly #disk: Disk;
	readonly #sample: boolean;
	#policy: Policy;
	#transfers: Transfer[] = [];
	#faults: Fault[] = [];
	#transferCount = 0;
	readonly #tally = {delivered: 0, lost: 0, torn: 0, failed: 0};
	#faultCount = 0;
	#revision = 0;
	#state: MachineState | undefined;

	/** Powers the guests on: each looks for a disk to boot. @throws UserError where the machine cannot be built. */
	constructor({disk, sample, hostMemory, policy}: LabOptions) {
		this.#machine = new Machine(hostMemory, disk, policy);
		this.#disk = disk;
		this.#sample = sample;
		this.#policy = policy;
		this.memory = this.#machine.memory;
		this.defaultGpa = Math.min(0x0100_0000, this.#machine.guestBytes / 4);
		this.limits = {
			vms: this.#machine.guests.map(({vm}) => vm.name),
			passthru: this.#machine.ppt.devices.map(({name}) => name),
			defaultGpa: this.defaultGpa,
			writable: disk.writable,
			hostMemory,
		};
		for (const vm of this.limits.vms) this.dispatch({do: 'boot', vm});
	}

	dispatch(command: Command): Outcome {
		checkCommand(command, this.limits);
		this.#revision++;
		switch (command.do) {
			case 'policy':
				return this.#switchPolicy(command.policy);
			case 'boot':
				return this.#boot(this.#guest(command.vm));
			default: {
				const transfer = this.#transfer(command);
				return {kind: 'transfer', transfer, said: verdictText(transfer)};
			}
		}
	}

	state(): MachineState {
		if (this.#state?.revision !== this.#revision) this.#state = this.#look();
		return this.#state;
	}

	guestBytes(vm: string, gpa: number, length: number): Uint8Array {
		const {map} = this.#guest(vm).vm;
		let there = 0;
		while (there < length && map.hpa(gpa + there) !== undefined)
			there += Math.min(PAGE_SIZE - ((gpa + there) % PAGE_SIZE), length - there);
		return map.read(gpa, there);
	}

	diskBytes(lba: number, length: number): Uint8Array {
		return this.#disk.peek(lba * SECTOR, length);
	}

	close(): void {
		this.#disk.close();
	}

	#guest(name: string): Guest {
		const guest = this.#machine.guest(name);
		if (guest === undefined)
			throw new UserError(`There is no guest ${name}; there are ${this.limits.vms.join(', ')}.`);
		return guest;
	}

	#transfer(command: TransferCommand): Transfer {
		const number = ++this.#transferCount;
		const {verdict, events} =
			command.do === 'dma'
				? runDma(this.#machine, command, number)
				: runDisk(this.#machine, this.#guest(command.vm), this.#disk, command, number);
		const faults = faultsOf(events);
		const transfer: Transfer = {
			number,
			command,
			vm:
				command.do === 'dma'
					? this.#machine.ppt.devices.find(({name}) => name === command.device)?.vm?.name
					: command.vm,
			policy: this.#policy,
			...verdict,
			faults: faults.length,
			iova: command.do === 'dma' ? command.gpa : firstPrd(events),
		};
		const owned = this.#machine.pages.owned();
		const seen = faults.map((fault): Fault => {
			const device = this.#machine.functions.find(({rid}) => rid === fault.rid);
			// A host function's address is a physical one; a passthru device's is its guest's.
			const physical = device !== undefined && !this.#machine.ppt.isAttached(fault.rid);
			const owner = owned.find(
				({hpa, pages}) => fault.iova >= hpa && fault.iova < hpa + pages * PAGE_SIZE,
			)?.owner;
			return {
				...fault,
				number: ++this.#faultCount,
				transfer: number,
				device: device?.name ?? 'unknown',
				owner: physical ? owner : undefined,
			};
		});
		this.#tally[transfer.data]++;
		this.#transfers = [...this.#transfers, transfer].slice(-KEPT);
		this.#faults = [...this.#faults, ...seen].slice(-KEPT);
		return transfer;
	}

	#boot(guest: Guest): Outcome {
		const vm = guest.vm.name;
		guest.driver.reset();
		const transfers: Transfer[] = [];
		const {bootable, partitions, lines} = lookForDisk((lba, sectors) => {
			const command: DiskCommand = {do: 'read', vm, lba, sectors, segments: 1, gpa: BOOT_GPA};
			const transfer = this.#transfer(command);
			transfers.push(transfer);
			return transfer.data === 'failed' ? undefined : guest.vm.map.read(command.gpa, sectors * SECTOR);
		}, guest.driver.sectors);
		const start = `looking for a disk: virtio-blk, ${sizeText(guest.driver.sectors * SECTOR)}`;
		guest.console.push(start, ...lines);
		const names = partitions.map(({name, type}) => name || type).join(', ');
		const said = bootable
			? `found ${plural(partitions.length, 'partition')}: ${names}`
			: `found ${lines.toReversed().join('; ')}`;
		return {kind: 'boot', bootable, found: lines, transfers, said: `${vm} ${said}`};
	}

	/** Each VM's passthru devices leave under the old policy and are bound again under the new one. */
	#switchPolicy(policy: Policy): Outcome {
		const {vmm, guests} = this.#machine;
		const bound = guests.map(({vm}) => ({vm, rids: vmm.unbindAll(vm)})).filter(({rids}) => rids.length > 0);
		this.#policy = policy;
		vmm.removesFromHost = policy !== 'keep';
		this.#machine.bounce(policy === 'bounce');
		for (const {vm, rids} of bound) for (const rid of rids) vmm.bind(vm, rid);
		const effects = bound.map(({vm}) => {
			const names = this.#machine.ppt.of(vm).map(({name}) => name);
			const where = policy === 'keep' ? 'are in the host domain' : 'leave the host domain';
			return `${names.join(', ')} bound again to ${vm.name}, whose ${grouped(vm.pages)} pages ${where}`;
		});
		return {kind: 'policy', policy, said: `${policy}: ${effects.join('; ')}`};
	}

	#look(): MachineState {
		const {functions, ppt, guests, vtd, vmm, iommu, domains} = this.#machine;
		const rootTable = join64(vtd.read32(REG.RTADDR), vtd.read32(REG.RTADDR + 4));
		const {total, held, overflow} = vtd.faultRegisters;
		const disk = this.#disk;
		return {
			revision: this.#revision,
			title: 'lab',
			iommu: 'vt-d',
			policy: this.#policy,
			domains: domains.map(domain => ({
				id: domain.id,
				role: domain === iommu.hostDomain ? 'host' : 'guest',
				vm: vmm.vms.find(vm => vm.domain === domain)?.name,
				format: 'vt-d',
				root: domain.root,
				levels: domain.levels,
			})),
			devices: functions.map(({rid, name, driver}) => ({
				rid,
				name,
				driver,
				domain: contextOf(this.memory, rootTable, rid)?.domain,
				vm: ppt.devices.find(device => device.rid === rid)?.vm?.name,
			})),
			vms: guests.map(({vm, console}) => ({
				name: vm.name,
				pages: vm.pages,
				wired: vm.memMaps.every(({wired}) => wired),
				passthru: ppt.of(vm).map(({name}) => name),
				disk: 'virtio-blk on /dev/ada0',
				console: [...console],
			})),
			owned: this.#machine.pages.owned(),
			disk: {
				name: 'ada0',
				path: disk.path,
				sectors: disk.sectors,
				direct: disk.direct,
				writable: disk.writable,
				sample: this.#sample,
			},
			transfers: this.#transfers,
			tally: {...this.#tally},
			faults: this.#faults,
			// FreeBSD's vmm has no fault handler for VT-d, so its kernel logs none of them.
			registers: {total, used: held.length, overflow, blocked: this.#faultCount, kernelLogged: 0},
		};
	}
}
