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
	readonly ops: IommuOps;
	readonly #memory: Memory;
	readonly #hostFunctions: () => Rid[];

	/** `hostFunctions` lists every PCI function that is not attached to ppt. */
	constructor(ops: IommuOps, memory: Memory, hostFunctions: () => Rid[]) {
		this.ops = ops;
		this.#memory = memory;
		this.#hostFunctions = hostFunctions;
	}

	/** iommu_create_domain: the first call sets the whole IOMMU up. */
	createDomain(maxaddr: number): Domain {
		this.#init();
		return this.ops.createDomain(maxaddr);
	}

	addDevice(domain: Domain, rid: Rid): void {
		this.ops.addDevice(domain, rid);
	}

	removeDevice(domain: Domain, rid: Rid): void {
		this.ops.removeDevice(domain, rid);
	}

	/** iommu_host_domain(): the host's domain. @throws where iommu_init has not run. */
	host(): Domain {
		if (this.hostDomain === undefined) throw new Error('the host domain is made at the first passthru bind');
		return this.hostDomain;
	}

	/** iommu_init: a 1:1 host domain up to the end of memory, holes included, with all host functions in it. */
	#init(): void {
		if (this.hostDomain !== undefined) return;
		this.ops.init();
		const host = this.ops.createDomain(this.#memory.end);
		this.ops.createMapping(host, 0, 0, this.#memory.end);
		for (const rid of this.#hostFunctions()) this.ops.addDevice(host, rid);
		this.hostDomain = host;
		this.ops.enable();
	}
}

export const alreadyOwned = (rid: Rid, domain: number): Error =>
	new Error(`device ${ridText(rid)} is already in domain ${domain}`);
