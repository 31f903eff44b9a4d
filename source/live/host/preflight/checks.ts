// Each check of a preflight: a finding with its cause and cure where something is in the way, or should be known. An error
// has to be mended before a VM can have the function.

import type {Finding} from '../../../machine/finding.js';
import {plural, sizeText} from '../../../words.js';
import {type HostDevice, isVfio, shortId} from '../devices.js';
import {blocksVfio, type HostGroup, ownerText} from '../groups.js';
import type {Host} from '../host.js';
import type {FunctionFacts} from './function-facts.js';
import type {Uses} from './uses.js';

export type Subject = {
	host: Host;
	device: HostDevice;
	group?: HostGroup;
	/** Functions of the same card. */
	siblings: readonly HostDevice[];
	/** What else of the group goes with it. */
	takes: readonly HostDevice[];
	facts: FunctionFacts;
	/** The physical function of a virtual one. */
	parent?: HostDevice;
	/** The function itself, and what it takes along. */
	uses: readonly {device: HostDevice; uses: Uses}[];
	/** vfio's limit for mappings of a container. */
	entryLimit?: number;
};

export const checks = (subject: Subject): Finding[] =>
	[
		...untranslated(subject),
		...held(subject),
		...firmware(subject),
		...interrupts(subject),
		...system(subject),
		...drivers(subject),
		...together(subject),
		...siblings(subject),
		...sriov(subject),
		...resets(subject),
		...width(subject),
		...largeBars(subject),
		...reserved(subject),
		...limits(subject),
		...isolation(subject),
		...unseen(subject),
	].map(finding => ({...finding, about: [subject.device.id]}));

type Part = Omit<Finding, 'about'>;

const named = ({id, kind}: HostDevice): string => `${shortId(id)} ${kind}`;
const list = (devices: readonly HostDevice[]): string => devices.map(named).join(', ');

function untranslated({device, group, host}: Subject): Part[] {
	if (group !== undefined) return [];
	const none = host.units.length === 0;
	return [
		{
			id: 'no-iommu',
			severity: 'error',
			title: none ? 'No IOMMU is in use' : `${shortId(device.id)} is in no group: no IOMMU translates it`,
			cause: none
				? 'Without one, a VM’s device would reach all memory, and vfio passes none.'
				: 'No unit is responsible for it, so vfio cannot contain it.',
			cure: none
				? 'Enable VT-d or AMD-Vi in the firmware setup; with VT-d boot with intel_iommu=on. dmascope host says what is missing.'
				: 'Look for units that failed: dmesg | grep -e DMAR -e AMD-Vi.',
		},
	];
}

function held({group, device}: Subject): Part[] {
	const [owner] = group?.owners ?? [];
	if (owner === undefined) return [];
	return [
		{
			id: 'held',
			severity: 'error',
			title: `Group ${group?.number} belongs to ${ownerText(owner)}`,
			cause: 'A group has one owner at a time.',
			cure: `Shut that VM down, or take ${shortId(device.id)} from it.`,
		},
	];
}

/** Firmware's regions: the kernel refuses such a device to vfio. */
function firmware({group, device}: Subject): Part[] {
	const direct = group?.regions.find(({type}) => type === 'direct');
	if (direct === undefined) return [];
	return [
		{
			id: 'firmware-region',
			severity: 'error',
			title: `Firmware uses ${shortId(device.id)}: ${direct.start}–${direct.end} is always mapped for it`,
			cause:
				'VT-d’s RMRR or AMD-Vi’s unity map names the device. The kernel keeps it in the host’s domain, and vfio refuses it.',
			cure: 'Switch the feature that uses it off in the firmware setup (legacy USB, remote management, RAID), or ask the vendor for other firmware.',
		},
	];
}

function interrupts({host, device}: Subject): Part[] {
	const own = host.units.filter(({name}) => device.unit === undefined || name === device.unit);
	const without = own.filter(({vtd}) => vtd !== undefined && !vtd.interruptRemapping);
	if (without.length === 0) return [];
	const allowed = host.settings.unsafeInterrupts;
	return [
		{
			id: 'no-interrupt-remapping',
			severity: allowed ? 'warning' : 'error',
			title: `${without.map(({name}) => name).join(', ')} cannot remap interrupts`,
			cause: allowed
				? 'The VM can raise any interrupt of the host with a DMA write; allow_unsafe_interrupts=Y lets it.'
				: 'The VM could raise any interrupt of the host with a DMA write, so vfio refuses the device.',
			cure: 'Enable interrupt remapping (x2APIC) in the firmware setup. Only for a trusted guest: vfio_iommu_type1.allow_unsafe_interrupts=1.',
		},
	];
}

