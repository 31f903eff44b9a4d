// What is wrong on a FreeBSD host, or deserves a look, each with its cause and cure.

import type {Finding} from '../../machine/finding.js';
import {plural} from '../../words.js';
import {Decoder} from '../decode/decoder.js';
import {type FreebsdHost, hasFix} from './freebsd-host.js';

const isPpt = (name: string): boolean => /^ppt\d+$/.test(name);

export const freebsdFindings = (host: FreebsdHost): Finding[] => [
	...rawAndPassthru(host),
	...translation(host),
	...devices(host),
	...logged(host),
];

/** The configuration of PR 260178. */
function rawAndPassthru(host: FreebsdHost): Finding[] {
	const fixed = hasFix(host);
	return host.processes.flatMap(({vm, rawDisks, passthru}): Finding[] => {
		if (!passthru || rawDisks.length === 0) return [];
		const disks = rawDisks.join(', ');
		const about = [vm, ...rawDisks];
		const id = `pr-260178:${vm}`;
		if (fixed === true)
			return [
				{
					id,
					severity: 'note',
					title: `${vm} has a raw disk and a passthru device, and reads it`,
					cause: `${host.release} has D34607: the VM's memory stays in the host's IOMMU domain, so ${disks} can write to it.`,
					cure: 'Nothing to do. Before 13.1 this combination lost reads silently (PR 260178).',
					about,
				},
			];
		return [
			{
				id,
				severity: fixed === false ? 'error' : 'warning',
				title: `${vm} ${fixed === false ? 'loses' : 'may lose'} what it reads from ${disks}`,
				cause: `This is the configuration of PR 260178: a raw disk and a passthru device in one VM. ${
					fixed === false
						? `${host.release} has no D34607, so vmm has taken`
						: `Whether ${host.release} has D34607 cannot be told from kern.osreldate; without it vmm has taken`
				} the VM's memory out of the host's IOMMU domain. Reads of one segment are dropped, and every layer reports success.`,
				cure: 'Update to 13.1 or later. Until then give the VM a file or a ZFS volume as its disk, or no passthru device.',
				about,
			},
		];
	});
}

function translation({sysctls, acpi, devices, processes, vmmLoaded}: FreebsdHost): Finding[] {
	const wanted = devices.some(({name}) => isPpt(name)) || processes.some(({passthru}) => passthru);
	const found: Finding[] = [];
	const add = (id: string, severity: Finding['severity'], title: string, cause: string, cure: string) =>
		found.push({id, severity, title, cause, cure, about: []});
	if (!wanted) return [];
	if (!vmmLoaded)
		add(
			'vmm',
			'error',
			'vmm is not loaded',
			'ppt(4) and bhyve need it.',
			'Add vmm_load="YES" to /boot/loader.conf.',
		);
	if (sysctls.get('hw.vmm.iommu.enable') === '0')
		add(
			'iommu-enable',
			'error',
			'The IOMMU is switched off for vmm',
			'hw.vmm.iommu.enable is 0: every passthru device is refused, as "is not using the ppt(4) driver".',
			'Remove hw.vmm.iommu.enable=0 from /boot/loader.conf, and restart.',
		);
	const amd =
		sysctls.has('hw.vmm.amdvi.enable') &&
		(acpi.includes('IVRS') || Number(sysctls.get('hw.vmm.amdvi.count')) > 0);
	if (amd && sysctls.get('hw.vmm.amdvi.enable') === '0')
		add(
			'amdvi-enable',
			'error',
			'AMD-Vi is off, as it is by default',
			'hw.vmm.amdvi.enable is 0: vmm has no IOMMU, and refuses every passthru device.',
			'Add hw.vmm.amdvi.enable=1 to /boot/loader.conf, and restart.',
		);
	if (acpi.length === 0)
		add(
			'no-acpi',
			'warning',
			'No ACPI table describes an IOMMU',
			'Neither DMAR nor IVRS was in what acpidump printed; it needs root. Without a table vmm finds no IOMMU.',
			'Capture as root. If it is missing then too, enable VT-d or AMD-Vi in the firmware.',
		);
	return found;
}

function devices({pptdevs, devices}: FreebsdHost): Finding[] {
	const reserved = pptdevs.flatMap((selector): Finding[] => {
		const device = devices.find(each => each.selector === selector);
		if (device !== undefined && isPpt(device.name)) return [];
		const slashes = selector.replaceAll(':', '/');
		return [
			{
				id: `pptdevs:${selector}`,
				severity: 'warning',
				title: `pptdevs has ${slashes}, and ${device === undefined ? 'there is no such device' : `${device.name} has it`}`,
				cause:
					device === undefined
						? 'Bus numbers change when a card is added or removed, or by a setting of the firmware.'
						: 'ppt takes a device only if vmm is loaded before its driver attaches.',
				cure:
					device === undefined
						? 'Look for the device with pciconf -lv, and correct pptdevs in /boot/loader.conf.'
						: `Load vmm by vmm_load="YES" in /boot/loader.conf, or run devctl set driver -f pci0:${selector} ppt.`,
				about: [selector, ...(device ? [device.name] : [])],
			},
		];
	});
	const ppts = devices.filter(({name}) => isPpt(name));
	const unlisted = ppts.filter(({selector}) => !pptdevs.includes(selector));
	const unreset = ppts.filter(({flr}) => flr === false);
	return [
		...reserved,
		...unlisted.map(
			({name, selector}): Finding => ({
				id: `unlisted:${selector}`,
				severity: 'note',
				title: `${name} is not in pptdevs`,
				cause: 'Somebody gave it to ppt while the host ran. After a restart its own driver has it again.',
				cure: `To keep it, add ${selector.replaceAll(':', '/')} to pptdevs in /boot/loader.conf.`,
				about: [name, selector],
			}),
		),
		...unreset.map(
			({name, product}): Finding => ({
				id: `no-flr:${name}`,
				severity: 'note',
				title: `${name} has no function-level reset`,
				cause: `ppt tries a reset by its power state when a VM takes or releases ${product || 'it'}. Some devices go on with their DMA.`,
				cure: 'Shut the guest down properly before its VM ends, so that its driver stops the device.',
				about: [name],
			}),
		),
	];
}

/** Faults that AMD's driver logged; vmm logs none of VT-d's. */
function logged({log}: FreebsdHost): Finding[] {
	const decoder = new Decoder();
	decoder.push(Buffer.from(log));
	decoder.end();
	const {groups} = decoder.storm;
	if (groups.length === 0) return [];
	return [
		{
			id: 'faults',
			severity: 'warning',
			title: `The kernel logged ${plural(groups.length, 'kind')} of IOMMU fault`,
			cause: 'Devices were refused addresses that their domain does not map.',
			cure: 'Have them explained: tar -xOf FILE.tar freebsd/dmesg | dmascope decode',
			about: [],
		},
	];
}
