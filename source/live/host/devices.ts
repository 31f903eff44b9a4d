// The devices that IOMMUs may translate: PCI functions, and any other device in a group.

import {setImmediate as yieldToEventLoop} from 'node:timers/promises';
import {PciIds} from './pci-ids.js';
import type {Tree} from './tree.js';

export type HostDevice = {
	/** The name in sysfs: 0000:00:1f.2, or a platform device's name. */
	id: string;
	/** A PCI function's vendor and device, such as 8086:2922. */
	ids?: string;
	/** The PCI class, six hex digits. */
	class?: string;
	/** The name of the class, such as SATA controller. */
	kind: string;
	/** The name in pci.ids. */
	product?: string;
	driver?: string;
	group?: number;
	unit?: string;
};

export const PCI = '/sys/bus/pci/devices';
const GROUPS = '/sys/kernel/iommu_groups';

/** @param pciIds names that are cached from one reading to the next */
export async function readDevices(tree: Tree, pciIds = new PciIds()): Promise<HostDevice[]> {
	const pci: HostDevice[] = [];
	for (const id of tree.list(PCI)) {
		pci.push(readDevice(tree, `${PCI}/${id}`, id));
		await yieldToEventLoop();
	}
	const pciNames = new Set(pci.map(({id}) => id));
	const others = tree.list(GROUPS).flatMap(group =>
		tree
			.list(`${GROUPS}/${group}/devices`)
			.filter(id => !pciNames.has(id))
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
		kind: pciClass ? className(pciClass) : 'device',
		...(driver === undefined ? {} : {driver}),
		...(group === undefined ? {} : {group}),
		...(unit === undefined ? {} : {unit}),
	};
}

export const groupNumber = (text: string | undefined): number | undefined =>
	text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;

/** A bridge between PCI buses does no DMA of its own, so its driver blocks no passthrough. */
export const isBridge = ({class: digits}: HostDevice): boolean => digits?.startsWith('0604') === true;

/** A device that a VM could use: not a bridge, and not the IOMMU itself. */
export const isEndpoint = ({class: digits = ''}: HostDevice): boolean => !/^(06|0806)/.test(digits);

/** Bound to vfio-pci, or to a vfio driver for one kind of device, such as mlx5-vfio-pci. */
export const isVfio = ({driver}: HostDevice): boolean => driver !== undefined && /vfio/.test(driver);

/** 00:1f.2: without a segment of 0, as people write it. */
export const shortId = (id: string): string => id.replace(/^0000:(?=[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$)/, '');

/** Names by class and subclass, the first four digits (PCI Code and ID Assignment Specification). */
const CLASSES: Record<string, string> = {
	'0100': 'SCSI controller',
	'0101': 'IDE controller',
	'0104': 'RAID controller',
	'0106': 'SATA controller',
	'0107': 'SAS controller',
	'0108': 'NVMe controller',
	'0200': 'Ethernet controller',
	'0280': 'network controller',
	'0300': 'VGA controller',
	'0302': '3D controller',
	'0380': 'display controller',
	'0401': 'audio device',
	'0403': 'audio device',
	'0480': 'multimedia controller',
	'0500': 'RAM controller',
	'0580': 'memory controller',
	'0600': 'host bridge',
	'0601': 'ISA bridge',
	'0604': 'PCI bridge',
	'0680': 'bridge',
	'0700': 'serial controller',
	'0780': 'communication controller',
	'0806': 'IOMMU',
	'0880': 'system peripheral',
	'0c03': 'USB controller',
	'0c05': 'SMBus',
	'0c80': 'serial bus controller',
	'1080': 'encryption controller',
	'1180': 'signal processing controller',
	'1200': 'processing accelerator',
};
/** Names by class alone, the first two digits. */
const FAMILIES: Record<string, string> = {
	'01': 'storage controller',
	'02': 'network controller',
	'03': 'display controller',
	'04': 'multimedia controller',
	'06': 'bridge',
	'0c': 'serial bus controller',
	'10': 'encryption controller',
};

const className = (digits: string): string =>
	CLASSES[digits.slice(0, 4)] ?? FAMILIES[digits.slice(0, 2)] ?? 'device';