/** What the running system needs. */
function system({uses}: Subject): Part[] {
	return uses.flatMap(({device, uses: own}): Part[] => {
		const id = shortId(device.id);
		const disks = own.disks.join('; ');
		return [
			...(own.disks.length > 0
				? [
						{
							id: `disk:${device.id}`,
							severity: 'error' as const,
							title: own.system
								? `The running system is on ${id}: ${disks}`
								: `The host uses a disk of ${id}: ${disks}`,
							cause:
								'The disks behind a function go with it. What is mounted there is lost at once, with what was not yet written.',
							cure: own.system
								? 'Give the VM another controller; or move the system to a disk that stays.'
								: 'Unmount it, and take it out of LVM, RAID and swap (lsblk shows what is on it).',
						},
					]
				: []),
			...(own.blocks.length > 0 && own.disks.length === 0 && own.pools.length > 0
				? [
						{
							id: `zfs:${device.id}`,
							severity: 'warning' as const,
							title: `${own.blocks.join(', ')} of ${id} may belong to ZFS (${own.pools.join(', ')})`,
							cause:
								'ZFS does not show which disks its pools have, and no other use of these disks can be seen.',
							cure: 'Compare: zpool status -P.',
						},
					]
				: []),
			...(own.route === 'only' && !isVfio(device)
				? [
						{
							id: `route:${device.id}`,
							severity: 'error' as const,
							title: `${id} has the only default route (${own.interfaces.join(', ')})`,
							cause: 'Without it the host cannot be reached, perhaps not even to undo this.',
							cure: 'Give another network interface a default route first, or work at the machine’s own console.',
						},
					]
				: []),
			...(own.console && !isVfio(device)
				? [
						{
							id: `console:${device.id}`,
							severity: 'warning' as const,
							title: `The console’s picture is on ${id}`,
							cause:
								'Firmware began with this GPU, and the kernel’s console may draw on it. The screen goes dark; many GPUs that firmware has set up do not start again in a VM.',
							cure: 'Have another GPU as the first in the firmware setup; or boot with video=efifb:off (before 6.0) or initcall_blacklist=sysfb_init, and give the VM a copy of the ROM.',
						},
					]
				: []),
		];
	});
}

/** How drivers let go of a function, where that is not simply by unbinding. */
const RELEASE: Readonly<Record<string, string>> = {
	nvidia:
		'It unbinds only when nothing has the GPU open (systemctl stop display-manager; rmmod nvidia_drm nvidia_modeset nvidia_uvm). Better: have vfio-pci take it at boot.',
	nouveau: 'It often fails to unbind while a console is on it. Better: have vfio-pci take it at boot.',
	amdgpu:
		'It may hang when unbound, and leaves many GPUs in a state that a VM cannot start from. Better: have vfio-pci take it at boot.',
	radeon: 'It may hang when unbound. Better: have vfio-pci take it at boot.',
	i915: 'It unbinds only when no display server uses it. Better: have vfio-pci take it at boot.',
	xe: 'It unbinds only when no display server uses it. Better: have vfio-pci take it at boot.',
	nvme: 'It lets go at once; its disks disappear.',
	ahci: 'It lets go at once; the disks of all its ports disappear.',
	xhci_hcd: 'It lets go at once; keyboards and disks on its ports disappear.',
};

