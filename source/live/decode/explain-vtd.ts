// VT-d's reasons: what each means, and what usually is behind it.

import {ridBus} from '../../formats/pci.js';
import {agrees, classOf, faultText} from '../../formats/vtd-reasons.js';
import {accessCauses, BRIDGE, CHIPSET, DIRECTION, graphics, isBridge, PHANTOM, UNANSWERED} from './causes.js';
import {excerpt, type LoggedFault} from './fault.js';
import type {Surroundings} from './known.js';
import type {Group} from './storm.js';

const hex = (reason: number): string => `0x${reason.toString(16).padStart(2, '0')}`;

export function vtdWhy({kind, reason, words = '', pasid, name, by}: LoggedFault): string[] {
	const of = pasid === undefined ? [] : [`It was a request with PASID 0x${pasid.toString(16)}.`];
	if (kind === 'invalidation') return [invalidationWhy(name)];
	if (reason === undefined)
		return ['The log does not say why: the line with the reason is not in it.', ...of];
	const known = faultText(reason);
	if (!agrees(reason, words))
		return [
			`The log says reason ${hex(reason)} and "${excerpt(words, 60)}", which do not belong together: it is not explained.`,
			...of,
		];
	if (known === undefined) return [`Reason ${hex(reason)}, which is not known here.`, ...of];
	const text = words === '' || words === 'Unknown' ? known : excerpt(words, 80);
	return [`Reason ${hex(reason)}: ${text}.`, ...meaning(reason, by === 'Xen' ? 'Xen' : 'The kernel'), ...of];
}

/** A reason for who has not the specification at hand. */
function meaning(reason: number, kernel: string): string[] {
	switch (classOf(reason)) {
		case 'no entry':
			return [`${kernel} has set up nothing for this device: all of its DMA is refused.`];
		case 'bad entry':
			return [badEntry(reason)];
		case 'too wide':
			return ['The address is wider than what is translated, or not canonical.'];
		case 'not mapped':
			return ['Its page tables map nothing at that address, or nothing that allows this.'];
		case 'not allowed':
			return ['The page is mapped, and not for this.'];
		case 'not enabled':
			return ['The device is not allowed requests of this kind at all.'];
		case 'interrupt range':
			return ['Interrupts are sent there; it is no memory.'];
		case 'interrupt':
		case undefined:
			return [];
	}
}

function badEntry(reason: number): string {
	if (RESERVED.includes(reason)) return 'An entry on the way has bits set that this IOMMU reserves.';
	if (UNFIT.includes(reason)) return 'An entry on the way does not fit together, or does not fit this IOMMU.';
	if (MARKED.includes(reason)) return 'An entry had to be marked as used or written, and could not be.';
	return 'An entry on the way is damaged, or lies where there is no memory.';
}

const RESERVED = [0xa, 0xb, 0xc, 0x3a, 0x42, 0x52, 0x5a, 0x72, 0x7a];
const UNFIT = [3, 0x30, 0x43, 0x48, 0x5b];
const MARKED = [0x7c, 0x7d, 0x90, 0x91];
/** Those in an entry that maps. */
const RESERVED_IN_PAGE = [0xc, 0x7a];

/** Whether nothing is mapped where the access went. */
export const vtdAbsent = ({reason, words = ''}: LoggedFault): boolean =>
	reason !== undefined && agrees(reason, words) && classOf(reason) === 'not mapped';

export function vtdCauses(group: Group, around: Surroundings): readonly string[] {
	const {kind, reason, words = ''} = group.fault;
	if (kind === 'invalidation')
		return /queue/i.test(group.fault.name) ? QUEUE : invalidationCauses(group.fault);
	if (reason === undefined || !agrees(reason, words)) return [];
	switch (classOf(reason)) {
		case 'interrupt':
			return interruptCauses(reason);
		case 'no entry':
			return unprepared(group, around);
		case 'bad entry':
			return [
				'A bug in who writes the tables, or memory that was overwritten. The same entry every time speaks for the first.',
				...(RESERVED_IN_PAGE.includes(reason) ? [OTHER_UNIT] : []),
			];
		case 'too wide':
			return WIDE;
		case 'not mapped':
			return accessCauses(group, around);
		case 'not allowed':
			return [DIRECTION];
		case 'not enabled':
			return [
				'The device uses ATS, PASIDs or page requests (PRI) that the kernel has not enabled for it, or not yet, or not any more: look at what its driver and its firmware switch on.',
			];
		case 'interrupt range':
			return [
				'A driver or a guest gave the device an address of 0xfee00000–0xfeefffff as if there were memory.',
			];
		case undefined:
			return [];
	}
}

const USER =
	'Or it was handed to user space by a driver that knows no IOMMU (uio_pci_generic, DPDK’s igb_uio): vfio-pci does, or iommu=pt leaves all of them untranslated.';
const UNPREPARED =
	'The device does DMA before its driver has set it up, or after the driver let go of it: firmware or a kernel before this one (kexec, kdump) left it running, or it was unbound, unplugged or reset.';

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
	'The device was given what is no DMA address (a pointer, a physical address past the DMA API), or its descriptors were overwritten.',
	'With passthrough: the guest has physical addresses wider than the IOMMU translates (QEMU: host-phys-bits-limit).',
];
const OTHER_UNIT =
	'Or the tables were made for another IOMMU of the machine, which takes more (large pages, the snoop bit): what is passed through to one guest shares them.';

function interruptCauses(reason: number): string[] {
	switch (reason) {
		case 0x25:
			return [
				'An interrupt in the old format, which is refused once remapping is on: firmware left the IOAPIC, the HPET or a device with one set up (then it comes once, at boot or resume, and harms nothing).',
				'Or a driver or a guest wrote an MSI address of its own into the device, past the kernel.',
			];
		case 0x26:
			return [
				'The interrupt came with another number than the table entry is for: behind a bridge that sends with its own, or from a device that came back from sleep (D3) or reset with old MSI registers.',
			];
		case 0x22:
			return [
				'The interrupt came after its vector was given back, or before it was set up: the device was not silenced when its driver freed the interrupt.',
			];
		case 0x21:
			return [
				'The MSI register of the device holds an index that the kernel never gave: it was reset, or written by a guest.',
			];
		default:
			return [
				'The interrupt remapping table is damaged, or the device sends interrupts that the kernel did not set up.',
			];
	}
}

function invalidationWhy(name: string): string {
	if (/time/i.test(name))
		return 'A device did not answer when it was told to forget translations (ATS), in time.';
	if (/completion/i.test(name))
		return 'A device answered an invalidation in a way that the IOMMU did not expect.';
	return 'The IOMMU refuses an entry of the kernel’s invalidation queue, or cannot read it.';
}

const QUEUE = [
	'A bug in the kernel, or in the hypervisor that plays the IOMMU for it.',
	'The IOMMU was reset, or lost its settings over sleep, without the kernel.',
];

const invalidationCauses = ({by}: LoggedFault): string[] =>
	by === 'Linux' ? [...UNANSWERED, LOCKED] : UNANSWERED.slice(0, 1);
const LOCKED =
	'While this lasts the kernel waits with a lock held: soft and hard lockups nearby in the log come from here.';
