// What is wrong with a Linux host's isolation of devices: each says what it means and what to do about it.

import type {Finding} from '../../machine/finding.js';
import {plural} from '../../words.js';
import {type HostDevice, isEndpoint, isVfio, shortId} from './devices.js';
import {switchOn} from './gaps.js';
import type {HostGroup} from './groups.js';
import type {HostParts} from './host.js';

const SEVERITIES = ['error', 'warning', 'note'] as const;

/** The worst first. */
export function hostFindings(found: HostParts): Finding[] {
	const findings = [
		...noUnit(found),
		...found.groups.flatMap(shared),
		...reservedForFirmware(found),
		...passThroughDefault(found),
		...identityDomains(found),
		...outsideGroups(found),
		...vfioSettings(found),
		...overriddenIsolation(found),
	];
	return SEVERITIES.flatMap(severity => findings.filter(finding => finding.severity === severity));
}

function noUnit({settings, units, groups}: HostParts): Finding[] {
	if (units.length > 0 || groups.length > 0) return [];
	const {vendor, table, virtualization, guest, container, words} = settings;
	// In a guest the processor's flags are its host's gift, and say nothing of an IOMMU.
	if (table === undefined && (!virtualization || guest)) return [];
	const amd = table === undefined ? vendor === 'AMD' : table === 'IVRS';
	const name = amd ? 'AMD-Vi' : 'VT-d';
	const off = words.find(word => /^(intel_iommu|amd_iommu|iommu)=off/.test(word));
	const cause =
		off !== undefined
			? `The kernel was booted with ${off}.`
			: table !== undefined
				? `Firmware describes one (ACPI table ${table}), and the kernel has not taken it${container ? ', or hides it from this container' : ''}.`
				: `The processor has ${amd ? 'AMD-V' : 'VT-x'}, and most machines with it have ${name} too; firmware describes none (no ACPI table ${amd ? 'IVRS' : 'DMAR'}).`;
	return [
		{
			id: 'no-iommu',
			severity: 'warning',
			title: `No IOMMU is in use, though this machine ${table === undefined ? 'may have' : 'has'} one`,
			cause: `${cause} Each device can read and write all memory, and none can be given to a VM.`,
			cure:
				off !== undefined
					? `Take ${off} off the kernel’s command line, and boot.`
					: `${switchOn(amd).replace('s', 'S')}.`,
			about: [],
		},
	];
}

/** A group is one owner's, or nobody is held back. */
function shared({number, devices, verdict, owners}: HostGroup): Finding[] {
	const taken = devices.filter(isVfio);
	const inTheWay = verdict.is === 'shared' ? verdict.with : [];
	if (taken.length === 0 || inTheWay.length === 0) return [];
	const drivers = [...new Set(inTheWay.map(({driver}) => driver))].join(', ');
	const unbind = inTheWay.map(({id, driver}) => `echo ${id} >/sys/bus/pci/drivers/${driver}/unbind`);
	return [
		{
			id: `shared:${number}`,
			severity: owners.length > 0 ? 'error' : 'warning',
			title: `Group ${number} is shared by ${named(taken)} for a VM and ${named(inTheWay)} of the host`,
			cause: `The IOMMU cannot hold the devices of a group apart. vfio does not open this one (QEMU: “group ${number} is not viable”) as long as a driver of the host (${drivers}) has a device in it.`,
			cure: `Take ${inTheWay.length === 1 ? 'it' : 'them'} from the host: ${unbind.join('; ')}. Or plug the card into a slot with a group of its own.`,
			about: [number, ...devices.map(({id}) => id)],
		},
	];
}

function reservedForFirmware({groups}: HostParts): Finding[] {
	return groups
		.filter(({verdict}) => verdict.is === 'reserved')
		.map(({number, devices, regions}) => {
			const wanted = devices.some(isVfio);
			const {start, end} = regions.find(({type}) => type === 'direct') ?? {start: '?', end: '?'};
			return {
				id: `reserved:${number}`,
				severity: wanted ? 'warning' : 'note',
				title: `${named(devices.filter(isEndpoint))} cannot be given to a VM: firmware uses it`,
				cause: `Firmware has reserved ${start}–${end} for the device (an RMRR of VT-d, a unity map of AMD-Vi): it may do DMA there behind the system’s back. The kernel does not let such a device leave its domain.`,
				cure: 'Switch off what uses it in the firmware’s setup (legacy USB, remote management), or ask the vendor for a firmware without it.',
				about: [number, ...devices.map(({id}) => id)],
			};
		});
}

const isIdentity = ({type}: HostGroup): boolean => type === 'identity';
const PASS_THROUGH = /^(iommu=.*\bpt\b|iommu\.passthrough=(1|on|y)|intel_iommu=.*\bpt\b)/;

