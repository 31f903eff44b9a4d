// The next steps: commands to paste, on the machine of the log.

import {deviceText, type LoggedFault, selectorText} from './fault.js';
import type {Surroundings} from './known.js';

export function suggest(fault: LoggedFault, around: Surroundings): string[] {
	switch (fault.by) {
		case 'Linux':
			return onLinux(fault, around);
		case 'FreeBSD':
			return onFreebsd(fault);
		case 'Xen':
			return onXen(fault);
		case 'QEMU':
			return ['info pci   # in QEMU’s monitor', 'info mtree -f', 'dmesg   # in the guest'];
	}
}

function onLinux({device, kind, family}: LoggedFault, {device: known}: Surroundings): string[] {
	const word = family === 'vt-d' ? 'DMAR' : 'AMD-Vi';
	if (device === undefined) return [`dmesg | grep -e ${word}`];
	const slot = deviceText(device);
	const path = `/sys/bus/pci/devices/${device.segment === undefined ? '*:' : ''}${slot}`;
	const group =
		known?.group === undefined ? `${path}/iommu_group` : `/sys/kernel/iommu_groups/${known.group}`;
	return [
		// An IOAPIC or HPET has a requester ID that no function has.
		`lspci -nnvvs ${slot}${kind === 'interrupt' ? '   # does not list an IOAPIC or HPET' : ''}`,
		...(kind === 'interrupt'
			? [`grep . ${path}/msi_irqs/*`, 'cat /proc/interrupts']
			: [`ls -l ${path}/driver`, `ls ${group}/devices`]),
		...(kind === 'access'
			? [`cat ${group}/{type,reserved*}`, 'sudo dmascope host --trace   # maps and unmaps']
			: []),
		`dmesg | grep -e ${word} -e ${deviceText({rid: device.rid})}`,
	];
}

function onXen({device, family}: LoggedFault): string[] {
	const word = family === 'vt-d' ? 'VT-D' : 'AMD-Vi';
	return [
		...(device === undefined ? [] : [`lspci -nnvvs ${deviceText(device)}   # in dom0`]),
		'xl debug-keys Q; xl dmesg   # devices by domain',
		`xl dmesg | grep -e ${word}`,
	];
}

function onFreebsd({device, family}: LoggedFault): string[] {
	const settings = family === 'vt-d' ? 'sysctl hw.dmar hw.iommu' : 'sysctl hw.vmm.amdvi hw.iommu';
	return device === undefined ? [settings] : [`pciconf -lvbc ${selectorText(device)}`, settings];
}
