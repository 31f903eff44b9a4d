// The devices that IOMMUs may translate: the PCI functions, and whatever else is in a group.

import {classWords} from './classes.js';
import {PciIds} from './pci-ids.js';
import type {Pieces} from './pieces.js';
import type {Tree} from './tree.js';

export type HostDevice = {
	/** As sysfs has it: 0000:00:1f.2, or the name of a platform device. */
	id: string;
	/** 8086:2922, where it is a PCI function. */
	ids?: string;
	/** The six hex digits of its class. */
	class?: string;
	/** What the class is called: "SATA controller". */
	kind: string;
	/** As pci.ids has it. */
	product?: string;
	driver?: string;
	group?: number;
	unit?: string;
};

export const PCI = '/sys/bus/pci/devices';
const GROUPS = '/sys/kernel/iommu_groups';

/** @param pciIds of who reads again and again */
export function* readDevices(tree: Tree, pciIds = new PciIds()): Pieces<HostDevice[]> {
	const pci: HostDevice[] = [];
	for (const id of tree.list(PCI)) {
		pci.push(readDevice(tree, `${PCI}/${id}`, id));
		yield;
	}
	const known = new Set(pci.map(({id}) => id));
	const others = tree.list(GROUPS).flatMap(group =>
		tree
			.list(`${GROUPS}/${group}/devices`)
			.filter(id => !known.has(id))
			.map(id => ({...readDevice(tree, `${GROUPS}/${group}/devices/${id}`, id), group: groupNumber(group)})),
	);
	const devices = [...pci, ...others];
	const products = pciIds.names(
		tree,
		devices.flatMap(({ids}) => ids ?? []),
	);
	return devices.map(device => {
		const product = device.ids === undefined ? undefined : products.get(device.ids);
		return product === undefined ? device : {...device, product};
	});
}

export function readDevice(tree: Tree, folder: string, id: string): HostDevice {
	const digits = (file: string, count: number) => {
		const [, found] = /^0x([0-9a-f]+)$/.exec(tree.read(`${folder}/${file}`) ?? '') ?? [];
		return found?.length === count ? found : undefined;
	};
	const [vendor, device, pciClass] = [digits('vendor', 4), digits('device', 4), digits('class', 6)];
	const driver = tree.linkName(`${folder}/driver`);
	const group = groupNumber(tree.linkName(`${folder}/iommu_group`));
	const unit = tree.linkName(`${folder}/iommu`);
	return {
		id,
		...(vendor && device ? {ids: `${vendor}:${device}`} : {}),
		...(pciClass ? {class: pciClass} : {}),
		kind: pciClass ? classWords(pciClass) : 'device',
		...(driver === undefined ? {} : {driver}),
		...(group === undefined ? {} : {group}),
		...(unit === undefined ? {} : {unit}),
	};
}

export const groupNumber = (text: string | undefined): number | undefined =>
	text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;

/** A bridge between PCI buses does no DMA for itself: its driver is in nobody's way. */
export const isBridge = ({class: digits}: HostDevice): boolean => digits?.startsWith('0604') === true;

/** What a VM may want: neither a bridge of any kind nor the IOMMU itself. */
export const isEndpoint = ({class: digits = ''}: HostDevice): boolean => !/^(06|0806)/.test(digits);

/** vfio-pci and those for one device alone, such as mlx5-vfio-pci. */
export const isVfio = ({driver}: HostDevice): boolean => driver !== undefined && /vfio/.test(driver);

/** 00:1f.2: without the segment where that is 0, as people write it. */
export const shortId = (id: string): string => id.replace(/^0000:(?=[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$)/, '');
