// vmm's io/iommu.c: the host domain, and the operations of Intel's and AMD's drivers.

import {type Rid, ridText} from '../formats/pci.js';
import type {Memory} from '../hardware/memory.js';
import {UserError} from '../user-error.js';

/**
 * A domain: a context entry or device table entry points to its tables. Its mappings exist only in those tables. With 0
 * levels it has no tables and is 1:1 (AMD-Vi's mode 0).
 */
export type Domain = {id: number; root: number; levels: number; maxaddr: number};

/** struct iommu_ops. */
export interface IommuOps {
	readonly name: 'vt-d' | 'amd-vi';
	/** @returns whether the units can be used */
	init(): boolean;
	enable(): void;
	disable(): void;
	/** The module is unloaded: forgets what its static variables held. */
	unload(): void;
	createDomain(maxaddr: number): Domain;
	destroyDomain(domain: Domain): void;
	createMapping(domain: Domain, gpa: number, hpa: number, bytes: number): void;
	removeMapping(domain: Domain, gpa: number, bytes: number): void;
	addDevice(domain: Domain, rid: Rid): void;
	removeDevice(domain: Domain, rid: Rid): void;
	invalidateTlb(domain: Domain): void;
}

export class Iommu {
	/** Created by the first passthru bind. Before that nothing is translated. */
	hostDomain: Domain | undefined;
	/** iommu_initted: iommu_init runs once, whether it succeeds or not. */
	private initted = false;
	private readonly driver: IommuOps | undefined;
	private readonly memory: Memory;
	private readonly hostFunctions: () => Rid[];

	/**
	 * `ops` is undefined if the machine has no IOMMU, or hw.vmm.iommu.enable is 0. `hostFunctions` lists the host's PCI
	 * functions.
	 */
	constructor(ops: IommuOps | undefined, memory: Memory, hostFunctions: () => Rid[]) {
		this.driver = ops;
		this.memory = memory;
		this.hostFunctions = hostFunctions;
	}

	/** iommu_create_domain: the first call sets up the IOMMU. Undefined if there is none that can be used. */
	createDomain(maxaddr: number): Domain | undefined {
		if (this.driver === undefined) return undefined;
		if (!this.initted) {
			this.initted = true;
			this.hostDomain = this.init(this.driver);
		}
		return this.hostDomain === undefined ? undefined : this.driver.createDomain(maxaddr);
	}

	/** The driver's operations. @throws if the machine has no IOMMU */
	get ops(): IommuOps {
		if (this.driver === undefined) throw new Error('this machine has no IOMMU');
		return this.driver;
	}

	/** iommu_host_domain(). @throws before iommu_init */
	host(): Domain {
		if (this.hostDomain === undefined) throw new Error('no host domain before the first passthru bind');
		return this.hostDomain;
	}

	/** iommu_pci_add: a host function joins the host domain, if that exists. */
	addToHost(rid: Rid): void {
		if (this.hostDomain !== undefined) this.ops.addDevice(this.hostDomain, rid);
	}

	/** iommu_pci_delete. */
	removeFromHost(rid: Rid): void {
		if (this.hostDomain !== undefined) this.ops.removeDevice(this.hostDomain, rid);
	}

	/** iommu_cleanup, when the module is unloaded: ends translation and destroys the host domain. */
	cleanup(): void {
		this.initted = false;
		if (this.hostDomain !== undefined) {
			this.ops.disable();
			this.ops.destroyDomain(this.hostDomain);
			this.hostDomain = undefined;
		}
		this.driver?.unload();
	}

	/** iommu_init: a 1:1 host domain up to the end of memory, including holes, with all host functions. */
	private init(ops: IommuOps): Domain | undefined {
		if (!ops.init()) return undefined;
		const host = ops.createDomain(this.memory.end);
		ops.createMapping(host, 0, 0, this.memory.end);
		for (const rid of this.hostFunctions()) ops.addDevice(host, rid);
		ops.enable();
		return host;
	}
}

/** vtd_add_device panics. It takes an overwritten context table to get there. */
export const alreadyOwned = (rid: Rid, domain: number): UserError =>
	new UserError(
		`Device ${ridText(rid)} is already in domain ${domain}, where FreeBSD would panic; start a new machine.`,
	);
