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
		case 'illumos':
			return ['prtconf -dD', 'fmdump -eV'];
		case 'OpenBSD':
			return ['pcidump -v', 'dmesg | grep -i -e dmar -e ivhd'];
		case 'ESXi':
			return ['esxcli hardware pci list', 'grep -i -e iommu -e vtd /var/log/vmkernel.log'];
		case 'macOS':
			return [
				'ioreg -lw0 | grep -i -e dart -e iommu',
				'log show --last 1h --predicate \'process == "kernel"\'',
			];
		case 'jailhouse':
			return ['jailhouse cell list', 'jailhouse console'];
	}
}

function onLinux(fault: LoggedFault, {device: known}: Surroundings): string[] {
	const {device, kind, family} = fault;
	const word = LOG_WORDS[family] ?? 'iommu';
	if (device === undefined) return onPlatform(fault, word);
	const slot = deviceText(device);
	const path = `/sys/bus/pci/devices/${device.segment === undefined ? '*:' : ''}${slot}`;
	const group =
		known?.group === undefined ? `${path}/iommu_group` : `/sys/kernel/iommu_groups/${known.group}`;
	return [
		// An IOAPIC or HPET has a requester ID that no function has.
		`lspci -nnvvs ${slot}${kind === 'interrupt' ? '   # does not list an IOAPIC or HPET' : ''}`,
		...(kind === 'interrupt'
			? [
					`grep . ${path}/msi_irqs/*`,
					'cat /proc/interrupts',
					...(family === 'vt-d'
						? [
								`sudo cat /sys/kernel/debug/iommu/intel/ir_translation_struct   # ${fault.index === undefined ? 'entries' : `entry ${fault.index}`} and whose ${fault.index === undefined ? 'they are' : 'it is'}`,
							]
						: []),
				]
			: [`ls -l ${path}/driver`, `ls ${group}/devices`]),
		...(kind === 'access'
			? [`cat ${group}/{type,reserved*}`, 'sudo dmascope host --trace   # maps and unmaps']
			: []),
		`dmesg | grep -e ${word} -e ${deviceText({rid: device.rid})}`,
	];
}

/** What the driver's messages begin with. */
const LOG_WORDS: Partial<Record<LoggedFault['family'], string>> = {
	'vt-d': 'DMAR',
	'amd-vi': 'AMD-Vi',
	'smmu-v3': 'arm-smmu-v3',
	smmu: 'smmu',
	exynos: 'sysmmu',
	tegra: 'tegra-mc',
	ipmmu: 'ipmmu',
};

/** Devices that are not on PCI, and IOMMUs that name only a stream. */
function onPlatform({endpoint, unit, family}: LoggedFault, word: string): string[] {
	if (family === 'vt-d' || family === 'amd-vi') return [`dmesg | grep -e ${word}`];
	const platform = endpoint !== undefined && /^[0-9a-f]+\.[\w-]+$/.test(endpoint) ? endpoint : undefined;
	return [
		...(platform === undefined ? [] : [`ls -l /sys/bus/platform/devices/${platform}/driver`]),
		'ls -d /sys/kernel/iommu_groups/*/devices/*',
		...(unit === undefined ? [] : [`ls /sys/class/iommu/*${unit.replace(/^.*\//, '')}*/devices`]),
		...(/^stream /.test(endpoint ?? '')
			? ['find /sys/firmware/devicetree/base -name iommus   # nodes, with their streams']
			: []),
		`dmesg | grep -i -e ${word}`,
	];
}

function onXen({device, family}: LoggedFault): string[] {
	const word = family === 'vt-d' ? 'VT-D' : family === 'amd-vi' ? 'AMD-Vi' : 'smmu';
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
