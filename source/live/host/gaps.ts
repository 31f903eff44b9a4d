// What cannot be seen of a host from where one stands, and what would show it.

import type {Gap, HostParts} from './host.js';
import type {Tree} from './tree.js';

const ROOT = 'run as root: sudo dmascope host';

export function gapsOf(tree: Tree, found: HostParts): Gap[] {
	const {settings, units, groups, devices, ownersComplete} = found;
	const gaps: Gap[] = [];
	const add = (what: string, how: string) => gaps.push({what, how});
	if (devices.length === 0)
		add('PCI devices: there are none in /sys', 'mount -t sysfs sysfs /sys, or look from the host');
	if (settings.container)
		add(
			'other processes and mounts: this is a container',
			'run it on the host, or look at a capture: dmascope host --capture FILE.tar there, --root FILE.tar here',
		);
	if (units.length === 0 && groups.length === 0) return [...gaps, ...withoutUnit(found)];
	if (groups.length === 0) add('groups: the kernel has made none', 'boot with iommu=on, and look into dmesg');
	if (!ownersComplete && !settings.container) add('which VM holds a group', ROOT);
	const pci = devices.filter(({ids}) => ids !== undefined);
	if (pci.length > 0 && pci.every(({product}) => product === undefined))
		add('names of devices: there is no pci.ids', 'apt install pci.ids (Fedora: dnf install hwdata)');
	if (units.some(({format}) => format === 'vt-d')) gaps.push(...aboutTables(tree, found));
	else add('page tables', 'none: Linux has no file for those of this family');
	return gaps;
}

/** Why there is no unit is the business of a lint; what is not known for want of one is said here. */
function withoutUnit({settings}: HostParts): Gap[] {
	return [
		{
			what: 'units, groups, reserved regions: the kernel drives no IOMMU',
			how: settings.guest
				? 'give this VM one (QEMU: -device intel-iommu), or look from its host'
				: switchOn(settings.vendor === 'AMD'),
		},
	];
}

/** Linux takes AMD-Vi without being told; VT-d on most distributions. */
export const switchOn = (amd: boolean): string =>
	amd
		? 'switch AMD-Vi (“IOMMU”, beside “SVM”) on in the firmware’s setup'
		: 'switch VT-d on in the firmware’s setup, and boot with intel_iommu=on';

function aboutTables(tree: Tree, {tables}: HostParts): Gap[] {
	const gaps: Gap[] = [];
	const folder = '/sys/kernel/debug';
	const [first] = tree.list(folder);
	if (tree.refused(folder)) gaps.push({what: 'page tables', how: ROOT});
	// A capture has of a folder what was looked at: without this it would not be known to be mounted.
	else if (first === undefined || !tree.exists(`${folder}/${first}`))
		gaps.push({what: 'page tables: debugfs is not mounted', how: `mount -t debugfs debugfs ${folder}`});
	else if (!tree.exists(`${folder}/iommu/intel`))
		gaps.push({
			what: 'page tables: this kernel does not show them',
			how: 'boot one that is built with CONFIG_INTEL_IOMMU_DEBUGFS=y',
		});
	if (tables.some(each => 'why' in each && each.why === 'unknown'))
		gaps.push({
			what: 'tables of devices that may be in pass-through',
			how: 'none: reading them can crash a kernel from 6.7 to one of 2025, so they are left alone',
		});
	return gaps;
}
