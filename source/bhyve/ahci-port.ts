// One port of bhyve's pci_ahci.c: its registers, its command list, and the FISes that it sends to the guest. A command
// slot is a bit of PxCI, and also of PxSACT if the command is queued.

import {join64} from '../formats/address.js';
import * as ahci from '../formats/ahci.js';
import {CMD, PX, PX_IS} from '../formats/ahci.js';
import {STATUS, TFD_OK} from '../formats/ata.js';
import type {Probe} from '../hardware/probe.js';
import type {BlockIf, BlockRequest} from './block-if.js';
import {aborts, crashes, type DeviceGuard, hangs} from './device-guard.js';
import {NULL, type VmContext} from './vmmapi.js';

/** The bits of PxCMD that a guest can write. */
const CMD_WRITABLE = 0xff80_001f;
const PX_IE_WRITABLE = 0xfdc0_00ff;
const DET_RESET = 1;
/** PxSSTS: a device with an active link, at the third generation's speed unless PxSCTL limits it. */
const SSTS_ONLINE = 0x103;
const SPEED = 0xf0;
const SPEED_GEN3 = 0x40;
/** In the NCQ error log: the failed command was not queued. */
const NOT_QUEUED = 0x80;

/** The controller that a port belongs to. */
export type AhciContext = {
	readonly ctx: VmContext;
	readonly blockIf: BlockIf;
	/** The page of IDENTIFY DEVICE. */
	readonly identify: Uint8Array;
	readonly probe: Probe;
	readonly guard: DeviceGuard;
	/** Executes an ATA command, whose FIS is at `cfis`. @returns its task file, or undefined while block_if has it */
	readonly execute: (port: AhciPort, slot: number, cfis: number) => number | undefined;
};

export class AhciPort {
	/** Whether this port has set its bit of the controller's IS. */
	raised = false;
	/** The entry of the NCQ error log: the slot and FIS of the last error. */
	readonly errorFis = new Uint8Array(ahci.FIS_BYTES);
	private clb = 0;
	private clbu = 0;
	private fb = 0;
	private fbu = 0;
	private is = 0;
	private ie = 0;
	private cmd: number = CMD.SUD | CMD.POD | CMD.CPS;
	private tfd = 0;
	private ssts = 0;
	private sctl = 0;
	private sact = 0;
	private ci = 0;
	private ccs = 0;
	/** The slots of commands in block_if, and those commands' requests. */
	private pending = 0;
	private readonly busy = new Set<BlockRequest>();
	/** After an error no command starts until the guest stops the port. */
	private waitForClear = false;
	/** The guest has set SRST in a device control FIS and not yet cleared it. */
	private softReset = false;
	/** Pointers, as of when the guest set ST and FRE. */
	private commandList = NULL;
	private received = NULL;

