// The bhyve host of the lab, put together: memory, functions, an IOMMU, a disk, and its guests.

import {BlockIf} from '../../bhyve/block-if.js';
import {VmContext} from '../../bhyve/vmmapi.js';
import {didYouMean} from '../../did-you-mean.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {parseRid, type Rid, ridText} from '../../formats/pci.js';
import type {Disk} from '../../hardware/disk.js';
import {DmaPort} from '../../hardware/dma.js';
import {Memory} from '../../hardware/memory.js';
import type {Probe} from '../../hardware/probe.js';
import {Iommu} from '../../kernel/iommu.js';
import type {Backing} from '../../kernel/physio.js';
import {Ppt, VmmError} from '../../kernel/ppt.js';
import type {Vm} from '../../kernel/vm.js';
import {FREE, KERNEL, VmPages} from '../../kernel/vm-page.js';
import {Vmm} from '../../kernel/vmm.js';
import type {GuestSpec, MachineSpec, Policy} from '../../machine/command.js';
import {UserError, within} from '../../user-error.js';
import {Disks} from './disks.js';
import {familyOf, type IommuFamily} from './family.js';
import {functionsOf, type PciFunction, ridIn} from './functions.js';
import {type DiskModel, diskModel} from './models.js';
import {seededRandom} from './random.js';

export type Guest = DiskModel & {
	spec: GuestSpec;
	vm: Vm;
	backing: Backing;
	blockIf: BlockIf;
	console: string[];
};

const SEED = 260178;
/** Memory that the lab never writes to. */
const UNTOUCHED: readonly string[] = [FREE, KERNEL];

export class Machine {
	readonly memory: Memory;
	readonly pages: VmPages;
	readonly family: IommuFamily;
	readonly iommu: Iommu;
	readonly ppt: Ppt;
	readonly vmm: Vmm;
	readonly disks: Disks;
	readonly functions: PciFunction[];
	readonly guests: Guest[] = [];
	policy: Policy;
	/** All that have something to say. */
	private readonly layers = new Set<{probe?: Probe}>();

	/** @throws UserError where the parts do not fit together. */
	constructor(
		readonly spec: MachineSpec,
		disk: Disk,
	) {
		this.policy = spec.policy;
		this.memory = new Memory(spec.hostMemory);
		this.pages = new VmPages(this.memory, seededRandom(SEED));
		this.functions = functionsOf(spec);
		this.family = familyOf(spec, this.memory, this.pages);
		this.iommu = new Iommu(this.family.driver, this.memory, () =>
			this.functions.map(({rid}) => rid).filter(rid => this.ppt.isHosts(rid)),
		);
		this.ppt = new Ppt(this.iommu);
		this.ppt.returnsToHost = spec.returnsToHost;
		this.vmm = new Vmm(this.iommu, this.ppt, this.memory, this.pages);
		for (const {rid, driver} of this.functions) if (driver === 'igb') this.ppt.attach(rid);
		this.disks = new Disks(disk, this.memory, this.pages, {
			ahci: this.portOf(ridIn(this.functions, 'ahci0')),
			xhci: this.portOf(ridIn(this.functions, 'xhci0')),
			writeFaults: spec.hba === 'error',
		});
		for (const layer of [this.family.unit, ...this.disks.layers]) if (layer) this.layers.add(layer);
		within('guests', () => this.populate(spec));
	}

	/** Has every layer say what it does; undefined: none, which saves them the words. */
	listen(probe: Probe | undefined): void {
		for (const layer of this.layers) layer.probe = probe;
	}

	/** Memory of tables, rings and buffers: what a machine has written to before its guests do. */
	get tableBytes(): number {
		const {guests} = this;
		const own = this.pages
			.owned()
			.filter(({owner}) => !UNTOUCHED.includes(owner) && !guests.some(({vm}) => vm.name === owner));
		return own.reduce((sum, {pages}) => sum + pages * PAGE_SIZE, 0);
	}

	guest(name: string): Guest | undefined {
		return this.guests.find(({vm}) => vm.name === name);
	}

