// What cannot be seen of a host, and how to see it.

import {isBridge} from './devices.js';
import type {Gap, HostParts} from './host.js';
import type {Tree} from './tree.js';

const ROOT = 'run as root: sudo dmascope host';

export function gapsOf(tree: Tree, found: HostParts): Gap[] {
	const {settings, units, groups, devices, ownersComplete} = found;
	if (settings.listing) return listingGaps(settings.listing);
	const gaps: Gap[] = [];
	const add = (what: string, how: string) => gaps.push({what, how});
	if (devices.length === 0)
		add('PCI devices: /sys lists none', 'mount -t sysfs sysfs /sys, or run it on the host');
	if (settings.container)
		add(
			'other processes and mounts: this is a container',
			'run it on the host, or open a capture: dmascope host --capture FILE.tar there, --root FILE.tar here',
		);
	if (units.length === 0 && groups.length === 0) return [...gaps, ...withoutUnit(found)];
	if (groups.length === 0) add('groups: the kernel has created none', 'boot with iommu=on, and check dmesg');
	if (!ownersComplete && !settings.container) add('which VM holds a group', ROOT);
	const pci = devices.filter(({ids}) => ids !== undefined);
	if (pci.length > 0 && pci.every(({product}) => product === undefined))
		add('device names: pci.ids is missing', 'apt install pci.ids (Fedora: dnf install hwdata)');
	if (units.some(({format}) => format === 'vt-d')) gaps.push(...tableGaps(tree, found));
	const bridges = [...found.topology.values()].filter(({device}) => isBridge(device));
	if (bridges.length > 0 && bridges.every(({config}) => config === undefined))
		add('ACS of bridges, and so why groups are as they are', ROOT);
	return gaps;
}

const listingGaps = (listing: 'drivers' | 'names'): Gap[] => [
	...(listing === 'names'
		? [{what: 'drivers: the listing has none', how: 'list the devices with lspci -nnks'}]
		: []),
	{
		what: 'units, default domains, reserved regions, owners, settings: a listing has groups and devices alone',
		how: 'capture that machine: sudo dmascope host --capture FILE.tar',
	},
];

/** A finding says why there is no unit; this gap says what stays unknown without one. */
function withoutUnit({settings}: HostParts): Gap[] {
	return [
		{
			what: 'units, groups, reserved regions: the kernel uses no IOMMU',
			how: settings.guest
				? 'give this VM one (QEMU: -device intel-iommu), or run it on the VM’s host'
				: enableIommu(settings.vendor === 'AMD'),
		},
	];
}

/** Linux uses AMD-Vi by default; not every distribution does so for VT-d. */
export const enableIommu = (amd: boolean): string =>
	amd
		? 'enable AMD-Vi (“IOMMU”, near “SVM”) in the firmware setup'
		: 'enable VT-d in the firmware setup, and boot with intel_iommu=on';

function tableGaps(tree: Tree, {tables}: HostParts): Gap[] {
	const gaps: Gap[] = [];
	const folder = '/sys/kernel/debug';
	const [first] = tree.list(folder);
	if (tree.refused(folder)) gaps.push({what: 'page tables', how: ROOT});
	// A capture holds only the paths that were read: read one, so that it shows the mount too.
	else if (first === undefined || !tree.exists(`${folder}/${first}`))
		gaps.push({what: 'page tables: debugfs is not mounted', how: `mount -t debugfs debugfs ${folder}`});
	else if (!tree.exists(`${folder}/iommu/intel`))
		gaps.push({
			what: 'page tables: this kernel does not show them',
			how: 'boot a kernel built with CONFIG_INTEL_IOMMU_DEBUGFS=y',
		});
	if (tables.some(each => 'why' in each && each.why === 'unknown'))
		gaps.push({
			what: 'page tables of devices that may be in pass-through',
			how: 'not possible: reading them can crash kernels from 6.7 until a fix of 2025',
		});
	return gaps;
}
