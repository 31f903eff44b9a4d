// Whether a PCI function puts requests on the bus: bus mastering is on, and a driver has told it what to move.

export class BusMaster {
	/** PCIM_CMD_BUSMASTEREN, in the function's command register. */
	enabled = true;
	/** A driver has set up its DMA. A reset makes it forget that. */
	started = true;

	/** `flr`: whether it has a function-level reset. Without one, ppt tries a power reset, which here resets nothing. */
	constructor(readonly flr: boolean) {}

	/** pcie_flr, or pci_power_reset. */
	reset(): void {
		if (this.flr) this.started = false;
	}

	/** A driver takes the function and sets it up. */
	start(): void {
		this.enabled = true;
		this.started = true;
	}

	/** Why it puts nothing on the bus, if it does not. */
	get idle(): string | undefined {
		if (!this.enabled) return 'its bus mastering is off';
		return this.started ? undefined : 'it was reset, and no driver has started its DMA since';
	}
}
