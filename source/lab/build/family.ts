// The machine's IOMMU: VT-d, AMD-Vi, or none; its unit, and vmm's driver for it.

import {startOf} from '../../explain/walk.js';
import {join64, pageAddress} from '../../formats/address.js';
import {REG as AMDVI, CONTROL, deviceTableBytes} from '../../formats/amdvi.js';
import type {Rid} from '../../formats/pci.js';
import {REG, TE} from '../../formats/vtd.js';
import {Amdvi} from '../../hardware/amdvi.js';
import type {Counters, Translator} from '../../hardware/dma.js';
import type {Iotlb} from '../../hardware/iotlb.js';
import type {Memory} from '../../hardware/memory.js';
import type {Probe} from '../../hardware/probe.js';
import {Vtd} from '../../hardware/vtd.js';
import {AmdviDriver} from '../../kernel/amdvi.js';
import type {Domain, IommuOps} from '../../kernel/iommu.js';
import type {VmPages} from '../../kernel/vm-page.js';
import {VtdDriver} from '../../kernel/vtd.js';
import type {MachineSpec} from '../../machine/command.js';
import type {FaultLog} from '../../machine/fault.js';
import type {AmdviUnit, CachedEntry, Unit, VtdUnit} from '../../machine/tables.js';

type Caches = {entry: (rid: Rid) => CachedEntry | undefined; iotlb: Iotlb};
export type IommuFamily = {
	unit?: {probe?: Probe; readonly counters: Counters};
	translator: Translator;
	driver?: IommuOps & {readonly domains: readonly Domain[]};
	/** The unit's registers: where a walk starts. */
	observed: () => Unit | undefined;
	/** The unit's caches. */
	caches?: Caches;
	faultLog: () => Omit<FaultLog, 'blocked'>;
};

export function familyOf(spec: MachineSpec, memory: Memory, pages: VmPages): IommuFamily {
	if (spec.iommu === 'vt-d') return vtdOf(memory, pages);
	if (spec.iommu === 'amd-vi') return amdviOf(spec, memory, pages);
	return {
		translator: {translate: (_rid, iova) => iova},
		observed: () => undefined,
		faultLog: () => NO_LOG,
	};
}

/** The domain of a function, read from the tables as hardware does. */
export function reachOf(
	memory: Memory,
	unit: Unit | undefined,
	rid: Rid,
): {domain?: number; untranslated: boolean} {
	const start = startOf(memory, unit, rid);
	if (start.to === 'fault') return {untranslated: false};
	return {domain: start.domain, untranslated: start.domain === undefined};
}

const NO_LOG = {
	kind: 'registers',
	total: 0,
	used: 0,
	overflow: false,
	kernelLogged: 0,
	kernelLines: [],
} as const;

function vtdOf(memory: Memory, pages: VmPages): IommuFamily {
	const unit = new Vtd(memory);
	const observed = (): VtdUnit => ({
		format: 'vt-d',
		enabled: (unit.read32(REG.GSTS) & TE) !== 0,
		table: join64((unit.read32(REG.RTADDR) & ~0xfff) >>> 0, unit.read32(REG.RTADDR + 4)),
		...unit.model,
	});
	return {
		unit,
		translator: unit,
		driver: new VtdDriver(unit, memory, pages),
		observed,
		caches: {
			iotlb: unit.iotlb,
			entry: rid => {
				const cached = unit.contexts.cached(rid);
				if (cached === undefined) return undefined;
				const {passesThrough, ...rest} = cached;
				return {to: passesThrough ? 'memory' : 'tables', ...rest, read: true, write: true};
			},
		},
		faultLog: () => {
			const {total, records, overflow} = unit.faultRegisters;
			// FreeBSD's vmm has no fault handler for VT-d, so its kernel logs none of them.
			return {...NO_LOG, total, used: records.length, overflow};
		},
	};
}

function amdviOf({hostPtp}: MachineSpec, memory: Memory, pages: VmPages): IommuFamily {
	const unit = new Amdvi(memory);
	const driver = new AmdviDriver(unit, memory, pages, {hostPtp});
	const observed = (): AmdviUnit => {
		const base = unit.read32(AMDVI.DEVICE_TABLE);
		return {
			format: 'amd-vi',
			enabled: (unit.read32(AMDVI.CONTROL) & CONTROL.IOMMU_EN) !== 0,
			table: pageAddress(base, unit.read32(AMDVI.DEVICE_TABLE + 4)),
			bytes: deviceTableBytes(base),
		};
	};
	return {
		unit,
		translator: unit,
		driver,
		observed,
		caches: {
			iotlb: unit.iotlb,
			entry: rid => {
				const cached = unit.dtes.cached(rid);
				if (cached === undefined) return undefined;
				const {valid, translates, read, write, ...rest} = cached;
				if (!valid) return {to: 'memory', ...rest, read: true, write: true};
				const to = !translates ? 'nothing' : rest.levels === 0 ? 'memory' : 'tables';
				return {to, ...rest, read, write};
			},
		},
		faultLog: () => {
			const {total, unread, overflow} = unit.eventLog;
			const {eventsLogged, log} = driver;
			return {
				kind: 'event log',
				total,
				used: unread,
				overflow,
				kernelLogged: eventsLogged,
				kernelLines: [...log],
			};
		},
	};
}
