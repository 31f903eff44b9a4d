// bhyve's pci_ahci.c as in `-s N,ahci-hd,/dev/ada0`: a controller with one disk on port 0, driven through the registers
// in its BAR.

import * as ahci from '../formats/ahci.js';
import {GHC, HBA} from '../formats/ahci.js';
import type {Probe} from '../hardware/probe.js';
import {executeAta} from './ahci-commands.js';
import {AhciPort} from './ahci-port.js';
import {identifyPage} from './ata-identify.js';
import type {BlockIf} from './block-if.js';
import {aborts, DeviceGuard} from './device-guard.js';
import type {VmContext} from './vmmapi.js';

/** 64-bit addresses, NCQ, 32 slots, 32 ports, and the other abilities of an ICH8. */
const CAP = 0xff30_ff3f;
/** Only the first of the 32 ports is implemented. */
const PORTS_IMPLEMENTED = 1;
const VERSION_1_3 = 0x1_0300;
const CAP2_APST = 0x4;

export class AhciHd {
	probe?: Probe;
	private readonly guard: DeviceGuard;
	private readonly identify: Uint8Array;
	private port: AhciPort;
	private interrupts = false;

	constructor(
		readonly ctx: VmContext,
		readonly blockIf: BlockIf,
		readonly ident: string,
	) {
		this.guard = new DeviceGuard(`${ctx.vm.name} ahci-hd`, () => this.port.cancel());
		this.identify = identifyPage(blockIf, ident);
		this.port = this.newPort();
	}

	/** Why the device has stopped, if its guest broke it. A reset of the controller restarts it. */
	get stopped(): string | undefined {
		return this.guard.stopped;
	}

	/** The guest reads a register. */
	read(offset: number): number {
		if (this.stopped !== undefined) return 0xffff_ffff;
		if (offset >= ahci.PORTS) {
			const port = offset - ahci.PORTS;
			return port < ahci.PORT_BYTES ? this.port.read(port) : 0;
		}
		switch (offset) {
			case HBA.CAP:
				return CAP;
			case HBA.GHC:
				return (GHC.AE | (this.interrupts ? GHC.IE : 0)) >>> 0;
			case HBA.IS:
				return this.port.raised ? PORTS_IMPLEMENTED : 0;
			case HBA.PI:
				return PORTS_IMPLEMENTED;
			case HBA.VS:
				return VERSION_1_3;
			case HBA.CAP2:
				return CAP2_APST;
			default:
				return 0;
		}
	}

	/** The guest writes a register. All resulting commands are done when this returns. */
	write(offset: number, value: number): void {
		if (this.stopped !== undefined && offset === HBA.GHC && value & GHC.HR) {
			this.guard.restart();
			this.port = this.newPort();
		}
		this.guard.run(() => {
			if (offset % 4 !== 0) throw aborts(`register offset 0x${offset.toString(16)} is not a multiple of 4`);
			const port = offset - ahci.PORTS;
			if (port < 0) this.writeController(offset, value);
			else if (port < ahci.PORT_BYTES) this.port.write(port, value);
			this.blockIf.run();
		});
	}

	/** pci_ahci_host_write. */
	private writeController(offset: number, value: number): void {
		if (offset === HBA.IS && value & PORTS_IMPLEMENTED) this.port.raised = false;
		if (offset === HBA.GHC) {
			if (value & GHC.HR) this.port.reset();
			this.interrupts = (value & (GHC.IE | GHC.HR)) === GHC.IE;
		}
		this.port.interrupt();
	}

	private newPort(): AhciPort {
		const {ctx, blockIf, identify, guard} = this;
		const probe: Probe = event => this.probe?.(event);
		const port = new AhciPort({ctx, blockIf, identify, probe, guard, execute: executeAta});
		port.reset();
		return port;
	}
}
