// Causes of an access to an unmapped address: what the log itself shows, and the usual ones.

import {bitsOf, compareHalves, type Halves, halves, hexHalves, join64} from '../../formats/address.js';
import {deviceText, type LoggedFault} from './fault.js';
import {isPassthrough, type KnownRange, type Surroundings} from './known.js';
import type {Group} from './storm.js';

const MSI_FIRST = halves(0xfee00000);
const MSI_LAST = halves(0xfeefffff);
const PAGE = halves(0x1000);
/** Linux allocates DMA addresses from 4 GiB down; most drivers need only the top of that range. */
const ALLOCATOR = halves(0xf0000000);
const FOUR_GIB = halves(0xffffffff);
/** The top 256 MiB of 64 bits, where hardly any kernel pointer lies. */
const LAST: Halves = {hi: 0xffffffff, lo: 0xf0000000};
/** Intel’s integrated graphics is always 00:02.0. */
const IGD = 0x10;

/** The usual causes of an access to an unmapped address. */
export function accessCauses({fault}: Group, around: Surroundings): readonly string[] {
	const {device, ranges} = around;
	const driver = fault.driver ?? device?.driver;
	if (isPassthrough(driver)) return PASSTHROUGH;
	if (fault.pasid !== undefined) return SHARED;
	return [
		...(isBridge(around) ? [BRIDGE] : []),
		...graphics(fault),
		...USUAL,
		...(ranges.length > 0 ? [] : otherCauses(fault, device?.class, driver)),
	];
}

/** More causes, where the log does not show the owner of the address. */
function otherCauses({by, access}: LoggedFault, pciClass = '02', driver?: string): string[] {
	return [
		...(access === 'write' && pciClass.startsWith('02') ? [RECEIVING] : []),
		...FIRMWARE[by],
		...(driver === undefined && by !== 'QEMU' ? [MAYBE_GUEST] : []),
	];
}

/** Intel's integrated graphics, at 00:02.0, has its own cause. */
export const graphics = ({family, by, device}: LoggedFault): string[] =>
	family === 'vt-d' && device?.rid === IGD && by !== 'QEMU'
		? [
				`${GRAPHICS}${NO_GRAPHICS[by] === undefined ? '' : ` ${NO_GRAPHICS[by]} excludes it from translation.`}`,
			]
		: [];

/** A bridge to conventional PCI sends with one requester ID for all devices behind it. */
export const isBridge = ({device}: Surroundings): boolean => device?.class?.startsWith('0604') === true;

/** The page is mapped, but not for this kind of access. */
export const DIRECTION =
	'The driver mapped the buffer for the other direction or read-only; check its dma_map_* calls.';
/** The log has no driver's message about the function. */
export const PHANTOM =
	'Another function of the card may send with this requester ID, which lspci does not list: Marvell’s SATA controllers (88SE9…) do. Linux lists such cards in quirk_dma_func0_alias and quirk_dma_func1_alias.';
/** The same on bus 0, the chipset's. */
export const CHIPSET =
	'Or the chipset sends with a requester ID that no function has: an HPET or IOAPIC that lost its registers during sleep, or the firmware’s own processor.';

/** Causes of a failed device-TLB invalidation. The second is for Linux only. */
export const UNANSWERED = [
	'A device with ATS enabled is gone, asleep or hung: a surprise removal, a reset, a link that is down.',
	'Its ATS is broken; Linux lists such devices in quirk_no_ats. Boot with pci=noats to check.',
];

export const BRIDGE =
	'This is a bridge: conventional PCI devices behind it send with the bridge’s requester ID. On servers it is often the management controller (iLO, BMC).';
const GRAPHICS =
	'If this is Intel’s integrated graphics: it shows the firmware’s picture until its driver takes over, and prefetches past the mapped memory.';
const NO_GRAPHICS: Partial<Record<LoggedFault['by'], string>> = {
	Linux: 'intel_iommu=igfx_off',
	Xen: 'iommu=no-igfx',
};
const USUAL = [
	'The driver unmapped the buffer while the device still used it, or gave the device a wrong address.',
	'The device was reset, or its driver died, during DMA.',
];
const RECEIVING =
	'If this is a network card: it was not stopped and still received into buffers that had been unmapped (Wake-on-LAN, a closed driver).';
const UNREPORTED =
	'Firmware uses the device (USB legacy mode, a management controller, Thunderbolt) with memory that it did not report (no RMRR or IVMD).';
const FIRMWARE: Readonly<Record<LoggedFault['by'], readonly string[]>> = {
	Linux: [UNREPORTED],
	FreeBSD: [UNREPORTED],
	Xen: [
		`${UNREPORTED} Boot with dom0-iommu=map-inclusive to check (before Xen 4.12, iommu_inclusive_mapping).`,
	],
	QEMU: [],
};
const MAYBE_GUEST =
	'If the device is passed through: the guest gave it an address without memory (another device’s registers), or stopped during DMA.';