function drivers({device, group}: Subject): Part[] {
	if (group === undefined) return [];
	const others = group.devices.filter(each => each.id !== device.id && blocksVfio(each));
	return [...(isVfio(device) ? [] : [device]), ...others].map((each): Part => {
		const {id, driver} = each;
		const isOwn = each === device;
		const unbind = driver === undefined ? '' : `echo ${id} >/sys/bus/pci/drivers/${driver}/unbind; `;
		return {
			id: `driver:${id}`,
			severity: 'error',
			title:
				driver === undefined
					? `${named(each)} has no driver: bind it to vfio-pci`
					: `${named(each)} is bound to ${driver}, not to vfio-pci`,
			cause: `${isOwn ? 'A VM gets it from vfio-pci.' : 'The group goes to a VM as a whole, and not while a host driver uses a part of it.'}${driver === undefined ? '' : ` ${RELEASE[driver] ?? 'Its driver lets go when it is unbound.'}`}`,
			cure: `modprobe vfio-pci; echo vfio-pci >/sys/bus/pci/devices/${id}/driver_override; ${unbind}echo ${id} >/sys/bus/pci/drivers_probe. At every boot: vfio-pci.ids=${each.ids ?? 'VENDOR:DEVICE'} (takes all of that kind). libvirt does it by itself (managed="yes").`,
		};
	});
}

function together({takes, group}: Subject): Part[] {
	if (takes.length === 0) return [];
	return [
		{
			id: 'group',
			severity: 'note',
			title: `${plural(takes.length, 'device')} of group ${group?.number} ${takes.length === 1 ? 'goes' : 'go'} with it: ${list(takes)}`,
			cause: 'The IOMMU cannot isolate devices within a group from each other, so one owner has them all.',
			cure: 'If they are to stay: another slot, whose group is smaller. dmascope host says why a group is as it is.',
		},
	];
}

/** Other functions of the card that are in groups of their own. */
function siblings({siblings: all, group}: Subject): Part[] {
	const apart = all.filter(each => each.group !== group?.number);
	if (apart.length === 0) return [];
	return [
		{
			id: 'siblings',
			severity: 'note',
			title: `Functions of the same card stay: ${list(apart)}`,
			cause:
				'They are in groups of their own. A GPU’s sound, or the second port of a card, is often wanted, too.',
			cure: `Pass ${apart.length === 1 ? 'it' : 'them'} as well, if the guest’s driver expects ${apart.length === 1 ? 'it' : 'them'}.`,
		},
	];
}

function sriov({facts, parent, device}: Subject): Part[] {
	const found: Part[] = [];
	if (facts.virtualFunctions > 0)
		found.push({
			id: 'has-virtual-functions',
			severity: 'error',
			title: `${plural(facts.virtualFunctions, 'virtual function')} of ${shortId(device.id)} ${facts.virtualFunctions === 1 ? 'is' : 'are'} switched on`,
			cause: 'They live as long as the physical function’s driver is bound; whatever uses them loses them.',
			cure: `Pass a virtual function instead, or switch them off: echo 0 >/sys/bus/pci/devices/${device.id}/sriov_numvfs.`,
		});
	if (facts.parent !== undefined)
		found.push({
			id: 'virtual-function',
			severity: 'note',
			title: `It is a virtual function of ${shortId(facts.parent)}`,
			cause: `Its physical function stays with ${parent?.driver === undefined ? 'the host' : `the host’s ${parent.driver}`}, which sets its address, VLAN and rate, and can take it away.`,
			cure: 'Set what the guest shall have before it starts: ip link set PF vf N mac …',
		});
	return found;
}

function resets({facts, device}: Subject): Part[] {
	if (!facts.known) return [];
	if (!facts.canReset)
		return [
			{
				id: 'no-reset',
				severity: 'warning',
				title: `The kernel cannot reset ${shortId(device.id)}`,
				cause:
					'It has no function-level reset, and none by power state or bus. A VM that restarts finds it as the one before left it, and what that left in its memory.',
				cure: 'Some GPUs have a reset of their own in a module (vendor-reset). Otherwise reboot the host between guests.',
			},
		];
	const [first] = facts.resets ?? [];
	if (first !== 'bus') return [];
	return [
		{
			id: 'bus-reset',
			severity: 'note',
			title: `${shortId(device.id)} is reset by its bus alone`,
			cause: 'That resets every function of the bus. vfio does it only if one owner has them all.',
			cure: 'Give all functions of the card to the same VM.',
		},
	];
}

