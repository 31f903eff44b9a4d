// One port of bhyve's pci_ahci.c and the disk behind it: the registers, the command list that it takes commands
// from, and the FISes that it answers with. A command slot is a bit of PxCI, and of PxSACT where it is queued.

import {join64} from '../formats/address.js';
import * as ahci from '../formats/ahci.js';
import {CMD, PX, PX_IS} from '../formats/ahci.js';
import {STATUS} from '../formats/ata.js';
import type {Probe} from '../hardware/probe.js';
import {answer, resetDevice} from './ahci-answers.js';
import {runCommand} from './ahci-commands.js';
import type {BlockIf, BlockRequest} from './block-if.js';
import {aborts, crashes, hangs} from './stopped.js';
import {NULL, type VmContext} from './vmmapi.js';

/** The bits of PxCMD that a guest sets and clears. */
const CMD_WRITABLE = 0xff80_001f;
const PX_IE_WRITABLE = 0xfdc0_00ff;
const DET_RESET = 1;

/** What a port needs of the controller that it is part of. */
export type Controller = {
	readonly ctx: VmContext;
	readonly blockIf: BlockIf;
	/** The page of IDENTIFY DEVICE. */
	readonly identify: Uint8Array;
	readonly probe: Probe;
	/** Runs work that a guest may have spoilt, unless the device has stopped. */
	readonly guarded: (work: () => void) => void;
};

export class AhciPort {
	is = 0;
	cmd = CMD.SUD | CMD.POD | CMD.CPS;
	tfd = 0;
	sact = 0;
	ci = 0;
	private clb = 0;
	private clbu = 0;
	private fb = 0;
	private fbu = 0;
	private ie = 0;
	ssts = 0;
	sctl = 0;
	/** Whether this port has raised its bit of the controller's IS. */
	raised = false;
	/** Slots whose commands are with block_if. */
	pending = 0;
	/** What the log of NCQ errors shows: the slot, and the FIS of the last error. */
	readonly errorFis = new Uint8Array(ahci.FIS_BYTES);
	private readonly busy = new Set<BlockRequest>();
	private ccs = 0;
	/** An error has been reported: no command is taken up until the guest stops the port. */
	private waitForClear = false;
	/** The guest has set SRST in a device control FIS, and not yet cleared it. */
	private softReset = false;
	/** Pointers, as they were when the guest set ST and FRE. */
	private commandList = NULL;
	private received = NULL;

	constructor(readonly controller: Controller) {}

	get ctx(): VmContext {
		return this.controller.ctx;
	}

	read(offset: number): number {
		const {is, cmd, tfd, sact, ci} = this;
		const addresses = [this.clb, this.clbu, this.fb, this.fbu];
		const link = [ahci.SIGNATURE_ATA, this.ssts, this.sctl];
		return [...addresses, is, this.ie, cmd, 0, tfd, ...link, 0, sact, ci][offset / 4] ?? 0;
	}

	/** pci_ahci_port_write. */
	write(offset: number, value: number): void {
		if (offset === PX.CLB) this.clb = value;
		else if (offset === PX.CLBU) this.clbu = value;
		else if (offset === PX.FB) this.fb = value;
		else if (offset === PX.FBU) this.fbu = value;
		else if (offset === PX.CMD) this.writeCommand(value);
		else if (offset === PX.SACT) this.sact = (this.sact | value) >>> 0;
		else if (offset === PX.CI) {
			this.ci = (this.ci | value) >>> 0;
			this.takeCommands();
		} else if (offset === PX.IS) {
			this.is = (this.is & ~value) >>> 0;
			this.interrupt();
		} else if (offset === PX.IE) {
			this.ie = (value & PX_IE_WRITABLE) >>> 0;
			this.interrupt();
		} else if (offset === PX.SCTL) {
			this.sctl = value;
			if ((this.cmd & CMD.ST) === 0 && value & DET_RESET) resetDevice(this);
		}
	}

	/** ahci_reset, as far as it concerns a port. What was issued stays so until the port is stopped. */
	reset(): void {
		this.ie = 0;
		this.is = 0;
		this.raised = false;
		this.cmd = CMD.SUD | CMD.POD | CMD.CPS;
		this.sctl = 0;
		resetDevice(this);
	}

	/** ahci_port_intr. */
	interrupt(): void {
		if (this.is & this.ie) this.raised = true;
	}

	/** ahci_handle_port: takes up what is issued, until the device is busy or in error. */
	takeCommands(): void {
		if ((this.cmd & CMD.ST) === 0) return;
		for (; this.waiting !== 0; this.ccs = (this.ccs + 1) % ahci.SLOTS) {
			if (this.blocked) return;
			const slot = this.ccs;
			if ((this.waiting & (1 << slot)) === 0) continue;
			this.cmd = ((this.cmd & ~CMD.CCS) | (slot << CMD.CCS_SHIFT)) >>> 0;
			this.takeSlot(slot);
		}
	}

