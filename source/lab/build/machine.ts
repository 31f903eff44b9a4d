// The bhyve host of the lab: memory, functions, an IOMMU, disks and guests.

import {AhciHd} from '../../bhyve/ahci-hd.js';
import {BlockIf} from '../../bhyve/block-if.js';
import {DirectDisk} from '../../bhyve/direct-disk.js';
import {Nvme} from '../../bhyve/nvme.js';
import {VirtioBlk} from '../../bhyve/virtio-blk.js';
import {ramOf, VmContext} from '../../bhyve/vmmapi.js';
import {didYouMean, unknownWord} from '../../did-you-mean.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {parseRid, type Rid, ridText} from '../../formats/pci.js';
import {GuestAhci} from '../../guest/ahci.js';
import type {GuestDisk} from '../../guest/driver.js';
import {GuestNvme} from '../../guest/nvme.js';
import {Vtblk} from '../../guest/vtblk.js';
import type {Disk} from '../../hardware/disk.js';
import {DmaPort} from '../../hardware/dma.js';
import {Memory} from '../../hardware/memory.js';
import type {Probe} from '../../hardware/probe.js';
import {Iommu} from '../../kernel/iommu.js';
import type {Backing} from '../../kernel/physio.js';
import {Ppt, VmmError} from '../../kernel/ppt.js';
import {type Release, releaseOf} from '../../kernel/release.js';
import type {Ram, Vm} from '../../kernel/vm.js';
import {FREE, KERNEL, VmPages} from '../../kernel/vm-page.js';
import {Vmm} from '../../kernel/vmm.js';
import type {GuestSpec, MachineSpec, Model, Policy} from '../../machine/command.js';
import {type DataPath, UserError, within} from '../../user-error.js';
import {Disks} from './disks.js';
import {familyOf, type IommuFamily} from './family.js';
import {seededRandom} from './random.js';
import {functionsOf, type PciFunction, pptRids, ridIn} from './spec.js';

/** The disk that bhyve shows a guest, and the guest's driver for it. */
type DiskModel = {device: VirtioBlk | AhciHd | Nvme; disk: GuestDisk};

export type Guest = DiskModel & {
	spec: GuestSpec;
	vm: Vm;
	backing: Backing;
	blockIf: BlockIf;
	console: string[];
	/** Why its bhyve process has ended. The VM stays until it is destroyed. */
	exited?: string;
};

/**
 * The memory of a VM that really runs, as its VMM shares it: files mapped into this process, and where parts of them are
 * in the guest. In this machine each file is memory of the host.
 */