	constructor(readonly controller: AhciContext) {}

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
			this.startCommands();
		} else if (offset === PX.IS) {
			this.is = (this.is & ~value) >>> 0;
			this.interrupt();
		} else if (offset === PX.IE) {
			this.ie = (value & PX_IE_WRITABLE) >>> 0;
			this.interrupt();
		} else if (offset === PX.SCTL) {
			this.sctl = value;
			if ((this.cmd & CMD.ST) === 0 && value & DET_RESET) this.resetDevice();
		}
	}

	/** ahci_reset, for one port. Issued commands stay issued until the port is stopped. */
	reset(): void {
		this.ie = 0;
		this.is = 0;
		this.raised = false;
		this.cmd = CMD.SUD | CMD.POD | CMD.CPS;
		this.sctl = 0;
		this.resetDevice();
	}

	/** ahci_port_intr. */
	interrupt(): void {
		if (this.is & this.ie) this.raised = true;
	}

	/** ahci_handle_port: starts the issued commands, until the device is busy or in error. */
	startCommands(): void {
		if ((this.cmd & CMD.ST) === 0) return;
		for (; this.waiting !== 0; this.ccs = (this.ccs + 1) % ahci.SLOTS) {
			if (this.blocked) return;
			const slot = this.ccs;
			if ((this.waiting & (1 << slot)) === 0) continue;
			this.cmd = ((this.cmd & ~CMD.CCS) | (slot << CMD.CCS_SHIFT)) >>> 0;
			this.startCommand(slot);
		}
	}

	/** The header of a slot's command. */
	header(slot: number): number {
		if (this.commandList === NULL) throw crashes('the command list is not in guest memory');
		return this.commandList + slot * ahci.COMMAND_HEADER_BYTES;
	}

	prdtl(slot: number): number {
		return this.ctx.process.u16(this.header(slot) + 2);
	}

	/** Passes a part of a slot's command to block_if, which calls `ended`. */
	issue(slot: number, part: Omit<BlockRequest, 'done'>, ended: (error: string | undefined) => void): void {
		const done = (error: string | undefined) => {
			this.busy.delete(request);
			this.controller.guard.run(() => ended(error));
		};
		const request = {...part, done};
		this.pending |= 1 << slot;
		this.busy.add(request);
		const refused = this.controller.blockIf.request(request);
		if (refused !== undefined) throw aborts(`block_if takes no more requests (${refused})`);
	}

	/** Ends a slot's command that was in block_if. */
	finish(slot: number, cfis: number, queued: boolean, tfd: number): void {
		if (queued) this.completeQueued(slot, cfis, tfd);
		else this.complete(slot, cfis, tfd);
		this.pending &= ~(1 << slot);
		this.checkStopped();
	}

	/** Withdraws all requests from block_if. */
	cancel(): void {
		for (const request of this.busy) this.controller.blockIf.cancel(request);
		this.busy.clear();
	}

	/** ahci_write_fis_d2h_ncq: the device has accepted a queued command, which frees its slot of PxCI. */
	accept(slot: number): void {
		this.tfd = TFD_OK;
		this.ci = (this.ci & ~(1 << slot)) >>> 0;
		this.sendFis(ahci.RECEIVED.D2H, ahci.d2hFis(TFD_OK), PX_IS.DHR);
	}

	/** ahci_write_fis_piosetup. */
	setUpPio(): void {
		const fis = new Uint8Array(ahci.FIS_BYTES);
		fis[0] = ahci.FIS_PIO_SETUP;
		this.sendFis(ahci.RECEIVED.PIO_SETUP, fis, PX_IS.PS);
	}

	/** ahci_write_fis_d2h: ends a command that is not queued. */
	private complete(slot: number, cfis: number, tfd: number): void {
		const fis = ahci.d2hFis(tfd, this.ctx.process.read(cfis + 4, 10));
		fis[1] = ahci.FIS_INTERRUPT_BIT;
		if (tfd & STATUS.ERR) this.logError(NOT_QUEUED, cfis, tfd);
		else this.ci = (this.ci & ~(1 << slot)) >>> 0;
		this.tfd = tfd;
		this.sendFis(ahci.RECEIVED.D2H, fis, PX_IS.DHR);
		// Only an error FIS keeps the port from starting the command again.
		if (tfd & STATUS.ERR && !this.blocked)
			throw hangs(`the command in slot ${slot} failed but cannot send a FIS`);
	}

	/** ahci_write_fis_sdb: ends a queued command. The error byte goes into the FIS but not into PxTFD. */
	private completeQueued(slot: number, cfis: number, tfd: number): void {
		const failed = (tfd & STATUS.ERR) !== 0;
		if (failed) this.logError(slot, cfis, tfd);
		else this.sact = (this.sact & ~(1 << slot)) >>> 0;
		this.tfd = (this.tfd & ~ahci.SDB_STATUS) | (tfd & ahci.SDB_STATUS);
		this.sendFis(ahci.RECEIVED.SDB, ahci.sdbFis(tfd, failed ? 0 : 1 << slot), PX_IS.SDB);
	}

	private logError(slot: number, cfis: number, tfd: number): void {
		this.errorFis.set([slot, 0, tfd, tfd >> 8]);
		this.errorFis.set(this.ctx.process.read(cfis + 4, 16), 4);
	}

	/** ahci_port_reset and ahci_write_reset_fis_d2h: the device sends its signature. */
	private resetDevice(): void {
		this.sact = 0;
		this.ssts = SSTS_ONLINE | (this.sctl & SPEED || SPEED_GEN3);
		this.tfd = 0x100 | STATUS.DRDY | STATUS.DSC | STATUS.DMA;
		this.sendFis(ahci.RECEIVED.D2H, ahci.d2hFis(0x100, [1, 0, 0, 0, 0, 0, 0, 0, 1]), PX_IS.DHR);
	}

	/** ahci_write_fis, if the guest has enabled the reception of FISes. */
	private sendFis(at: number, fis: Uint8Array, interrupt: number): void {
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

	/** Busy or in error: no command starts. */
	private get blocked(): boolean {
		return this.waitForClear || (this.tfd & (STATUS.BSY | STATUS.DRQ)) !== 0;
	}

	private get waiting(): number {
		return this.ci & ~this.pending;
	}

	/** ahci_check_stopped: when ST is clear and no command is in flight, the port drops what was issued. */
	private checkStopped(): void {
		if (this.cmd & CMD.ST || this.pending !== 0) return;
		this.ccs = 0;
		this.cmd = (this.cmd & ~(CMD.CR | CMD.CCS)) >>> 0;
		this.ci = 0;
		this.sact = 0;
		this.waitForClear = false;
	}

	private writeCommand(value: number): void {
		this.cmd = ((this.cmd & ~CMD_WRITABLE) | (value & CMD_WRITABLE)) >>> 0;
		if (value & CMD.ST) {
			this.cmd |= CMD.CR;
			const list = join64(this.clb, this.clbu);
			this.commandList = this.ctx.mapGpa(list, ahci.SLOTS * ahci.COMMAND_HEADER_BYTES);
		} else {
			// No command is in flight between two register writes, so ahci_port_stop has nothing to cancel.
			this.checkStopped();
		}
		if (value & CMD.FRE) {
			this.cmd |= CMD.FR;
			this.received = this.ctx.mapGpa(join64(this.fb, this.fbu), ahci.RECEIVED_BYTES);
		} else this.cmd &= ~CMD.FR;
		if (value & CMD.CLO) this.tfd &= ~(STATUS.BSY | STATUS.DRQ);
		this.cmd = (this.cmd & ~(CMD.CLO | CMD.ICC)) >>> 0;
		this.startCommands();
	}

	/** ahci_handle_slot. */
	private startCommand(slot: number): void {
		const {process} = this.ctx;
		const header = this.header(slot);
		const table = join64(process.u32(header + ahci.HEADER.CTBA), process.u32(header + ahci.HEADER.CTBAU));
		const cfis = this.ctx.mapGpa(table, ahci.PRDT + this.prdtl(slot) * ahci.PRD_BYTES);
		if (cfis === NULL) throw crashes(`the command table of slot ${slot} is not in guest memory`);
		if (process.u8(cfis) !== ahci.FIS_H2D) throw hangs(`the FIS in slot ${slot} is not host-to-device`);
		if (process.u8(cfis + 1) & ahci.FIS_COMMAND_BIT) {
			this.tfd |= STATUS.BSY;
			const tfd = this.controller.execute(this, slot, cfis);
			if (tfd !== undefined) this.complete(slot, cfis, tfd);
			return;
		}
		const srst = (process.u8(cfis + 15) & 0x4) !== 0;
		if (!srst && this.softReset) this.resetDevice();
		this.softReset = srst;
		this.ci = (this.ci & ~(1 << slot)) >>> 0;
	}
}
