// IOMMU groups: devices that the IOMMU cannot isolate from each other, and that can only have one owner together.

import {type HostDevice, isBridge, isEndpoint, isVfio, shortId} from './devices.js';
import type {Owner} from './owners.js';
import type {Settings} from './settings.js';
import type {Tree} from './tree.js';

export type Region = {
	/** Hex digits with 0x, as the kernel writes them. */
	start: string;
	end: string;
	type: string;
};

/** Whether a VM has a whole group or could have it, and if not, what prevents it. */
export type Verdict =
	| {is: 'held'; by: Owner}
	| {is: 'free'}
	/** Bound to vfio; a VM that cannot be seen may have it. */
	| {is: 'unseen'}
	/** Only bridges, or empty. */
	| {is: 'nothing'}
	/** Firmware has reserved a region for one of the devices. */
	| {is: 'reserved'}
	| {is: 'shared'; with: readonly HostDevice[]}
	/** One device, bound to a driver of the host. */
	| {is: 'host'}
	/** Of a listing without drivers: one device, or several that go together. */
	| {is: 'listed'; together: readonly HostDevice[]};

export type HostGroup = {
	number: number;
	/** Of the default domain: DMA, DMA-FQ, identity …; it is in use unless a VM has the group. */
	type?: string;
	regions: readonly Region[];
	devices: readonly HostDevice[];
	owners: readonly Owner[];
	verdict: Verdict;
};

const FOLDER = '/sys/kernel/iommu_groups';

export function readGroups(
	tree: Tree,
	devices: readonly HostDevice[],
	owners: readonly Owner[],
	complete: boolean,
	listing?: Settings['listing'],
): HostGroup[] {
	const numbers = tree.list(FOLDER).filter(name => /^\d{1,9}$/.test(name));
	const members = Map.groupBy(devices, ({group}) => group);
	const ownersOf = ownerIndex(owners);
	return numbers.map(name => {
		const number = Number(name);
		const own = members.get(number) ?? [];
		const type = tree.read(`${FOLDER}/${name}/type`);
		const regions = regionsOf(tree.read(`${FOLDER}/${name}/reserved_regions`) ?? '');
		const groupOwners = ownersOf(number, own);
		return {
			number,
			...(type === undefined || !/^[\w-]{1,20}$/.test(type) ? {} : {type}),
			regions,
			devices: own,
			owners: groupOwners,
			verdict: listing === 'names' ? listedVerdict(own) : verdictOf(own, regions, groupOwners, complete),
		};
	});
}

/** Finds the owners of a group or of its devices. A machine may have thousands of each, so they are indexed. */
function ownerIndex(owners: readonly Owner[]): (group: number, devices: readonly HostDevice[]) => Owner[] {
	const byGroup = Map.groupBy(
		owners.flatMap(({groups}, i) => groups.map(group => ({group, i}))),
		({group}) => group,
	);
	const byDevice = Map.groupBy(
		owners.flatMap(({devices}, i) => devices.map(id => ({id, i}))),
		({id}) => id,
	);
	return (group, devices) => {
		const found = [byGroup.get(group) ?? [], ...devices.map(({id}) => byDevice.get(id) ?? [])].flat();
		return [...new Set(found.map(({i}) => i))].sort((a, b) => a - b).map(i => owners[i]);
	};
}

function regionsOf(text: string): Region[] {
	return [...text.matchAll(/^0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16}) ([\w-]{1,40})$/gm)].map(
		([, start, end, type]) => ({start: shortHex(start), end: shortHex(end), type}),
	);
}

const shortHex = (digits: string): string => `0x${digits.replace(/^0+/, '').padStart(8, '0')}`;

/** vfio accepts these drivers in a group: they do no DMA (driver_managed_dma; in older kernels vfio_driver_allowed). */
const HARMLESS = new Set(['pcieport', 'pci-stub']);

/** Whether a device keeps vfio from its group. */
export const blocksVfio = (device: HostDevice): boolean =>
	device.driver !== undefined && !HARMLESS.has(device.driver) && !isVfio(device) && !isBridge(device);

function verdictOf(
	devices: readonly HostDevice[],
	regions: readonly Region[],
	[owner]: readonly Owner[],
	complete: boolean,
): Verdict {
	if (owner !== undefined) return {is: 'held', by: owner};
	const endpoints = devices.filter(isEndpoint);
	if (endpoints.length === 0) return {is: 'nothing'};
	if (regions.some(({type}) => type === 'direct')) return {is: 'reserved'};
	const blocking = devices.filter(blocksVfio);
	if (blocking.length === 0) return {is: complete || !devices.some(isVfio) ? 'free' : 'unseen'};
	return endpoints.length > 1 ? {is: 'shared', with: blocking} : {is: 'host'};
}

function listedVerdict(devices: readonly HostDevice[]): Verdict {
	const together = devices.filter(isEndpoint);
	return together.length === 0 ? {is: 'nothing'} : {is: 'listed', together};
}

/** "Group 14 cannot be passed through: the host uses 00:1f.0 ISA bridge (lpc_ich)". */
export function verdictText({number, verdict, devices}: HostGroup): string {
	switch (verdict.is) {
		case 'held':
			return `Group ${number} belongs to ${ownerText(verdict.by)}`;
		case 'nothing':
			return devices.length === 0 ? `Group ${number} is empty` : `Group ${number} has only bridges`;
		case 'reserved':
			return `Group ${number} cannot be passed through: firmware uses it (a direct region)`;
		case 'free':
			return devices.some(isVfio)
				? `Group ${number} is ready for a VM: vfio has all of it`
				: `Group ${number} can be passed through: no driver uses it`;
		case 'unseen':
			return `Group ${number} is bound to vfio; whether a VM has it cannot be seen from here`;
		case 'host':
			return `Group ${number} is used by the host; it can be passed through`;
		case 'listed':
			return verdict.together.length === 1
				? `Group ${number} has one device, which can be passed through alone`
				: `Group ${number} goes to a VM as a whole: ${verdict.together.map(({id, kind}) => `${shortId(id)} ${kind}`).join(', ')}`;
		case 'shared':
			return `Group ${number} cannot be passed through: the host uses ${verdict.with.map(hostDriverText).join(', ')}`;
	}
}

/** The same in a word or two: a VM's name, or what can be done with the group. */
export function briefVerdict({verdict, devices}: HostGroup): string {
	switch (verdict.is) {
		case 'held':
			return verdict.by.vm === undefined ? `process ${verdict.by.pid}` : `VM ${verdict.by.vm}`;
		case 'nothing':
			return devices.length === 0 ? 'empty' : 'bridges';
		case 'reserved':
			return 'firmware';
		case 'free':
			return devices.some(isVfio) ? 'ready for a VM' : 'free';
		case 'unseen':
			return 'vfio';
		case 'host':
			return 'host';
		case 'listed':
			return verdict.together.length === 1 ? 'alone' : `${verdict.together.length} together`;
		case 'shared':
			return 'host, shared';
	}
}

const hostDriverText = ({id, kind, driver}: HostDevice): string => `${shortId(id)} ${kind} (${driver})`;

export const ownerText = ({vm, command, pid}: Owner): string =>
	vm === undefined ? `process ${pid} (${command})` : `VM ${vm} (${command}, process ${pid})`;
