// The lab's machine as the dashboard may look at it. Which domain a function is in is read from memory.

import type {Disk} from '../../hardware/disk.js';
import type {MachineState} from '../../machine/observed.js';
import type {Domain} from '../../machine/tables.js';
import type {TransferLog} from '../judge/transfer-log.js';
import type {Machine} from './machine.js';

export function domainsOf({family, iommu, vmm, spec}: Machine): Domain[] {
	const domains = family.driver?.domains ?? [];
	return domains.map(domain => ({
		id: domain.id,
		role: domain === iommu.hostDomain ? 'host' : 'guest',
		vm: vmm.vms.find(vm => vm.domain === domain)?.name,
		format: spec.iommu === 'amd-vi' ? 'amd-vi' : 'vt-d',
		root: domain.root,
		levels: domain.levels,
	}));
}

export type DiskInfo = {disk: Disk; sample: boolean};

export function stateOf(
	machine: Machine,
	record: TransferLog,
	{disk, sample}: DiskInfo,
	revision: number,
	tables: number,
): MachineState {
	const {functions, ppt, guests, family, pages, spec: parts} = machine;
	return {
		revision,
		tables,
		title: 'lab',
		iommu: parts.iommu,
		policy: machine.policy,
		unit: family.observed(),
		domains: domainsOf(machine),
		devices: functions.map(({rid, name, driver}) => {
			const passed = ppt.devices.find(device => device.rid === rid);
			return {
				rid,
				name: passed?.name ?? name,
				driver: passed ? 'ppt' : driver,
				...family.reach(rid),
				vm: passed?.vm?.name,
			};
		}),
		vms: guests.map(({spec, vm, console}) => ({
			name: vm.name,
			pages: vm.pages,
			wired: vm.memMaps.every(({wired}) => wired),
			passthru: ppt.of(vm).map(({name}) => name),
			model: spec.model,
			disk: machine.disks.pathOf(spec.disk),
			console: [...console],
		})),
		owned: pages.owned(),
		disk: {
			name: 'ada0',
			path: disk.path,
			sectors: disk.sectors,
			direct: disk.direct,
			writable: disk.writable,
			sample,
		},
		transfers: record.transfers,
		tally: {...record.tally},
		faults: record.faults,
		faultLog: {...family.faultLog(), blocked: record.faultCount},
		counters: family.unit?.counters,
	};
}
