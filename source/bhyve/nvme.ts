// bhyve's pci_nvme.c as `-s N,nvme,/dev/ada0` makes it: a controller with one namespace, that a guest drives by
// the registers and doorbells of its BAR 0. Interrupts are left out: the guest's driver looks for itself.

import {join64} from '../formats/address.js';
import {CC, CSTS, DOORBELLS, REG} from '../formats/nvme.js';
import type {Probe} from '../hardware/probe.js';
import type {BlockIf} from './block-if.js';
import {NvmeAdmin} from './nvme-admin.js';
import {VERSION_1_4} from './nvme-identify.js';
import {NvmeIo} from './nvme-io.js';
import {MAX_ENTRIES, NvmeQueues} from './nvme-queues.js';
import {whyStopped} from './stopped.js';
import type {VmContext} from './vmmapi.js';

/** Contiguous queues, of so many entries less one; a reset takes at most 30 s. And the NVM command set. */
const CAP_LO = 0x3c01_0000 | (MAX_ENTRIES - 1);
const CAP_HI = 0x20;
/** Bits of CC that a guest sets: EN and the entries' sizes; and, while EN is clear, the rest but SHN. */
const CC_ALWAYS = 0x00ff_0001;
const CC_DISABLED = 0x0000_3ff0;

type Parts = {queues: NvmeQueues; io: NvmeIo; admin: NvmeAdmin};

export class Nvme {
	probe?: Probe;
	/** Why the device is no longer served, once a guest has broken it. Clearing CC.EN mends it. */
	stopped: string | undefined;
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
		this.parts = this.newParts();
	}

	/** A guest reads a register. */
	read(offset: number): number {
		if (this.stopped !== undefined) return 0xffff_ffff;
		const {lo, hi} = this.asq;
		const admin = [this.aqa, lo, hi, this.acq.lo, this.acq.hi];
		return [CAP_LO, CAP_HI, VERSION_1_4, 0, 0, this.cc, 0, this.csts, 0, ...admin][offset / 4] ?? 0;
	}

	/** A guest writes a register, or rings a doorbell: what that sets off has ended when this returns. */
	write(offset: number, value: number): void {
		if (this.stopped !== undefined && offset === REG.CC && (value & CC.EN) === 0) {
			// The guest is started again, and with it its bhyve.
			this.stopped = undefined;
			this.parts = this.newParts();
			this.reset();
		}
		this.guarded(() => {
			if (offset >= DOORBELLS) this.ring(offset - DOORBELLS, value & 0xffff);
			else this.writeRegister(offset, value);
		});
	}

	/** pci_nvme_handle_doorbell. Where a completion queue's head is, is of no interest without interrupts. */
	private ring(offset: number, tail: number): void {
		const {queues, io, admin} = this.parts;
		const index = Math.floor(offset / 8);
		if (offset % 8 >= 4 || index > queues.submissions) return;
		queues.ring(index, tail, command => {
			if (index === 0) admin.run(command);
			else io.run(index, command);
		});
		this.blockIf.run();
		admin.tellEvents();
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
		const {ctx, blockIf} = this;
		const queues = new NvmeQueues(ctx);
		const io = new NvmeIo({
			ctx,
			blockIf,
			queues,
			probe: event => this.probe?.(event),
			guarded: work => this.guarded(work),
		});
		return {queues, io, admin: new NvmeAdmin(ctx, blockIf, this.ident, queues, io)};
	}

	/** Where bhyve would abort, crash or hang, this one device stops, with a sentence. */
	private guarded(work: () => void): void {
		if (this.stopped !== undefined) return;
		try {
			work();
		} catch (error) {
			this.stopped = whyStopped(`${this.ctx.vm.name} nvme`, error);
			this.parts.io.cancel();
		}
	}
}
