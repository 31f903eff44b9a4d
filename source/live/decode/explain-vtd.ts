// VT-d's fault reasons: their meaning and their usual causes.

import {ridBus} from '../../formats/pci.js';
import {agrees, classOf, faultText} from '../../formats/vtd-reasons.js';
import {
	accessCauses,
	BRIDGE,
	CHIPSET,
	DIRECTION,
	GUESTS_DIRECTION,
	graphics,
	isBridge,
	isGuests,
	PHANTOM,
	UNANSWERED,
} from './causes.js';
import {excerpt, type LoggedFault} from './fault.js';
import type {Surroundings} from './known.js';
import type {Group} from './storm.js';

const hex = (reason: number): string => `0x${reason.toString(16).padStart(2, '0')}`;

export function vtdWhy({kind, reason, words = '', pasid, name, by}: LoggedFault): string[] {
	const request = pasid === undefined ? [] : [`The request had PASID 0x${pasid.toString(16)}.`];
	if (kind === 'invalidation') return [invalidationWhy(name)];
	if (reason === undefined)
		return ['The log does not say why: the line with the reason is missing.', ...request];
	const standard = faultText(reason);
	if (!agrees(reason, words))
		return [
			`The log says reason ${hex(reason)} and "${excerpt(words, 60)}", which contradict each other: no explanation.`,
			...request,
		];
	if (standard === undefined) return [`Unknown reason ${hex(reason)}.`, ...request];
	const text = words === '' || words === 'Unknown' ? standard : excerpt(words, 80);
	return [
		`Reason ${hex(reason)}: ${text}.`,
		...meaning(reason, by === 'Xen' ? 'Xen' : 'The kernel'),
		...request,
	];
}

/** A reason in plain words. */
function meaning(reason: number, kernel: string): string[] {
	switch (classOf(reason)) {
		case 'no entry':
			return [`${kernel} has not set up translation for this device: all of its DMA is refused.`];
		case 'bad entry':
			return [badEntry(reason)];
		case 'too wide':
			return ['The address is wider than the IOMMU translates, or not canonical.'];
		case 'not mapped':
			return ['Its page tables have no mapping at that address, or none that permits this access.'];
		case 'not allowed':
			return ['The page is mapped, but does not permit this access.'];
		case 'not enabled':
			return ['The device is not allowed to make requests of this kind.'];
		case 'interrupt range':
			return ['This is the interrupt range, not memory.'];
		case 'interrupt':
		case undefined:
			return [];
	}
}

function badEntry(reason: number): string {
	if (RESERVED.includes(reason)) return 'An entry of the walk has reserved bits set.';
	if (UNFIT.includes(reason)) return 'An entry of the walk is inconsistent, or not supported by this IOMMU.';
	if (MARKED.includes(reason)) return 'An entry could not be marked as accessed or dirty.';
	return 'An entry of the walk is corrupted, or not in memory.';
}

const RESERVED = [0xa, 0xb, 0xc, 0x3a, 0x42, 0x52, 0x5a, 0x72, 0x7a];
const UNFIT = [3, 0x30, 0x43, 0x48, 0x5b];
const MARKED = [0x7c, 0x7d, 0x90, 0x91];
/** Reserved bits in an entry that maps a page. */
const RESERVED_IN_PAGE = [0xc, 0x7a];

/** Whether nothing is mapped where the access went. */
export const vtdAbsent = ({reason, words = ''}: LoggedFault): boolean =>
	reason !== undefined && agrees(reason, words) && classOf(reason) === 'not mapped';

export function vtdCauses(group: Group, around: Surroundings): readonly string[] {
	const {kind, reason, words = ''} = group.fault;
	if (kind === 'invalidation')
		return /queue/i.test(group.fault.name) ? QUEUE : invalidationCauses(group.fault);
	if (reason === undefined && kind === 'access') return graphics(group.fault);
	if (reason === undefined || !agrees(reason, words)) return [];
	switch (classOf(reason)) {
		case 'interrupt':
			return interruptCauses(group.fault, reason);
		case 'no entry':
			return unprepared(group, around);
		case 'bad entry':
			return [
				'A bug in the code that writes the tables, or overwritten memory. The same entry every time suggests a bug.',
				...(RESERVED_IN_PAGE.includes(reason) ? [OTHER_UNIT] : []),
			];
		case 'too wide':
			return WIDE;
		case 'not mapped':
			return accessCauses(group, around);
		case 'not allowed':
			return isGuests(group.fault, around) ? [GUESTS_DIRECTION] : [DIRECTION];
		case 'not enabled':
			return [
				'The device uses ATS, PASIDs or page requests (PRI) that the kernel has not enabled for it; check what its driver and firmware enable.',
			];
		case 'interrupt range':
			return [
				'A driver or a guest gave the device an address in 0xfee00000–0xfeefffff, which is not memory.',
			];
		case undefined:
			return [];
	}
}

