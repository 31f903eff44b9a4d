// bhyve's pci_ahci.c as `-s N,ahci-hd,/dev/ada0` makes it: a controller with one disk, on port 0, that a guest
// drives by the registers of its BAR.

import * as ahci from '../formats/ahci.js';
import {GHC, HBA} from '../formats/ahci.js';
import type {Probe} from '../hardware/probe.js';
import {AhciPort} from './ahci-port.js';
import {identifyPage} from './ata-identify.js';
import type {BlockIf} from './block-if.js';
import {aborts, whyStopped} from './stopped.js';
import type {VmContext} from './vmmapi.js';

/** 64-bit addresses, NCQ, 32 slots, 32 ports, and what else an ICH8 says it can do. */
const CAP = 0xff30_ff3f;
/** Of the 32 ports, only the first is implemented. */
const PORTS_IMPLEMENTED = 1;
const VERSION_1_3 = 0x1_0300;
const CAP2_APST = 0x4;

export class AhciHd {
	probe?: Probe;
	/** Why the device is no longer served, once a guest has broken it. A reset of the controller mends it. */
	stopped: string | undefined;
	private readonly identify: Uint8Array;
	private port: AhciPort;
	private interrupts = false;

	constructor(
		readonly ctx: VmContext,
		readonly blockIf: BlockIf,
		readonly ident: string,
	) {
		this.identify = identifyPage(blockIf, ident);
		this.port = this.newPort();
	}

	/** A guest reads a register. */
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

	/** A guest writes a register: what that sets off has ended when this returns. */
	write(offset: number, value: number): void {
		if (this.stopped !== undefined && offset === HBA.GHC && value & GHC.HR) {
			// The guest is started again, and with it its bhyve.
			this.stopped = undefined;
			this.port = this.newPort();
		}
		this.guarded(() => {
			if (offset % 4 !== 0) throw aborts(`a register was written at 0x${offset.toString(16)}`);
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
		const {ctx, blockIf} = this;
		const port = new AhciPort({
			ctx,
			blockIf,
			identify: this.identify,
			probe: event => this.probe?.(event),
			guarded: work => this.guarded(work),
		});
		port.reset();
		return port;
	}

	/** Where bhyve would abort, crash or hang, this one device stops, with a sentence. */
	private guarded(work: () => void): void {
		if (this.stopped !== undefined) return;
		try {
			work();
		} catch (error) {
			this.stopped = whyStopped(`${this.ctx.vm.name} ahci-hd`, error);
			this.port.cancel();
		}
	}
}
