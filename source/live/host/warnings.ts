// What is wrong with a Linux host's isolation of devices: each finding says what it means and how to fix it.

import type {Finding} from '../../machine/finding.js';
import {plural} from '../../words.js';
import {bootWordFindings, isIdentity, isPassThrough, passThroughWord} from './boot-words.js';
import {type HostDevice, isEndpoint, isVfio, shortId} from './devices.js';
import {enableIommu} from './gaps.js';
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
		...bootWordFindings(found),
	];
	return SEVERITIES.flatMap(severity => findings.filter(finding => finding.severity === severity));
}

function noUnit({settings, units, groups}: HostParts): Finding[] {
	if (units.length > 0 || groups.length > 0 || settings.listing) return [];
	const {vendor, table, virtualization, guest, container, words} = settings;
	// In a guest the processor's flags come from its host and say nothing about an IOMMU.
	if (table === undefined && (!virtualization || guest)) return [];
	const amd = table === undefined ? vendor === 'AMD' : table === 'IVRS';
	const name = amd ? 'AMD-Vi' : 'VT-d';
	const off = words.find(word => /^(intel_iommu|amd_iommu|iommu)=off/.test(word));
	const cause =
		off !== undefined
			? `The kernel was booted with ${off}.`
			: table !== undefined
				? `Firmware describes one (ACPI table ${table}), but the kernel does not use it${container ? ', or hides it from this container' : ''}.`
				: `The processor has ${amd ? 'AMD-V' : 'VT-x'}, so the machine most likely has ${name}; firmware does not describe it (no ACPI table ${amd ? 'IVRS' : 'DMAR'}).`;
	return [
		{
			id: 'no-iommu',
			severity: 'warning',
			title: `No IOMMU is in use, though this machine ${table === undefined ? 'may have' : 'has'} one`,
			cause: `${cause} Every device can read and write all memory, and none can be passed to a VM.`,
			cure:
				off !== undefined
					? `Remove ${off} from the kernel’s command line and reboot.`
					: `${enableIommu(amd).replace('e', 'E')}.`,
			about: [],
		},
	];
}

/** vfio accepts a group only as a whole: its devices can reach each other. */
function shared({number, devices, verdict, owners}: HostGroup): Finding[] {
	const passedThrough = devices.filter(isVfio);
	const blocking = verdict.is === 'shared' ? verdict.with : [];
	if (passedThrough.length === 0 || blocking.length === 0) return [];
	const drivers = [...new Set(blocking.map(({driver}) => driver))].join(', ');
	const unbind = blocking.map(({id, driver}) => `echo ${id} >/sys/bus/pci/drivers/${driver}/unbind`);
	return [
		{
			id: `shared:${number}`,
			severity: owners.length > 0 ? 'error' : 'warning',
			title: `Group ${number} is shared: ${named(passedThrough)} for a VM, ${named(blocking)} for the host`,
			cause: `The IOMMU cannot isolate devices within a group. vfio does not open this one (QEMU: “group ${number} is not viable”) while a host driver (${drivers}) uses a device in it.`,
			cure: `Unbind ${blocking.length === 1 ? 'it' : 'them'}: ${unbind.join('; ')}. Or move the card to a slot with its own group.`,
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
				title: `${named(devices.filter(isEndpoint))} cannot be passed to a VM: firmware uses it`,
				cause: `Firmware reserves ${start}–${end} for the device (VT-d’s RMRR, AMD-Vi’s unity map) and may use it for DMA without the system’s knowledge. The kernel keeps such a device in its domain.`,
				cure: 'Disable the feature that uses it in the firmware setup (legacy USB, remote management), or ask the vendor for new firmware.',
				about: [number, ...devices.map(({id}) => id)],
			};
		});
}

function passThroughDefault(found: HostParts): Finding[] {
	if (!isPassThrough(found)) return [];
	const option = passThroughWord(found.settings.words);
	return [
		{
			id: 'pass-through-default',
			severity: 'warning',
			title: 'The host’s own devices are not isolated: pass-through is the default',
			cause: `${option === undefined ? 'All groups have an identity domain' : `The kernel was booted with ${option}`}: the host’s devices reach all memory, whatever their drivers map. Devices passed to VMs are still translated.`,
			cure: `Boot ${option === undefined ? 'with iommu.passthrough=0' : `without ${option}`}, to contain a faulty or hostile device; it costs some speed.`,
			about: [],
		},
	];
}

/** Some devices are in an identity domain while others are translated. */
function identityDomains(found: HostParts): Finding[] {
	const identity = found.groups.filter(group => isIdentity(group) && group.verdict.is !== 'held');
	const devices = identity.flatMap(({devices}) => devices).filter(isEndpoint);
	if (devices.length === 0 || passThroughDefault(found).length > 0) return [];
	return [
		{
			id: 'identity',
			severity: 'warning',
			title: `${plural(devices.length, 'device')} reach${devices.length === 1 ? 'es' : ''} all memory: ${devices.length === 1 ? 'its' : 'their'} domain is identity`,
			cause: `${named(devices)}: DMA is not translated, and nothing is refused.`,
			cure: `Unbind the driver, then: echo DMA >/sys/kernel/iommu_groups/${identity[0].number}/type. The kernel puts some devices there because of their errata.`,
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
			cause: `${named(outside)}: no unit is responsible, so DMA reaches all memory, and no VM can have ${outside.length === 1 ? 'it' : 'them'}.`,
			cure: 'Find the missing unit in dmesg (dmesg | grep -e DMAR -e AMD-Vi): it failed, or intel_iommu=igfx_off is set.',
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
				'vfio accepts devices whose interrupts are not remapped (allow_unsafe_interrupts=Y): a VM can raise any host interrupt with a DMA write.',
			cure: 'If the units remap interrupts, remove the parameter (vfio_iommu_type1.allow_unsafe_interrupts, /etc/modprobe.d). If not, pass devices only to trusted guests.',
			about: [],
		});
	if (settings.noIommuMode)
		findings.push({
			id: 'no-iommu-mode',
			severity: 'error',
			title: 'vfio offers devices without an IOMMU',
			cause:
				'enable_unsafe_noiommu_mode=Y: a program with /dev/vfio/noiommu-N can make its device read and write all memory.',
			cure: 'Load vfio without enable_unsafe_noiommu_mode, and enable the IOMMU.',
			about: [],
		});
	const without = units.filter(({vtd}) => vtd !== undefined && !vtd.interruptRemapping);
	if (without.length > 0 && devices.some(isVfio) && !settings.unsafeInterrupts)
		findings.push({
			id: 'no-interrupt-remapping',
			severity: 'warning',
			title: `${without.map(({name}) => name).join(', ')} cannot remap interrupts`,
			cause: 'vfio passes no device behind such a unit to a VM: the device could raise any host interrupt.',
			cure: 'Enable interrupt remapping (x2APIC) in the firmware setup; in QEMU, -device intel-iommu,intremap=on.',
			about: without.map(({name}) => name),
		});
	return findings;
}

function overriddenIsolation({settings}: HostParts): Finding[] {
	const option = settings.words.find(word => word.startsWith('pcie_acs_override'));
	if (option === undefined) return [];
	return [
		{
			id: 'acs-override',
			severity: 'warning',
			title: 'Groups may be smaller than the real isolation: ACS is overridden',
			cause: `The kernel was booted with ${option}. With that patch it treats devices as isolated that may reach each other without the IOMMU.`,
			cure: `Boot without ${option}; pass devices to VMs from slots that are really isolated.`,
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
