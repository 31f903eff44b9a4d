// vmm's io/iommu.c: the host domain, and the operations that Intel's and AMD's drivers give it.

import {type Rid, ridText} from '../formats/pci.js';
import type {Memory} from '../hardware/memory.js';

/**
 * A domain of the driver: what a context entry or a device table entry points to. The mappings are in memory
 * alone. With 0 levels it has no table, and is 1:1 (AMD-Vi's mode 0).
 */
export type Domain = {id: number; root: number; levels: number; maxaddr: number};

/** struct iommu_ops. */
export interface IommuOps {
	readonly name: 'vt-d' | 'amd-vi';
	init(): void;
	enable(): void;
	disable(): void;
	createDomain(maxaddr: number): Domain;
	destroyDomain(domain: Domain): void;
	createMapping(domain: Domain, gpa: number, hpa: number, bytes: number): void;
	removeMapping(domain: Domain, gpa: number, bytes: number): void;
	addDevice(domain: Domain, rid: Rid): void;
	removeDevice(domain: Domain, rid: Rid): void;
	invalidateTlb(domain: Domain): void;
}

export class Iommu {
	/** Exists from the first passthru bind on; before that nothing is translated. */
	hostDomain: Domain | undefined;
	private readonly driver: IommuOps | undefined;
	private readonly memory: Memory;
	private readonly hostFunctions: () => Rid[];

	/** `ops` is undefined on a machine without an IOMMU; `hostFunctions` lists the PCI functions of the host. */
	constructor(ops: IommuOps | undefined, memory: Memory, hostFunctions: () => Rid[]) {
		this.driver = ops;
		this.memory = memory;
		this.hostFunctions = hostFunctions;
	}

	/** iommu_create_domain: the first call sets the whole IOMMU up. Undefined where the machine has none. */
	createDomain(maxaddr: number): Domain | undefined {
		if (this.driver === undefined) return undefined;
		if (this.hostDomain === undefined) this.hostDomain = this.init(this.driver);
		return this.driver.createDomain(maxaddr);
	}

	/** The driver's operations. @throws where the machine has no IOMMU: callers hold a domain, so it has one */
	get ops(): IommuOps {
		if (this.driver === undefined) throw new Error('this machine has no IOMMU');
		return this.driver;
	}

	/** iommu_host_domain(): the host's domain. @throws where iommu_init has not run. */
	host(): Domain {
		if (this.hostDomain === undefined) throw new Error('the host domain is made at the first passthru bind');
		return this.hostDomain;
	}

	/** iommu_pci_add: a function of the host joins its domain, if there is one yet. */
	addToHost(rid: Rid): void {
		if (this.hostDomain !== undefined) this.ops.addDevice(this.hostDomain, rid);
	}

	/** iommu_pci_delete. */
	removeFromHost(rid: Rid): void {
		if (this.hostDomain !== undefined) this.ops.removeDevice(this.hostDomain, rid);
	}

	/** iommu_cleanup, when the module is unloaded: no translation any more, and no host domain. */
	cleanup(): void {
		if (this.hostDomain === undefined) return;
		this.ops.disable();
		this.ops.destroyDomain(this.hostDomain);
		this.hostDomain = undefined;
	}

	/** iommu_init: a 1:1 host domain up to the end of memory, holes included, with all host functions in it. */
	private init(ops: IommuOps): Domain {
		ops.init();
		const host = ops.createDomain(this.memory.end);
		ops.createMapping(host, 0, 0, this.memory.end);
		for (const rid of this.hostFunctions()) ops.addDevice(host, rid);
		ops.enable();
		return host;
	}
}

export const alreadyOwned = (rid: Rid, domain: number): Error =>
	new Error(`device ${ridText(rid)} is already in domain ${domain}`);
