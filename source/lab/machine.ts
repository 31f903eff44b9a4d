// The bhyve host of the lab, put together: memory, functions, an IOMMU, a disk, and two guests.

import {BlockIf} from '../bhyve/block-if.js';
import {VirtioBlk} from '../bhyve/virtio-blk.js';
import {VmContext} from '../bhyve/vmmapi.js';
import {hex, PAGE_SIZE} from '../formats/address.js';
import {type Rid, ridOf} from '../formats/pci.js';
import {Vtblk} from '../guest/vtblk.js';
import {AhciHba} from '../hardware/ahci-hba.js';
import type {Disk} from '../hardware/disk.js';
import {DmaPort} from '../hardware/dma.js';
import {Memory} from '../hardware/memory.js';
import type {Probe} from '../hardware/probe.js';
import {Vtd} from '../hardware/vtd.js';
import {AhciDisk} from '../kernel/ahci.js';
import {Iommu} from '../kernel/iommu.js';
import {RawDevice} from '../kernel/physio.js';
import {Ppt} from '../kernel/ppt.js';
import type {Vm} from '../kernel/vm.js';
import {VmPages} from '../kernel/vm-page.js';
import {Vmm} from '../kernel/vmm.js';
import {VtdDriver} from '../kernel/vtd.js';
import type {Policy} from '../seam/observed.js';
import {seededRandom} from './random.js';

export type PciFunction = {rid: Rid; name: string; driver: string};
export type Guest = {vm: Vm; blk: VirtioBlk; blockIf: BlockIf; driver: Vtblk; console: string[]};

const AHCI: PciFunction = {rid: ridOf(0, 0x1f, 2), name: 'ahci0', driver: 'ahci'};
const PPT: PciFunction = {rid: ridOf(4, 0, 0), name: 'ppt0', driver: 'ppt'};
const FUNCTIONS: readonly PciFunction[] = [
	{rid: ridOf(0, 0x14, 0), name: 'xhci0', driver: 'xhci'},
	{rid: ridOf(0, 0x19, 0), name: 'em0', driver: 'em'},
	AHCI,
	PPT,
];
const SEED = 260178;

export class Machine {
	readonly memory: Memory;
	readonly pages: VmPages;
	readonly vtd: Vtd;
	readonly iommu: Iommu;
	readonly domains: VtdDriver['domains'];
	readonly ppt: Ppt;
	readonly vmm: Vmm;
	readonly functions = FUNCTIONS;
	readonly guests: readonly Guest[];
	/** Bytes of memory of each guest. */
	readonly guestBytes: number;
	/** Hardware and kernel, as far as they have something to say. */
	readonly #layers: {probe?: Probe}[];

	constructor(hostMemory: number, disk: Disk, policy: Policy) {
		this.memory = new Memory(hostMemory);
		this.pages = new VmPages(this.memory, seededRandom(SEED));
		this.vtd = new Vtd(this.memory);

		const ops = new VtdDriver(this.vtd, this.memory, this.pages);
		this.domains = ops.domains;
		this.iommu = new Iommu(ops, this.memory, () =>
			this.functions.map(({rid}) => rid).filter(rid => !this.ppt.isAttached(rid)),
		);
		this.ppt = new Ppt(this.iommu);
		this.ppt.attach(PPT.name, PPT.rid);
		this.vmm = new Vmm(this.iommu, this.ppt, this.memory, this.pages);
		this.vmm.removesFromHost = policy !== 'keep';

		const hba = new AhciHba(new DmaPort(AHCI.rid, this.memory, this.vtd), disk);
		const ada0 = new AhciDisk('ada0', hba, this.memory, this.pages);
		this.#layers = [this.vtd, hba, ada0];
		this.guestBytes = Math.floor(hostMemory / 4 / PAGE_SIZE) * PAGE_SIZE;
		this.guests = ['vm0', 'vm1'].map(name => this.#createGuest(name, ada0, disk));
		this.bounce(policy === 'bounce');
		this.vmm.bind(this.guests[0].vm, PPT.rid);
	}

	guest(name: string): Guest | undefined {
		return this.guests.find(({vm}) => vm.name === name);
	}

	/** Has every layer say what it does; undefined: none, which saves them the words. */
	listen(probe: Probe | undefined): void {
		for (const layer of this.#layers) layer.probe = probe;
		for (const {blk, blockIf} of this.guests) {
			blk.probe = probe ?? (() => {});
			blockIf.probe = probe ?? (() => {});
		}
	}

	/** Has block_if of every guest bounce every transfer, or only those it must. */
	bounce(everything: boolean): void {
		for (const {blockIf} of this.guests) blockIf.bounceEverything = everything;
	}

	/** A way to memory as the passthru device has it. */
	portOf(rid: Rid): DmaPort {
		return new DmaPort(rid, this.memory, this.vtd);
	}

	#createGuest(name: string, ada0: AhciDisk, disk: Disk): Guest {
		const vm = this.vmm.create(name);
		const ctx = new VmContext(vm, this.vmm, this.memory, this.guestBytes);
		const device = new RawDevice(ada0);
		const blockIf = new BlockIf(ctx, device, this.pages, !disk.writable);
		const blk = new VirtioBlk(ctx, blockIf, `BHYVE-${hex(disk.sectors).slice(2).toUpperCase()}`);
		this.#layers.push(device);
		return {vm, blk, blockIf, driver: new Vtblk(vm, blk), console: []};
	}
}
