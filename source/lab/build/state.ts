// The current state of the lab's machine, and the defaults of its commands. The domain of a function is read from
// memory.

import {PAGE_SIZE} from '../../formats/address.js';
import type {Disk} from '../../hardware/disk.js';
import type {MachineSpec} from '../../machine/command.js';
import type {MachineState} from '../../machine/observed.js';
import type {Domain} from '../../machine/tables.js';
import type {TransferLog} from '../judge/transfer-log.js';
import {reachOf} from './family.js';
import type {Machine} from './machine.js';

export function domainsOf({family, iommu, vmm, spec}: Machine): Domain[] {
	const domains = family.driver?.domains ?? [];
	const names = new Map(vmm.vms.map(vm => [vm.domain, vm.name]));
	return domains.map(domain => ({
		id: domain.id,
		role: domain === iommu.hostDomain ? 'host' : 'guest',
		vm: names.get(domain),
		format: spec.iommu === 'amd-vi' ? 'amd-vi' : 'vt-d',
		root: domain.root,
		levels: domain.levels,
	}));
}

export type DiskInfo = {disk: Disk; sample: boolean};

export function stateOf(
	machine: Machine,
	log: TransferLog,
	{disk, sample}: DiskInfo,
	revision: number,
	tables: number,
): MachineState {
	const {functions, ppt, guests, family, memory, pages, spec: parts} = machine;
	const unit = family.observed();
	const passedAt = new Map(ppt.devices.map(device => [device.rid, device]));
	const passedTo = Map.groupBy(ppt.devices, ({vm}) => vm);
	return {
		revision,
		tables,
		title: 'lab',
		iommu: parts.iommu,
		policy: machine.policy,
		unit,
		domains: domainsOf(machine),
		devices: functions.map(({rid, name, driver}) => {
			const passed = passedAt.get(rid);
			return {
				rid,
				name: passed?.name ?? name,
				driver: passed ? 'ppt' : driver,
				...reachOf(memory, unit, rid),
				vm: passed?.vm?.name,
			};
		}),
		vms: guests.map(({spec, vm, console}) => ({
			name: vm.name,
			pages: vm.pages,
			wired: vm.memMaps.every(({wired}) => wired),
			passthru: passedTo.get(vm)?.map(({name}) => name) ?? [],
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
		transfers: log.transfers,
		tally: {...log.tally},
		faults: log.faults,
		faultLog: {...family.faultLog(), blocked: log.faultCount},
		counters: family.unit?.counters,
	};
}

/** The defaults of a command's guest, device and address; `machine`: what `start` changes. */
export type Defaults = {vm: string; device: string; gpa: number; machine: MachineSpec};

export function defaultsOf({spec, guests}: Machine): Defaults {
	const smallest = Math.min(...spec.guests.map(({memory}) => memory), spec.hostMemory / 4);
	return {
		vm: guests[0]?.vm.name ?? '',
		device: 'ppt0',
		gpa: Math.min(0x0100_0000, Math.floor(smallest / 4 / PAGE_SIZE) * PAGE_SIZE),
		machine: spec,
	};
}
