// bhyve's pci_nvme.c as in `-s N,nvme,/dev/ada0`: a controller with one namespace, driven through the registers and
// doorbells in its BAR 0. It raises no interrupts: the guest's driver polls.

import {join64} from '../formats/address.js';
import {CC, CSTS, DOORBELLS, REG, VERSION_1_4} from '../formats/nvme.js';
import type {Probe} from '../hardware/probe.js';
import type {BlockIf} from './block-if.js';
import {DeviceGuard} from './device-guard.js';
import {NvmeAdmin} from './nvme-admin.js';
import {NvmeIo} from './nvme-io.js';
import {MAX_ENTRIES, NvmeQueues} from './nvme-queues.js';
import type {VmContext} from './vmmapi.js';

/** The most entries minus one, contiguous queues, a reset within 30 s; the NVM command set. */
const CAP_LO = 0x3c01_0000 | (MAX_ENTRIES - 1);
const CAP_HI = 0x20;
/** The bits of CC that a guest can write: EN and the entry sizes; while EN is clear, all others except SHN. */
const CC_ALWAYS = 0x00ff_0001;
const CC_DISABLED = 0x0000_3ff0;

type Parts = {queues: NvmeQueues; io: NvmeIo; admin: NvmeAdmin};

export class Nvme {
	probe?: Probe;
	private readonly guard: DeviceGuard;
	private parts: Parts;
	private cc = 0;
	private csts = 0;
	private aqa = 0;
	private asq = {lo: 0, hi: 0};
	private acq = {lo: 0, hi: 0};

	constructor(
		readonly ctx: VmContext,
		readonly blockIf: BlockIf,
		readonly ident: string,
	) {
		this.guard = new DeviceGuard(`${ctx.vm.name} nvme`, () => this.parts.io.cancel());
		this.parts = this.newParts();
	}

	/** Why the device has stopped, if its guest broke it. Clearing CC.EN restarts it. */
	get stopped(): string | undefined {
		return this.guard.stopped;
	}

	/** The guest reads a register. */
	read(offset: number): number {
		if (this.stopped !== undefined) return 0xffff_ffff;
		const {lo, hi} = this.asq;
		const admin = [this.aqa, lo, hi, this.acq.lo, this.acq.hi];
		return [CAP_LO, CAP_HI, VERSION_1_4, 0, 0, this.cc, 0, this.csts, 0, ...admin][offset / 4] ?? 0;
	}

	/** The guest writes a register or rings a doorbell. All resulting commands are done when this returns. */
	write(offset: number, value: number): void {
		if (this.stopped !== undefined && offset === REG.CC && (value & CC.EN) === 0) {
			this.guard.restart();
			this.parts = this.newParts();
			this.reset();
		}
		this.guard.run(() => {
			if (offset >= DOORBELLS) this.ring(offset - DOORBELLS, value & 0xffff);
			else this.writeRegister(offset, value);
		});
	}

	/** pci_nvme_handle_doorbell. Without interrupts the head of a completion queue does not matter. */
	private ring(offset: number, tail: number): void {
		const {queues, io, admin} = this.parts;
		const index = Math.floor(offset / 8);
		if (offset % 8 >= 4 || index > queues.submissions) return;
		queues.ring(index, tail, command => {
			if (index === 0) admin.run(command);
			else io.run(index, command);
		});
		this.blockIf.run();
		admin.sendEvents();
	}

	/** pci_nvme_write_bar_0. */
	private writeRegister(offset: number, value: number): void {
		if (offset === REG.CC) this.configure(value);
		else if (offset === REG.AQA) this.aqa = value;
		else if (offset === REG.ASQ_LO) this.asq.lo = (value & 0xffff_f000) >>> 0;
		else if (offset === REG.ASQ_HI) this.asq.hi = value;
		else if (offset === REG.ACQ_LO) this.acq.lo = (value & 0xffff_f000) >>> 0;
		else if (offset === REG.ACQ_HI) this.acq.hi = value;
	}

	private configure(value: number): void {
		if (value & CC.SHN) this.csts = (this.csts & ~CSTS.SHST) | CSTS.SHST_COMPLETE;
		const enable = (value & CC.EN) !== 0;
		if (enable && (this.cc & CC.EN) === 0) {
			this.parts.queues.setAdmin(
				{gpa: join64(this.asq.lo, this.asq.hi), size: (this.aqa & 0xfff) + 1},
				{gpa: join64(this.acq.lo, this.acq.hi), size: ((this.aqa >>> 16) & 0xfff) + 1},
			);
		} else if (!enable && this.cc & CC.EN) this.reset();
		const mask = enable ? CC_ALWAYS : CC_ALWAYS | CC_DISABLED;
		this.cc = (this.cc & ~mask) | (value & mask);
		this.csts = (this.csts & ~CSTS.RDY) | (enable ? CSTS.RDY : 0);
	}

	/** pci_nvme_reset_locked. */
	private reset(): void {
		this.cc = 0;
		this.csts = 0;
		this.parts.queues.reset();
		this.parts.admin.reset();
	}

	private newParts(): Parts {
		const {ctx, blockIf, guard} = this;
		const queues = new NvmeQueues(ctx);
		const io = new NvmeIo({ctx, blockIf, queues, guard, probe: event => this.probe?.(event)});
		return {queues, io, admin: new NvmeAdmin(ctx, blockIf, this.ident, queues, io)};
	}
}