const USER =
	'A user-space driver without IOMMU support has the device (uio_pci_generic, DPDK’s igb_uio); use vfio-pci, or boot with iommu=pt.';
const UNPREPARED =
	'The device did DMA before its driver was bound or after it was unbound: firmware or an earlier kernel (kexec, kdump) left it running, or it was unplugged or reset.';

function unprepared({fault}: Group, around: Surroundings): string[] {
	if (fault.by === 'QEMU') return [UNPREPARED];
	const {device} = around;
	const driver = fault.driver ?? device?.driver;
	const special = [...(isBridge(around) ? [BRIDGE] : []), ...graphics(fault)];
	const user = fault.by === 'Linux' && (driver === undefined || /uio/.test(driver)) ? [USER] : [];
	if (device !== undefined || special.length > 0) return [...special, UNPREPARED, ...user];
	const chipset = fault.device !== undefined && ridBus(fault.device.rid) === 0;
	return [UNPREPARED, ...user, PHANTOM, ...(chipset ? [CHIPSET] : [])];
}

const WIDE = [
	'The device was given a pointer or physical address instead of a DMA address, or its descriptors were overwritten.',
	'With passthrough: the guest’s physical addresses are wider than the IOMMU translates (QEMU: host-phys-bits-limit).',
];
/** 00:00.0. */
const HOST_BRIDGE = [
	'00:00.0 is the host bridge: the interrupt reached it as a plain write, and it sent it on under its own number. Look up whose entry the index is; that device’s driver or firmware wrote the interrupt, or a copy of it, by itself.',
	'Seen with graphics cards and bridges that repeat interrupts, and after resume. Interrupts of that device are lost; it may time out.',
];
const OTHER_UNIT =
	'Or the tables were built for another IOMMU of the machine that supports more (large pages, the snoop bit): all devices of one guest share them.';

function interruptCauses({device}: LoggedFault, reason: number): string[] {
	if (device?.rid === 0 && reason === 0x26) return HOST_BRIDGE;
	switch (reason) {
		case 0x25:
			return [
				'An interrupt in compatibility format, refused once remapping is enabled: firmware left an IOAPIC, HPET or device set up that way. A single one at boot or resume is harmless.',
				'Or a driver or a guest wrote its own MSI address into the device, bypassing the kernel.',
			];
		case 0x26:
			return [
				'The interrupt’s requester ID does not match its table entry: a bridge sent it with its own ID, or a device returned from sleep (D3) or reset with old MSI registers.',
			];
		case 0x22:
			return [
				'The interrupt came after its vector was freed, or before it was set up: the driver freed it without stopping the device.',
			];
		case 0x21:
			return [
				'The device’s MSI register has an index that the kernel never assigned: it was reset, or written by a guest.',
			];
		default:
			return [
				'The interrupt remapping table is corrupted, or the device sends interrupts that the kernel did not set up.',
			];
	}
}

function invalidationWhy(name: string): string {
	if (/time/i.test(name)) return 'A device did not answer an invalidation of its ATS translations in time.';
	if (/completion/i.test(name)) return 'A device’s answer to an invalidation was unexpected.';
	return 'The IOMMU refused an entry of the kernel’s invalidation queue, or could not read it.';
}

const QUEUE = [
	'A bug in the kernel, or in the hypervisor that emulates the IOMMU.',
	'The IOMMU was reset or lost its settings during sleep without the kernel’s knowledge.',
];

const invalidationCauses = ({by}: LoggedFault): string[] =>
	by === 'Linux' ? [...UNANSWERED, LOCKED] : UNANSWERED.slice(0, 1);
const LOCKED = 'The kernel waits with a lock held: soft and hard lockups nearby in the log come from this.';