	/** ahci_check_stopped: a port that has ST cleared and nothing in flight forgets what was issued. */
	checkStopped(): void {
		if (this.cmd & CMD.ST || this.pending !== 0) return;
		this.ccs = 0;
		this.cmd = (this.cmd & ~(CMD.CR | CMD.CCS)) >>> 0;
		this.ci = 0;
		this.sact = 0;
		this.waitForClear = false;
	}

	/** Where the header of a slot's command is. */
	header(slot: number): number {
		if (this.commandList === NULL) throw crashes('the command list is not in guest memory');
		return this.commandList + slot * ahci.COMMAND_HEADER_BYTES;
	}

	prdtl(slot: number): number {
		return this.ctx.process.u16(this.header(slot) + 2);
	}

	/** Hands a part of a slot's command to block_if; `ended` hears of its end. */
	issue(slot: number, part: Omit<BlockRequest, 'done'>, ended: (error: string | undefined) => void): void {
		const done = (error: string | undefined) => {
			this.busy.delete(request);
			this.controller.guarded(() => ended(error));
		};
		const request = {...part, done};
		this.pending |= 1 << slot;
		this.busy.add(request);
		const refused = this.controller.blockIf.request(request);
		if (refused !== undefined) throw aborts(`block_if takes no more requests (${refused})`);
	}

	/** Calls back what is with block_if. */
	cancel(): void {
		for (const request of this.busy) this.controller.blockIf.cancel(request);
		this.busy.clear();
	}

	/** ahci_write_fis: the guest sees a FIS of the device, where it asked for FISes. */
	receive(at: number, fis: Uint8Array, interrupt: number): void {
		if (this.received === NULL || (this.cmd & CMD.FRE) === 0) return;
		let raised = fis[1] & ahci.FIS_INTERRUPT_BIT ? interrupt : 0;
		if (fis[2] & STATUS.ERR) {
			this.waitForClear = true;
			raised |= PX_IS.TFE;
		}
		this.ctx.process.write(this.received + at, fis);
		if ((~this.is & raised) === 0) return;
		this.is |= raised;
		this.interrupt();
	}

	/** Busy or in error: no command is taken up. */
	get blocked(): boolean {
		return this.waitForClear || (this.tfd & (STATUS.BSY | STATUS.DRQ)) !== 0;
	}

	private get waiting(): number {
		return this.ci & ~this.pending;
	}

	private writeCommand(value: number): void {
		this.cmd = ((this.cmd & ~CMD_WRITABLE) | (value & CMD_WRITABLE)) >>> 0;
		if (value & CMD.ST) {
			this.cmd |= CMD.CR;
			const list = join64(this.clb, this.clbu);
			this.commandList = this.ctx.mapGpa(list, ahci.SLOTS * ahci.COMMAND_HEADER_BYTES);
		} else {
			// Nothing is in flight between two writes of a register, so ahci_port_stop has nothing to cancel.
			this.checkStopped();
		}
		if (value & CMD.FRE) {
			this.cmd |= CMD.FR;
			this.received = this.ctx.mapGpa(join64(this.fb, this.fbu), ahci.RECEIVED_BYTES);
		} else this.cmd &= ~CMD.FR;
		if (value & CMD.CLO) this.tfd &= ~(STATUS.BSY | STATUS.DRQ);
		this.cmd = (this.cmd & ~(CMD.CLO | CMD.ICC)) >>> 0;
		this.takeCommands();
	}

	/** ahci_handle_slot. */
	private takeSlot(slot: number): void {
		const {process} = this.ctx;
		const header = this.header(slot);
		const table = join64(process.u32(header + ahci.HEADER.CTBA), process.u32(header + ahci.HEADER.CTBAU));
		const cfis = this.ctx.mapGpa(table, ahci.PRDT + this.prdtl(slot) * ahci.PRD_BYTES);
		if (cfis === NULL) throw crashes(`the command table of slot ${slot} is not in guest memory`);
		if (process.u8(cfis) !== ahci.FIS_H2D)
			throw hangs(`the FIS in slot ${slot} is no host's, and is looked at again and again`);
		if (process.u8(cfis + 1) & ahci.FIS_COMMAND_BIT) {
			this.tfd |= STATUS.BSY;
			const tfd = runCommand(this, slot, cfis);
			if (tfd !== undefined) answer(this, slot, cfis, tfd);
			return;
		}
		const srst = (process.u8(cfis + 15) & 0x4) !== 0;
		if (!srst && this.softReset) resetDevice(this);
		this.softReset = srst;
		this.ci = (this.ci & ~(1 << slot)) >>> 0;
	}
}