export type SharedMemory = {
	readonly files: readonly ArrayBuffer[];
	readonly regions: readonly {gpa: number; bytes: number; file: number; offset: number}[];
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
	readonly release: Release;
	/** Every layer that reports to a probe. */
	private readonly layers = new Set<{probe?: Probe}>();

	/** A real guest's memory, which takes the place of pages of the host. */
	private readonly shared: readonly Ram[] | undefined;
	private fileBases: readonly number[] = [];

	/** `shared`: the memory of the only guest, if it really runs. @throws UserError if the parts do not fit together */
	constructor(
		readonly spec: MachineSpec,
		disk: Disk,
		shared?: SharedMemory,
	) {
		this.policy = spec.policy;
		this.release = releaseOf(spec.freebsd);
		this.memory = new Memory(spec.hostMemory);
		this.shared = shared && this.attach(shared);
		this.pages = new VmPages(this.memory, seededRandom(SEED));
		this.functions = functionsOf(spec);
		this.family = familyOf(spec, this.memory, this.pages);
		this.iommu = new Iommu(spec.iommuEnable ? this.family.driver : undefined, this.memory, () =>
			this.functions.map(({rid}) => rid).filter(rid => this.ppt.isHosts(rid)),
		);
		this.ppt = new Ppt(this.iommu);
		this.ppt.returnsToHost = spec.returnsToHost;
		this.vmm = new Vmm(this.iommu, this.ppt, this.memory, this.pages, this.release);
		this.attachPptdevs();
		this.disks = new Disks(disk, this.memory, this.pages, {
			ahci: this.portOf(ridIn(this.functions, 'ahci0')),
			xhci: this.portOf(ridIn(this.functions, 'xhci0')),
			writeFaults: spec.hba === 'error',
		});
		for (const layer of [this.family.unit, ...this.disks.layers]) if (layer) this.layers.add(layer);
		within('guests', () => this.populate(spec));
	}

	/** The functions of the loader's pptdevs that are on the bus. */
	private attachPptdevs(): void {
		for (const rid of pptRids(this.spec)) {
			const found = this.functions.find(candidate => candidate.rid === rid);
			if (found) this.ppt.attach(rid, found.master);
		}
	}

	/** kldunload vmm, and kldload vmm: its statics are as at power-on, and ppt has the functions of pptdevs again. */
	reloadVmm(): void {
		this.iommu.cleanup();
		for (const device of [...this.ppt.devices]) {
			this.ppt.detach(device);
			device.master.start();
		}
		this.attachPptdevs();
	}

	/** The same memory has been mapped anew. */
	reattach({files}: SharedMemory): void {
		files.forEach((file, i) => {
			this.memory.attach(file, this.fileBases[i]);
		});
	}

	private attach({files, regions}: SharedMemory): Ram[] {
		this.fileBases = files.map(file => this.memory.attach(file));
		return regions.map(({gpa, bytes, file, offset}) => ({gpa, bytes, hpa: this.fileBases[file] + offset}));
	}

	/** Reports what every layer does; without a probe no layer makes reports. */
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

	/** @throws UserError if there is no such guest */
	need(name: string): Guest {
		const guest = this.guest(name);
		if (guest !== undefined) return guest;
		const names = this.guests.map(({vm}) => vm.name);
		if (names.length === 0) throw new UserError('There is no guest; create one.', ['vm']);
		throw new UserError(unknownWord('guest', name, names), ['vm']);
	}

	/** Guests whose bhyve runs. */
	get running(): Guest[] {
		return this.guests.filter(({exited}) => exited === undefined);
	}

	/** @throws UserError if there is no such guest, or its bhyve has ended */
	needRunning(name: string): void {
		const {exited} = this.need(name);
		if (exited !== undefined)
			throw new UserError(`${name} does not run: ${exited}; reinit it, or destroy it.`, ['vm']);
	}

	/** A function's port to memory. */
	portOf(rid: Rid): DmaPort {
		return new DmaPort(rid, this.memory, this.family.translator);
	}

	/** The function at a requester ID. @throws UserError if no function has it */
	functionAt(rid: Rid): PciFunction {
		const found = this.functions.find(candidate => candidate.rid === rid);
		if (found === undefined) throw new UserError(`There is no function at ${ridText(rid)}.`, ['device']);
		return found;
	}

	/** The name that a function has now: its driver's, or ppt's. */
	nameOf({rid, name}: PciFunction): string {
		return this.ppt.devices.find(device => device.rid === rid)?.name ?? name;
	}

	/** By a selector, or by the name that a function has now. */
	ridNamed(name: string): Rid | undefined {
		const selected = parseRid(name);
		if (selected !== undefined) return this.functions.find(({rid}) => rid === selected)?.rid;
		const ppt = this.ppt.devices.find(device => device.name === name);
		return ppt?.rid ?? this.functions.find(candidate => candidate.name === name)?.rid;
	}

	/** @throws UserError if no function has that name or selector */
	needRid(name: string): Rid {
		const rid = this.ridNamed(name);
		if (rid !== undefined) return rid;
		const selected = parseRid(name);
		if (selected !== undefined) return this.functionAt(selected).rid;
		const names = this.functions.map(candidate => this.nameOf(candidate));
		throw new UserError(unknownWord('device', name, names), ['device']);
	}

	/** @throws UserError if guests may not write to the disk */
	needWritable(path: DataPath = []): void {
		if (!this.disks.writable)
			throw new UserError(
				'The disk is open read-only; start dmascope with --overlay, which keeps writes in memory, or with --writable.',
				path,
			);
	}

	/** Sets what vmm and block_if do from now on. Bound devices stay as they are; switchPolicy rebinds them. */
	setPolicy(policy: Policy): void {
		this.policy = policy;
		this.vmm.removesFromHost = policy !== 'keep';
		for (const {blockIf} of this.guests) blockIf.bounceEverything = policy === 'bounce';
	}

	/** bhyveload and bhyve: a VM with its memory and its disk. @throws UserError if the host has no room for it */
	createGuest(spec: GuestSpec): Guest {
		const backing = within('disk', () => this.disks.open(spec.disk, this.release));
		const vm = this.vmm.create(spec.name);
		const ctx = within('memory', () => this.contextOf(vm, spec));
		const blockIf = new BlockIf(ctx, backing, this.pages, !this.disks.writable);
		blockIf.noDelete = spec.nodelete === true;
		blockIf.bounceEverything = this.policy === 'bounce';
		const model = this.shared
			? realModel(ctx, blockIf, this.disks.ident(spec.disk))
			: diskModel(spec.model, ctx, blockIf, this.disks.ident(spec.disk));
		for (const layer of [backing, blockIf, model.device]) this.layers.add(layer);
		if (model.disk instanceof DirectDisk) this.layers.add(model.disk);
		const guest = {...model, backing, spec, vm, blockIf, console: []};
		this.guests.push(guest);
		return guest;
	}

	/** The memory of a new VM. If the host has too little, the VM is destroyed. */
	private contextOf(vm: Vm, {memory, wired}: GuestSpec): VmContext {
		try {
			return new VmContext(vm, this.vmm, this.memory, this.shared ?? ramOf(memory), wired);
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

	/** Creates the guests, then binds their devices. */
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
			const names = this.ppt.devices.map(({name: known}) => known);
			throw new UserError(
				`${name} cannot have ${device}: there is no such device; list it in pptdevs.${didYouMean(device, names)}`,
			);
		}
		if (!spec.wired)
			throw new UserError(
				`${name} cannot have ${device}: passthru needs wired guest memory; set wired: true.`,
			);
		try {
			this.vmm.bind(vm, rid);
		} catch (error) {
			if (error instanceof VmmError) throw new UserError(`${name} cannot have ${device}: ${error.message}.`);
			throw error;
		}
	}
}

/** The guest's own driver fills the ring; dmascope asks the device model past it. */
const realModel = (ctx: VmContext, blockIf: BlockIf, ident: string) => ({
	device: new VirtioBlk(ctx, blockIf, ident),
	disk: new DirectDisk(ctx, blockIf),
});

function diskModel(model: Model, ctx: VmContext, blockIf: BlockIf, ident: string): DiskModel {
	switch (model) {
		case 'virtio-blk': {
			const device = new VirtioBlk(ctx, blockIf, ident);
			return {device, disk: new Vtblk(ctx.vm, device)};
		}
		case 'ahci-hd': {
			const device = new AhciHd(ctx, blockIf, ident);
			return {device, disk: new GuestAhci(ctx.vm, device)};
		}
		case 'nvme': {
			const device = new Nvme(ctx, blockIf, ident);
			return {device, disk: new GuestNvme(ctx.vm, device)};
		}
	}
}
