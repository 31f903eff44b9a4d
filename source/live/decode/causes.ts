// What is behind an access to what is not mapped: first what the log itself shows, then what is usual.

import {bitsOf, compareHalves, type Halves, halves, hexHalves, join64} from '../../formats/address.js';
import {deviceText, type LoggedFault} from './fault.js';
import {isPassthrough, type KnownRange, type Surroundings} from './known.js';
import type {Group} from './storm.js';

const MSI_FIRST = halves(0xfee00000);
const MSI_LAST = halves(0xfeefffff);
const PAGE = halves(0x1000);
/** Linux gives out DMA addresses from 4 GiB down, and most drivers never need more than the uppermost of them. */
const ALLOCATOR = halves(0xf0000000);
const FOUR_GIB = halves(0xffffffff);
/** The topmost 256 MiB of 64 bits, where hardly any pointer of the kernel's leads. */
const LAST: Halves = {hi: 0xffffffff, lo: 0xf0000000};
/** Intel’s integrated graphics is always 00:02.0. */
const IGD = 0x10;

/** What usually is behind an access to what is not mapped. */
export function accessCauses({fault}: Group, around: Surroundings): readonly string[] {
	const {device, ranges} = around;
	const driver = fault.driver ?? device?.driver;
	if (isPassthrough(driver)) return PASSTHROUGH;
	if (fault.pasid !== undefined) return SHARED;
	return [
		...(isBridge(around) ? [BRIDGE] : []),
		...graphics(fault),
		...USUAL,
		...(ranges.length > 0 ? [] : otherwise(fault, device?.class, driver)),
	];
}

/** Where the log does not tell whose the address is. */
function otherwise({by, access}: LoggedFault, pciClass = '02', driver?: string): string[] {
	return [
		...(access === 'write' && pciClass.startsWith('02') ? [RECEIVING] : []),
		...FIRMWARE[by],
		...(driver === undefined && by !== 'QEMU' ? [MAYBE_GUEST] : []),
	];
}

/** What is special about the device at 00:02.0 of an Intel. */
export const graphics = ({family, by, device}: LoggedFault): string[] =>
	family === 'vt-d' && device?.rid === IGD && by !== 'QEMU'
		? [`${GRAPHICS}${NO_GRAPHICS[by] === undefined ? '' : ` ${NO_GRAPHICS[by]} leaves it out.`}`]
		: [];

/** A bridge to conventional PCI has one number for all that is behind it. */
export const isBridge = ({device}: Surroundings): boolean => device?.class?.startsWith('0604') === true;

/** Where the page is mapped, and not for this. */
export const DIRECTION =
	'The driver mapped the buffer for the other direction, or to be read only: look at what it passes to dma_map_*.';
/** Where nobody has spoken for a function in the log. */
export const PHANTOM =
	'Or another function of the card sends with this number, which lspci does not list: Marvell’s SATA controllers (88SE9…) do (Linux keeps a list of such cards: quirk_dma_func0_alias, quirk_dma_func1_alias).';
/** The same on bus 0, where the chipset is. */
export const CHIPSET =
	'Or the chipset itself does, under a number that no function has: an HPET or an IOAPIC whose registers were lost over sleep, or the firmware’s own processor.';

/** An invalidation of a device's own TLB. The second is for Linux. */
export const UNANSWERED = [
	'A device with ATS on is gone, asleep or hung: a surprise removal, a reset, a link that is down.',
	'Its ATS is broken; Linux keeps a list of such devices (quirk_no_ats). Booting with pci=noats tells.',
];

export const BRIDGE =
	'It is a bridge: conventional PCI behind it sends with the bridge’s number. Look for who is there; on servers it is often the management controller (iLO, BMC).';
const GRAPHICS =
	'If this is Intel’s integrated graphics: it shows the firmware’s picture until its driver takes over, and reads ahead past what is mapped.';
const NO_GRAPHICS: Partial<Record<LoggedFault['by'], string>> = {
	Linux: 'intel_iommu=igfx_off',
	Xen: 'iommu=no-igfx',
};
const USUAL = [
	'The driver unmapped the buffer while the device still used it, or gave it a wrong address.',
	'The device was reset, or its driver died, with DMA under way.',
];
const RECEIVING =
	'If it is a network card: it still received into buffers that were taken away, as nobody had stopped it (Wake-on-LAN, a driver that was closed).';
const TOLD =
	'Or firmware uses the device (a keyboard’s USB legacy mode, a management controller, Thunderbolt), with memory that nobody was told to map (no RMRR or IVMD).';
const FIRMWARE: Readonly<Record<LoggedFault['by'], readonly string[]>> = {
	Linux: [TOLD],
	FreeBSD: [TOLD],
	Xen: [`${TOLD} dom0-iommu=map-inclusive tells (before Xen 4.12 iommu_inclusive_mapping).`],
	QEMU: [],
};
const MAYBE_GUEST =
	'If it is passed through to a guest: the guest gave it an address where it has no memory (another device’s registers), or went down with DMA under way.';

