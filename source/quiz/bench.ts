// The labs that questions are made from: one for each IOMMU, started when first needed.

import {DEFAULT_MEMORY, defaultSpec} from '../lab/build/spec.js';
import type {DiskInfo} from '../lab/build/state.js';
import {Lab} from '../lab/lab.js';
import type {DiskCommand, Family} from '../machine/command.js';
import type {Comparison} from '../machine/workload.js';

export type Translating = Exclude<Family, 'none'>;
export const TRANSLATING = ['vt-d', 'amd-vi'] as const;

export class Bench {
	private readonly labs = new Map<Translating, Lab>();
	private readonly compared = new Map<string, readonly Comparison[]>();

	/** `disk`: opens the disk of a lab. */
	constructor(private readonly disk: () => DiskInfo) {}

	lab(iommu: Translating): Lab {
		let lab = this.labs.get(iommu);
		if (lab === undefined) {
			lab = new Lab({...defaultSpec(DEFAULT_MEMORY), iommu}, this.disk());
			this.labs.set(iommu, lab);
		}
		return lab;
	}

	/** A command under each policy: the same command gives the same, but for the times. */
	compare(iommu: Translating, command: DiskCommand): readonly Comparison[] {
		const key = JSON.stringify([iommu, command]);
		const known = this.compared.get(key) ?? [...this.lab(iommu).compare(command)];
		this.compared.set(key, known);
		return known;
	}

	close(): void {
		for (const lab of this.labs.values()) lab.close();
	}
}
