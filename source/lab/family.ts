// The IOMMU of the machine: VT-d, AMD-Vi, or none; its unit, and the driver that vmm has for it.

import {join64} from '../formats/address.js';
import {REG} from '../formats/vtd.js';
import type {Translator} from '../hardware/dma.js';
import type {Memory} from '../hardware/memory.js';
import type {Probe} from '../hardware/probe.js';
import {Vtd} from '../hardware/vtd.js';
import type {Domain, IommuOps} from '../kernel/iommu.js';
import type {VmPages} from '../kernel/vm-page.js';
import {VtdDriver} from '../kernel/vtd.js';
import type {MachineSpec} from '../seam/command.js';
import type {FaultLog} from '../seam/observed.js';

export type IommuFamily = {
	translator: Translator;
	driver?: IommuOps & {readonly domains: readonly Domain[]};
	/** Where hardware finds the entries of functions: the root table, or the device table. */
	entries: () => number;
	faultLog: () => Omit<FaultLog, 'blocked'>;
};

export function familyOf({iommu}: MachineSpec, memory: Memory, pages: VmPages, probe: Probe): IommuFamily {
	if (iommu === 'vt-d') return vtdOf(memory, pages, probe);
	return {
		translator: {translate: (_rid, iova) => iova},
		entries: () => 0,
		faultLog: () => NO_LOG,
	};
}

const NO_LOG = {
	kind: 'registers',
	total: 0,
	used: 0,
	overflow: false,
	kernelLogged: 0,
	kernelLines: [],
} as const;

function vtdOf(memory: Memory, pages: VmPages, probe: Probe): IommuFamily {
	const unit = new Vtd(memory);
	unit.probe = probe;
	return {
		translator: unit,
		driver: new VtdDriver(unit, memory, pages),
		entries: () => join64(unit.read32(REG.RTADDR), unit.read32(REG.RTADDR + 4)),
		faultLog: () => {
			const {total, held, overflow} = unit.faultRegisters;
			// FreeBSD's vmm has no fault handler for VT-d, so its kernel logs none of them.
			return {...NO_LOG, total, used: held.length, overflow};
		},
	};
}