const PASSTHROUGH = [
	'The guest gave it an address where it has no memory: registers of another device, or what was memory before the guest rebooted.',
	'The guest went down or was reset with DMA under way.',
];
/** Requests with a PASID: shared virtual addressing. */
const SHARED = [
	'The process gave it an address that it had not mapped, or mapped no more, and the device does not ask for pages (PRI), or was refused them.',
	'The process is gone, and its work on the device was not stopped.',
];

/** What the log itself shows; `absent` where nothing is mapped at the address. */
export function fromLog(group: Group, around: Surroundings, absent: boolean): string[] {
	const {lowest, highest, fault} = group;
	const inherited = around.inherited
		? [
				'This kernel was started by another (kexec, kdump): devices still do what that one told them, until their drivers reset them.',
			]
		: [];
	if (lowest === undefined || highest === undefined || fault.kind !== 'access') return inherited;
	const about = [...around.ranges.map(range => rangeWords(range, group)), ...widthWords(highest, around)];
	if (compareHalves(highest, PAGE) < 0)
		about.push(
			'Address 0 is what a descriptor holds that was never filled in, or a ring that was not set up.',
		);
	if (within(lowest, highest, MSI_FIRST, MSI_LAST))
		about.push(
			'0xfee00000–0xfeefffff is where interrupts are sent: this was an MSI, or an address mistaken for one.',
		);
	if (bitsOf(lowest) === 64) about.push(sixtyFour(lowest, fault.family));
	// A guest gives out its own.
	const linux = fault.by === 'Linux' && !isPassthrough(fault.driver ?? around.device?.driver);
	if (about.length === 0 && absent && linux) about.push(...allocated(lowest, highest));
	return [...about, ...inherited, ...stopped(group)];
}

/** VT-d has 57 bits at most; AMD-Vi has all of them, and Linux 5.4 to 6.x gives them out from the top. */
function sixtyFour(lowest: Halves, family: 'vt-d' | 'amd-vi'): string {
	const all = `${hexHalves(lowest)} has all 64 bits`;
	return family === 'amd-vi' && compareHalves(lowest, LAST) >= 0
		? `${all}: it may have been mapped (Linux gives out such addresses from the top where a driver asks for 64 bits), or was never a DMA address.`
		: `${all}: no DMA address, but a pointer, or a number that was mangled.`;
}

/** Linux gives out DMA addresses from the top: of 4 GiB first, then of what a driver says that its device can take. */
function allocated(lowest: Halves, highest: Halves): string[] {
	if (within(lowest, highest, ALLOCATOR, FOUR_GIB))
		return [
			'Linux gives out DMA addresses from just under 4 GiB: this one was probably mapped, and is no longer.',
		];
	const bits = bitsOf(highest);
	if (bits < 34 || bits > 57 || join64(lowest.lo, lowest.hi) < 2 ** bits - 2 ** (bits - 10)) return [];
	return [
		`It is just under 2^${bits}. Linux gives out DMA addresses from the top of what a driver says its device can take: either that is ${bits} bits, and this one was mapped once, or it is more, and the device drops what is above bit ${bits - 1}.`,
	];
}

/** pci_check_disable_device and its threshold (xen/drivers/passthrough/pci.c). */
function stopped({fault, count}: Group): string[] {
	return fault.by === 'Xen' && count >= 10
		? ['Xen takes the bus master bit from a device that faults ten times at once: it may stand still since.']
		: [];
}

function widthWords(highest: Halves, {width}: Surroundings): string[] {
	const bits = bitsOf(highest);
	return width !== undefined && bits > width
		? [`${hexHalves(highest)} takes ${bits} bits, and there is an IOMMU of ${width} bits.`]
		: [];
}

function rangeWords({what, first, last, device}: KnownRange, {fault}: Group): string {
	const range = `${hexHalves(first)}–${hexHalves(last)}`;
	switch (what) {
		case 'RMRR':
			return `${range} is an RMRR: memory that firmware keeps for certain devices. The kernel maps it for those alone, and only in the domain that they start in.`;
		case 'firmware':
			return `${range} is memory that firmware reserves: it may have set the device to use it, and this log has no RMRR for it.`;
		case 'BAR':
			return device !== undefined && device.rid === fault.device?.rid
				? `${range} are the registers of the device itself.`
				: `${range} are registers of ${device === undefined ? 'a device' : deviceText(device)}: DMA from one device to another (peer-to-peer) that nothing mapped.`;
	}
}

const within = (lowest: Halves, highest: Halves, first: Halves, last: Halves): boolean =>
	compareHalves(first, lowest) <= 0 && compareHalves(highest, last) <= 0;