	/** @throws UserError where there is no such guest. */
	need(name: string): Guest {
		const guest = this.guest(name);
		if (guest !== undefined) return guest;
		const names = this.guests.map(({vm}) => vm.name).join(', ') || 'none';
		throw new UserError(`There is no guest ${name}; there are: ${names}.`);
	}

	/** A way to memory as a function has it. */
	portOf(rid: Rid): DmaPort {
		return new DmaPort(rid, this.memory, this.family.translator);
	}

	/** The function at a requester id. @throws UserError where there is none */
	functionAt(rid: Rid): PciFunction {
		const found = this.functions.find(candidate => candidate.rid === rid);
		if (found === undefined) throw new UserError(`There is no function at ${ridText(rid)}.`);
		return found;
	}

	/** By selector, or by the name that a function has now: its driver's, or ppt's. */
	ridNamed(name: string): Rid | undefined {
		const selected = parseRid(name);
		if (selected !== undefined) return this.functions.find(({rid}) => rid === selected)?.rid;
		const ppt = this.ppt.devices.find(device => device.name === name);
		return ppt?.rid ?? this.functions.find(candidate => candidate.name === name)?.rid;
	}

	/** What vmm and block_if do from now on; what is bound already stays as it is. */
	setPolicy(policy: Policy): void {
		this.policy = policy;
		this.vmm.removesFromHost = policy !== 'keep';
		for (const {blockIf} of this.guests) blockIf.bounceEverything = policy === 'bounce';
	}

	/** bhyveload and bhyve: a VM with its memory, and its disk. @throws UserError where the host cannot hold it */
	createGuest(spec: GuestSpec): Guest {
		const backing = within('disk', () => this.disks.open(spec.disk));
		const vm = this.vmm.create(spec.name);
		const ctx = within('memory', () => this.contextOf(vm, spec));
		const blockIf = new BlockIf(ctx, backing, this.pages, !this.disks.writable);
		blockIf.bounceEverything = this.policy === 'bounce';
		const model = diskModel(spec.model, ctx, blockIf, this.disks.ident());
		for (const layer of [backing, blockIf, model.device]) this.layers.add(layer);
		const guest = {...model, backing, spec, vm, blockIf, console: []};
		this.guests.push(guest);
		return guest;
	}

	/** The memory of a new VM. Where the host has not that much, the VM is gone again. */
	private contextOf(vm: Vm, {memory, wired}: GuestSpec): VmContext {
		try {
			return new VmContext(vm, this.vmm, this.memory, memory, wired);
		} catch (error) {
			this.vmm.destroy(vm);
			throw error;
		}
	}

	/** The bhyve process ends, and bhyvectl --destroy removes the VM. */
	destroyGuest(guest: Guest): void {
		this.vmm.destroy(guest.vm);
		this.pages.free(`bhyve ${guest.vm.name}`);
		for (const layer of [guest.backing, guest.blockIf, guest.device]) this.layers.delete(layer);
		this.guests.splice(this.guests.indexOf(guest), 1);
	}

	/** The guests, and then what they are to have. */
	private populate({guests, policy}: MachineSpec): void {
		guests.forEach((guest, i) => {
			within(i, () => this.createGuest(guest));
		});
		this.setPolicy(policy);
		guests.forEach(({name, passthru}, i) => {
			passthru.forEach((device, j) => {
				within(i, () => within('passthru', () => within(j, () => this.bindAtStart(name, device))));
			});
		});
	}

	private bindAtStart(name: string, device: string): void {
		const {vm, spec} = this.need(name);
		const rid = this.ridNamed(device);
		if (rid === undefined) {
			const near = didYouMean(
				device,
				this.ppt.devices.map(({name: known}) => known),
			);
			throw new UserError(`${name} is to have ${device}, and there is none; name it in pptdevs.${near}`);
		}
		if (!spec.wired)
			throw new UserError(`${name} is to have ${device}: passthru requires guest memory to be wired.`);
		try {
			this.vmm.bind(vm, rid);
		} catch (error) {
			if (error instanceof VmmError) throw new UserError(`${name} cannot have ${device}: ${error.message}.`);
			throw error;
		}
	}
}