const PASSTHROUGH = [
	'The guest gave it an address without memory: another device’s registers, or memory from before the guest rebooted.',
	'The guest stopped or was reset during DMA.',
];
/** Requests with a PASID: shared virtual addressing. */
const SHARED = [
	'The process gave it an unmapped address, and the device did not request the page (PRI) or was refused it.',
	'The process has exited, but its work on the device continued.',
];

/** What the log itself shows. `absent`: nothing is mapped at the address. */
export function fromLog(group: Group, around: Surroundings, absent: boolean): string[] {
	const {lowest, highest, fault} = group;
	const inherited = around.inherited
		? [
				'Another kernel started this one (kexec, kdump): devices continue its work until their drivers reset them.',
			]
		: [];
	if (lowest === undefined || highest === undefined || fault.kind !== 'access') return inherited;
	const facts = [...around.ranges.map(range => rangeWords(range, group)), ...widthWords(highest, around)];
	if (compareHalves(highest, PAGE) < 0)
		facts.push('Address 0 comes from a descriptor that was never filled in, or a ring that was not set up.');
	if (within(lowest, highest, MSI_FIRST, MSI_LAST))
		facts.push(
			'0xfee00000–0xfeefffff is the interrupt range: this was an MSI, or an address mistaken for one.',
		);
	if (bitsOf(lowest) === 64) facts.push(sixtyFour(lowest, fault.family));
	// A guest allocates its own addresses.
	const linux = fault.by === 'Linux' && !isPassthrough(fault.driver ?? around.device?.driver);
	if (facts.length === 0 && absent && linux) facts.push(...allocated(lowest, highest));
	return [...facts, ...inherited, ...stopped(group)];
}

/** VT-d has at most 57 bits; AMD-Vi has all 64, and Linux 5.4 to 6.x allocates from the top. */
function sixtyFour(lowest: Halves, family: 'vt-d' | 'amd-vi'): string {
	const all = `${hexHalves(lowest)} uses all 64 bits`;
	return family === 'amd-vi' && compareHalves(lowest, LAST) >= 0
		? `${all}: it may have been mapped (Linux allocates such addresses for a driver with a 64-bit mask), or was never a DMA address.`
		: `${all}: not a DMA address, but a pointer or a corrupted number.`;
}

/** Linux allocates DMA addresses from the top: first below 4 GiB, then below the driver's DMA mask. */
function allocated(lowest: Halves, highest: Halves): string[] {
	if (within(lowest, highest, ALLOCATOR, FOUR_GIB))
		return [
			'Linux allocates DMA addresses from just under 4 GiB: this one was probably mapped, and has been unmapped.',
		];
	const bits = bitsOf(highest);
	if (bits < 34 || bits > 57 || join64(lowest.lo, lowest.hi) < 2 ** bits - 2 ** (bits - 10)) return [];
	return [
		`It is just under 2^${bits}. Linux allocates DMA addresses from the top of the driver’s DMA mask: with a mask of ${bits} bits this address was once mapped; with a wider mask the device drops the bits above bit ${bits - 1}.`,
	];
}

/** pci_check_disable_device and its threshold (xen/drivers/passthrough/pci.c). */
function stopped({fault, count}: Group): string[] {
	return fault.by === 'Xen' && count >= 10
		? ['Xen clears the bus master bit of a device that faults ten times in a row: the device may be stopped.']
		: [];
}

function widthWords(highest: Halves, {width}: Surroundings): string[] {
	const bits = bitsOf(highest);
	return width !== undefined && bits > width
		? [`${hexHalves(highest)} needs ${bits} bits; an IOMMU here translates only ${width}.`]
		: [];
}

function rangeWords({what, first, last, device}: KnownRange, {fault}: Group): string {
	const range = `${hexHalves(first)}–${hexHalves(last)}`;
	switch (what) {
		case 'RMRR':
			return `${range} is an RMRR: memory that firmware reserves for certain devices. The kernel maps it only for them, and only in their first domain.`;
		case 'firmware':
			return `${range} is memory that firmware reserves: firmware may have set up the device to use it, but this log has no RMRR for it.`;
		case 'BAR':
			return device !== undefined && device.rid === fault.device?.rid
				? `${range} is the device’s own register range.`
				: `${range} is a register range of ${device === undefined ? 'a device' : deviceText(device)}: DMA between devices (peer-to-peer) that was not mapped.`;
	}
}

const within = (lowest: Halves, highest: Halves, first: Halves, last: Halves): boolean =>
	compareHalves(first, lowest) <= 0 && compareHalves(highest, last) <= 0;