/** Guest addresses that the IOMMU is too narrow for. */
function width({host, device}: Subject): Part[] {
	const {cpuBits} = host.settings;
	const unit = host.units.find(
		({name, vtd}) => vtd !== undefined && (device.unit === undefined || name === device.unit),
	);
	const bits = unit?.vtd?.addressBits;
	if (bits === undefined || cpuBits === undefined || bits >= cpuBits) return [];
	return [
		{
			id: 'narrow-iommu',
			severity: 'warning',
			title: `${unit?.name} translates ${bits} address bits, and guests may use ${cpuBits}`,
			cause: `A guest with the CPU’s own ${cpuBits} bits places large BARs at the top of its addresses, beyond ${sizeText(2 ** bits)}, where vfio cannot map them (VFIO_MAP_DMA failed: Invalid argument).`,
			cure: `Limit the guest: -cpu host,host-phys-bits-limit=${bits}, or <maxphysaddr mode="passthrough" limit="${bits}"/> in libvirt.`,
		},
	];
}

const LARGE = 2 ** 30;

function largeBars({facts, device}: Subject): Part[] {
	const large = facts.bars.filter(({bytes}) => bytes >= LARGE);
	if (large.length === 0) return [];
	const texts = large.map(
		({number, bytes, wide}) => `BAR ${number}: ${sizeText(bytes)}, ${wide ? '64' : '32'}-bit`,
	);
	return [
		{
			id: 'large-bars',
			severity: 'note',
			title: `${shortId(device.id)} has large BARs: ${texts.join('; ')}`,
			cause:
				'The guest’s firmware needs a 64-bit window that holds them, and the host’s has to leave them above 4 GiB.',
			cure: 'Enable “Above 4G Decoding” in the host’s firmware setup. For the guest use OVMF on q35; where the window is too small: -fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=65536.',
		},
	];
}

/** Regions that a guest’s memory must not lie in: AMD’s HyperTransport range below 1 TiB, and others. */
function reserved({group}: Subject): Part[] {
	const regions = (group?.regions ?? []).filter(({type}) => type === 'reserved');
	if (regions.length === 0) return [];
	const texts = regions.map(({start, end}) => `${start}–${end}`).join(', ');
	return [
		{
			id: 'reserved-regions',
			severity: 'note',
			title: `A guest’s memory cannot be at ${texts}`,
			cause:
				'The IOMMU never maps these addresses. QEMU before 7.1 places memory of guests of about 1 TiB there.',
			cure: 'Nothing for smaller guests; for larger ones QEMU 7.1 or newer.',
		},
	];
}

const DEFAULT_ENTRIES = 65_535;

function limits({entryLimit}: Subject): Part[] {
	if (entryLimit === undefined || entryLimit >= DEFAULT_ENTRIES) return [];
	return [
		{
			id: 'mapping-limit',
			severity: 'warning',
			title: `vfio allows ${plural(entryLimit, 'mapping')} per VM`,
			cause:
				'The module’s dma_entry_limit is below its default of 65,535. A guest with a virtual IOMMU, or many hotplugged memory devices, needs more (VFIO_MAP_DMA failed: No space left on device).',
			cure: 'Load vfio_iommu_type1 with a larger dma_entry_limit.',
		},
	];
}

function isolation({host}: Subject): Part[] {
	const option = host.settings.words.find(word => word.startsWith('pcie_acs_override'));
	if (option === undefined) return [];
	return [
		{
			id: 'acs-override',
			severity: 'warning',
			title: 'Groups may be smaller than the real isolation: ACS is overridden',
			cause: `With ${option} a patched kernel takes devices for isolated that may reach each other without the IOMMU.`,
			cure: 'Give devices that share a switch or root port to one VM only, or to trusted guests.',
		},
	];
}

function unseen({facts, host, group, device}: Subject): Part[] {
	const found: Part[] = [];
	if (!facts.known)
		found.push({
			id: 'not-captured',
			severity: 'note',
			title: 'Its resets, BARs and what the host uses it for are not known here',
			cause: 'The capture is of an older dmascope, or sysfs does not show them.',
			cure: 'Capture that machine again: dmascope host --capture FILE.tar.',
		});
	if (!host.ownersComplete && group !== undefined && isVfio(device))
		found.push({
			id: 'owner-unseen',
			severity: 'warning',
			title: `Whether a VM has group ${group.number} already cannot be seen`,
			cause: 'Other users’ processes cannot be looked at.',
			cure: 'Run as root: sudo dmascope host --device …',
		});
	return found;
}
