// IOMMU groups: the devices that the IOMMU cannot hold apart, and so go to one owner together.

import {type HostDevice, isBridge, isEndpoint, isVfio, shortId} from './devices.js';
import type {Owner} from './owners.js';
import type {Tree} from './tree.js';

export type Region = {
	/** Hex digits with 0x, as the kernel writes them. */
	start: string;
	end: string;
	type: string;
};

/** Whether all of a group could be a VM's, or is, and if not, who is in the way. */
export type Verdict =
	| {is: 'held'; by: Owner}
	| {is: 'free'}
	/** vfio's, and maybe a VM's that is not to be seen. */
	| {is: 'unseen'}
	/** Nothing but bridges. */
	| {is: 'nothing'}
	/** Firmware keeps a reserved region for one of them. */
	| {is: 'reserved'}
	| {is: 'shared'; with: readonly HostDevice[]}
	/** One device, which its driver would have to let go. */
	| {is: 'host'};

export type HostGroup = {
	number: number;
	/** Of its default domain: DMA, DMA-FQ, identity …; which is the one in use unless a VM has the group. */
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
): HostGroup[] {
	const numbers = tree.list(FOLDER).filter(name => /^\d{1,9}$/.test(name));
	const members = Map.groupBy(devices, ({group}) => group);
	const holdersOf = holding(owners);
	return numbers.map(name => {
		const number = Number(name);
		const own = members.get(number) ?? [];
		const type = tree.read(`${FOLDER}/${name}/type`);
		const regions = regionsOf(tree.read(`${FOLDER}/${name}/reserved_regions`) ?? '');
		const holders = holdersOf(number, own);
		return {
			number,
			...(type === undefined || !/^[\w-]{1,20}$/.test(type) ? {} : {type}),
			regions,
			devices: own,
			owners: holders,
			verdict: verdictOf(own, regions, holders, complete),
		};
	});
}

/** Finds who holds a group, or a device of it, in the order of owners. A machine may have thousands of each. */
function holding(owners: readonly Owner[]): (group: number, devices: readonly HostDevice[]) => Owner[] {
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

/** Drivers beside which vfio takes a group: they do no DMA (driver_managed_dma; in older kernels, vfio_driver_allowed). */
const HARMLESS = new Set(['pcieport', 'pci-stub']);

const isInTheWay = (device: HostDevice): boolean =>
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
	const inTheWay = devices.filter(isInTheWay);
	if (inTheWay.length === 0) return {is: complete || !devices.some(isVfio) ? 'free' : 'unseen'};
	return endpoints.length > 1 ? {is: 'shared', with: inTheWay} : {is: 'host'};
}

/** "group 14 cannot be passed through whole: 00:1f.0 ISA bridge is the host's (lpc_ich)". */
export function verdictText({number, verdict, devices}: HostGroup): string {
	switch (verdict.is) {
		case 'held':
			return `group ${number} is ${ownerText(verdict.by)}`;
		case 'nothing':
			return devices.length === 0 ? `group ${number} is empty` : `group ${number}: bridges alone`;
		case 'reserved':
			return `group ${number} cannot be passed through: firmware keeps a region for it (direct)`;
		case 'free':
			return devices.some(isVfio)
				? `group ${number} waits for a VM: it is vfio’s, whole`
				: `group ${number} can be passed through whole: no driver has it`;
		case 'unseen':
			return `group ${number} is vfio’s; whether a VM has it cannot be seen from here`;
		case 'host':
			return `group ${number} is the host’s; it can be passed through whole`;
		case 'shared':
			return `group ${number} cannot be passed through whole: ${verdict.with.map(inTheWayText).join('; ')}`;
	}
}

/** The same in a word: a VM's name, or what could be done with the group. */
export function briefVerdict({verdict, devices}: HostGroup): string {
	switch (verdict.is) {
		case 'held':
			return verdict.by.vm === undefined ? `process ${verdict.by.pid}` : `VM ${verdict.by.vm}`;
		case 'nothing':
			return devices.length === 0 ? 'empty' : 'bridges';
		case 'reserved':
			return 'firmware';
		case 'free':
			return devices.some(isVfio) ? 'waits for a VM' : 'free';
		case 'unseen':
			return 'vfio';
		case 'host':
			return 'host';
		case 'shared':
			return 'host, shared';
	}
}

const inTheWayText = ({id, kind, driver}: HostDevice): string =>
	`${shortId(id)} ${kind} is the host’s (${driver})`;

export const ownerText = ({vm, command, pid}: Owner): string =>
	vm === undefined ? `process ${pid}’s (${command})` : `VM ${vm}’s (${command}, process ${pid})`;