function passThroughDefault({settings, groups}: HostParts): Finding[] {
	const logged = settings.words.find(word => PASS_THROUGH.test(word));
	if (groups.length === 0 || (logged === undefined && !groups.every(isIdentity))) return [];
	return [
		{
			id: 'pass-through-default',
			severity: 'warning',
			title: 'The host’s own devices are not held back: pass-through is the default',
			cause: `${logged === undefined ? 'All groups have an identity domain' : `The kernel was booted with ${logged}`}: a device of the host reaches all memory, whatever its driver maps. Devices given to VMs are translated all the same.`,
			cure: `Boot ${logged === undefined ? 'with iommu.passthrough=0' : `without ${logged}`}, if a faulty or hostile device is a worry; it costs some speed.`,
			about: [],
		},
	];
}

/** Some devices are in an identity domain where the rest is translated. */
function identityDomains(found: HostParts): Finding[] {
	const held = found.groups.filter(group => isIdentity(group) && group.verdict.is !== 'held');
	const devices = held.flatMap(({devices}) => devices).filter(isEndpoint);
	if (devices.length === 0 || passThroughDefault(found).length > 0) return [];
	return [
		{
			id: 'identity',
			severity: 'warning',
			title: `${plural(devices.length, 'device')} reach${devices.length === 1 ? 'es' : ''} all memory: ${devices.length === 1 ? 'its' : 'their'} domain is identity`,
			cause: `${named(devices)}: what ${devices.length === 1 ? 'it asks' : 'they ask'} for is not translated, and nothing is refused.`,
			cure: `With its driver unbound: echo DMA >/sys/kernel/iommu_groups/${held[0].number}/type. Some devices are put there by the kernel, for errata of theirs.`,
			about: devices.map(({id}) => id),
		},
	];
}

function outsideGroups({units, devices, groups}: HostParts): Finding[] {
	const outside = devices.filter(
		device => device.ids !== undefined && device.group === undefined && isEndpoint(device),
	);
	if (units.length === 0 || groups.length === 0 || outside.length === 0) return [];
	return [
		{
			id: 'no-group',
			severity: 'warning',
			title: `${plural(outside.length, 'device')} ${outside.length === 1 ? 'is' : 'are'} in no group: no IOMMU translates ${outside.length === 1 ? 'it' : 'them'}`,
			cause: `${named(outside)}: no unit is responsible, so all memory can be reached, and no VM can have ${outside.length === 1 ? 'it' : 'one'}.`,
			cure: 'Look into dmesg for the unit that is missing (dmesg | grep -e DMAR -e AMD-Vi): one that failed, or intel_iommu=igfx_off.',
			about: outside.map(({id}) => id),
		},
	];
}

function vfioSettings({settings, devices, units}: HostParts): Finding[] {
	const findings: Finding[] = [];
	if (settings.unsafeInterrupts)
		findings.push({
			id: 'unsafe-interrupts',
			severity: 'warning',
			title: 'Unsafe interrupts are allowed',
			cause:
				'vfio hands out devices though their interrupts are not remapped (allow_unsafe_interrupts=Y): a VM can raise any interrupt of the host with a DMA write.',
			cure: 'If the units remap interrupts, take the parameter away (vfio_iommu_type1.allow_unsafe_interrupts, /etc/modprobe.d). If they do not, trust the guests, or give them no device.',
			about: [],
		});
	if (settings.noIommuMode)
		findings.push({
			id: 'no-iommu-mode',
			severity: 'error',
			title: 'vfio hands out devices that no IOMMU holds back',
			cause:
				'enable_unsafe_noiommu_mode=Y: a program with /dev/vfio/noiommu-N has its device read and write all memory.',
			cure: 'Load vfio without enable_unsafe_noiommu_mode, and switch the IOMMU on.',
			about: [],
		});
	const without = units.filter(({vtd}) => vtd !== undefined && !vtd.interruptRemapping);
	if (without.length > 0 && devices.some(isVfio) && !settings.unsafeInterrupts)
		findings.push({
			id: 'no-interrupt-remapping',
			severity: 'warning',
			title: `${without.map(({name}) => name).join(', ')} cannot remap interrupts`,
			cause: 'vfio gives no device behind such a unit to a VM: it could raise any interrupt of the host.',
			cure: 'Switch interrupt remapping (x2APIC) on in the firmware’s setup; in QEMU, -device intel-iommu,intremap=on.',
			about: without.map(({name}) => name),
		});
	return findings;
}

function overriddenIsolation({settings}: HostParts): Finding[] {
	const logged = settings.words.find(word => word.startsWith('pcie_acs_override'));
	if (logged === undefined) return [];
	return [
		{
			id: 'acs-override',
			severity: 'warning',
			title: 'Groups may be smaller than they are: ACS is overridden',
			cause: `The kernel was booted with ${logged}. One that has that patch takes devices for isolated that are not: they may reach each other, past the IOMMU.`,
			cure: `Boot without ${logged}; give VMs devices from slots that the machine does hold apart.`,
			about: [],
		},
	];
}

/** 05:00.0 Ethernet controller, 05:00.1 NVMe controller and 3 more */
function named(devices: readonly HostDevice[]): string {
	const more = devices.length > 3 ? ` and ${devices.length - 3} more` : '';
	return `${devices
		.slice(0, 3)
		.map(({id, kind}) => `${shortId(id)} ${kind}`)
		.join(', ')}${more}`;
}
