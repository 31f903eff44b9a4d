// Causes of an access to an unmapped address: what the log itself shows, and the usual ones.

import {bitsOf, compareHalves, type Halves, halves, hexHalves, join64} from '../../formats/address.js';
import {ridBus} from '../../formats/pci.js';
import {deviceText, type LoggedFault} from './fault.js';
import {isPassthrough, type KnownRange, type Surroundings} from './known.js';
import type {Group} from './storm.js';

const MSI_FIRST = halves(0xfee00000);
const MSI_LAST = halves(0xfeefffff);
const PAGE = halves(0x1000);
const MIB = 2 ** 20;
/** The display's window and the BIOS. */
const BIOS_FIRST = halves(0xa0000);
const BIOS_LAST = halves(0xfffff);
const BIOS =
	'0xa0000–0xfffff is the BIOS’s area below 1 MiB: firmware set the device up there and still uses it (USB legacy mode, a management controller). Turn legacy USB or the controller’s virtual devices off in the BIOS.';
/** Linux allocates DMA addresses from 4 GiB down; most drivers need only the top of that range. */
const ALLOCATOR = halves(0xf0000000);
const FOUR_GIB = halves(0xffffffff);
/** The top 256 MiB of 64 bits, where hardly any kernel pointer lies. */
const LAST: Halves = {hi: 0xffffffff, lo: 0xf0000000};
/** Intel’s integrated graphics is always 00:02.0. */
const IGD = 0x10;

/** Whether a guest drives the device. */
export const isGuests = ({driver}: LoggedFault, {device}: Surroundings): boolean =>
	isPassthrough(driver ?? device?.driver);

/** The usual causes of an access to an unmapped address. */
export function accessCauses({fault}: Group, around: Surroundings): readonly string[] {
	const {device, ranges} = around;
	const driver = fault.driver ?? device?.driver;
	if (isPassthrough(driver)) return PASSTHROUGH;
	if (fault.pasid !== undefined) return SHARED;
	return [
		...(isBridge(around) ? [BRIDGE] : []),
		...(around.behind.length > 0 ? [behindWords(fault, around)] : []),
		...graphics(fault),
		...USUAL,
		...(ranges.length > 0 ? [] : otherCauses(fault, device?.class, driver)),
		...phantoms(fault, around),
	];
}

/** More causes, where the log does not show the owner of the address. */
function otherCauses(fault: LoggedFault, pciClass: string | undefined, driver?: string): string[] {
	const {by, access} = fault;
	return [
		...(access === 'write' ? receiving(fault, pciClass, driver) : []),
		...(PCI_FAMILIES.has(fault.family) ? (FIRMWARE[by] ?? []) : []),
		...(driver === undefined && by !== 'QEMU' && PCI_FAMILIES.has(fault.family) ? [MAYBE_GUEST] : []),
	];
}

const PCI_FAMILIES: ReadonlySet<string> = new Set(['vt-d', 'amd-vi']);
/** Drivers of network cards, for logs that do not have the class. */
const NETWORK =
	/^(?:e1000e?|igbv?|igc|ixgbe(?:vf)?|i40e|iavf|ice|r8169|r8125|r8152|tg3|bnx2x?|bnxt_en|mlx[45]_core|atlantic|alx|atl1[ce]|sky2|skge|forcedeth|be2net|cxgb\w*|ena|vmxnet3|virtio_net|iwlwifi|ath\d+\w*|rtw\d+\w*|mt76\w*|brcmfmac|em\d+|ix\d+|re\d+)$/;

/** Only of network cards; where neither class nor driver is known, of what may be one. */
function receiving({device, family}: LoggedFault, pciClass: string | undefined, driver?: string): string[] {
	if (pciClass?.startsWith('02') || NETWORK.test(driver ?? '')) return [RECEIVING];
	if (pciClass !== undefined || driver !== undefined || !PCI_FAMILIES.has(family)) return [];
	// On bus 0 are the chipset's functions.
	return device !== undefined && ridBus(device.rid) > 0
		? [`If this is a network card: ${RECEIVING.charAt(0).toLowerCase()}${RECEIVING.slice(1)}`]
		: [];
}

/** Xen must be told of functions that a card sends as and does not have. */
function phantoms({by, device}: LoggedFault, {device: known, listed}: Surroundings): string[] {
	if (by !== 'Xen' || device === undefined || known !== undefined || !listed) return [];
	const bare = deviceText({rid: device.rid & ~7});
	return [
		`The log lists no such function: if the card sends as one that it does not have, boot Xen with pci-phantom=${bare.slice(0, -2)},1.`,
	];
}

/** A PCIe-to-PCI bridge sends for what is behind it as the first function of its own second bus (PCIe bridge 1.0, 2.3). */
function behindWords({device}: LoggedFault, {behind}: Surroundings): string {
	const bus = device === undefined ? '' : (device.rid >>> 8).toString(16).padStart(2, '0');
	return `No function of the log has this number, but a bridge leads to bus ${bus}: a PCIe-to-PCI bridge sends as ${bus}:00.0 for all behind it, here ${behind.map(deviceText).join(', ')}.`;
}

/** Intel's integrated graphics, at 00:02.0, has its own cause. */
export function graphics({family, by, device, access}: LoggedFault): string[] {
	if (family !== 'vt-d' || device?.rid !== IGD || by === 'QEMU') return [];
	const off = NO_GRAPHICS[by];
	const option =
		off === undefined
			? ''
			: ` ${off} excludes it from translation${by === 'Xen' ? ', where it alone faults' : ''}.`;
	return [`${access === 'write' ? GRAPHICS_WRITES : GRAPHICS}${option}`];
}

/** A bridge to conventional PCI sends with one requester ID for all devices behind it. */
export const isBridge = ({device}: Surroundings): boolean => device?.class?.startsWith('0604') === true;

/** The page is mapped, but not for this kind of access. */
/** The same, where a guest drives it. */
export const GUESTS_DIRECTION =
	'The guest’s driver or firmware, not the host’s, used an address that its VM does not have, or has read-only: its ROM, or memory that is being written to its disk.';
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
const GRAPHICS_WRITES =
	'If this is Intel’s integrated graphics: it wrote where its driver, or firmware before it, had mapped nothing; when a VM starts with it, the host’s display may still be running.';
const NO_GRAPHICS: Partial<Record<LoggedFault['by'], string>> = {
	Linux: 'intel_iommu=igfx_off',
	Xen: 'iommu=no-igfx',
};
const USUAL = [
	'The driver unmapped the buffer while the device still used it, or gave the device a wrong address.',
	'The device was reset, or its driver died, during DMA.',
];
const RECEIVING =
	'The network card was not stopped and still received into buffers that had been unmapped (Wake-on-LAN, a closed driver).';
const UNREPORTED =
	'Firmware uses the device (USB legacy mode, a management controller, Thunderbolt) with memory that it did not report (no RMRR or IVMD).';
const FIRMWARE: Partial<Record<LoggedFault['by'], readonly string[]>> = {
	Linux: [UNREPORTED],
	FreeBSD: [UNREPORTED],
	Xen: [
		`${UNREPORTED} Boot with dom0-iommu=map-inclusive to check (before Xen 4.12, iommu_inclusive_mapping).`,
	],
};
const MAYBE_GUEST =
	'If the device is passed through: the guest gave it an address without memory (another device’s registers), or stopped during DMA.';

const PASSTHROUGH = [
	'The guest gave it an address that its VM does not have: its driver or firmware, not the host’s, used another device’s registers or memory from before a reboot.',
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
	if (lowest === undefined || highest === undefined || fault.kind !== 'access')
		return [...inherited, ...reports(around)];
	const facts = [...around.ranges.map(range => rangeWords(range, group)), ...widthWords(highest, around)];
	if (compareHalves(highest, PAGE) < 0) {
		facts.push('Address 0 comes from a descriptor that was never filled in, or a ring that was not set up.');
		if (fault.access === 'write')
			facts.push(
				'Or this was an MSI whose address register was still 0: the device was told to send interrupts before they were set up.',
			);
	}
	if (within(lowest, highest, BIOS_FIRST, BIOS_LAST)) facts.push(BIOS);
	if (within(lowest, highest, MSI_FIRST, MSI_LAST))
		facts.push(
			'0xfee00000–0xfeefffff is the interrupt range: this was an MSI, or an address mistaken for one.',
		);
	if (bitsOf(lowest) === 64) facts.push(sixtyFour(lowest, fault.family));
	facts.push(...reports(around));
	// A guest allocates its own addresses.
	const linux = fault.by === 'Linux' && !isPassthrough(fault.driver ?? around.device?.driver);
	if (linux && absent) facts.push(...physical(lowest, highest, around));
	if (facts.length === 0 && absent && linux) facts.push(...allocated(lowest, highest));
	if (fault.by === 'Xen') facts.push(...beyondRam(group, around));
	return [...facts, ...inherited, ...stopped(group)];
}

/** VT-d has at most 57 bits; AMD-Vi has all 64, and Linux 5.4 to 6.x allocates from the top. */
function sixtyFour(lowest: Halves, family: LoggedFault['family']): string {
	const all = `${hexHalves(lowest)} uses all 64 bits`;
	return family === 'amd-vi' && compareHalves(lowest, LAST) >= 0
		? `${all}: it may have been mapped (Linux allocates such addresses for a driver with a 64-bit mask), or was never a DMA address.`
		: `${all}: not a DMA address, but a pointer or a corrupted number.`;
}

/** Linux's own addresses for DMA look otherwise: a device that uses RAM's was given them past the DMA API. */
function physical(lowest: Halves, highest: Halves, {ram}: Surroundings): string[] {
	const from = join64(lowest.lo, lowest.hi);
	const to = join64(highest.lo, highest.hi);
	const isRam =
		from >= MIB &&
		ram.some(({first, last}) => compareHalves(first, lowest) <= 0 && compareHalves(highest, last) <= 0);
	const bits = bitsOf(highest);
	const looksSo = ram.length === 0 && bits > 32 && bits <= 40 && to < 2 ** bits * (31 / 32);
	if (!isRam && !looksSo) return [];
	const words = from === to ? hexHalves(lowest) : `${hexHalves(lowest)}–${hexHalves(highest)}`;
	return [
		`${words} ${isRam ? 'is RAM in this log’s memory map' : 'looks like an address of RAM'}, not one that Linux allocates for DMA: a driver or firmware gave the device a physical address, past the DMA API. With iommu=pt it would work, which hides the mistake.`,
	];
}

/** Xen maps all RAM for dom0 one to one. */
function beyondRam({lowest, details}: Group, {ram}: Surroundings): string[] {
	if (lowest === undefined) return [];
	const end = ram.at(-1)?.last;
	if (end !== undefined && ram.every(({last}) => compareHalves(last, lowest) < 0))
		return [`${hexHalves(lowest)} is past the end of RAM (${hexHalves(end)}).`];
	const missing = [...details]
		.map(text => /nothing is mapped in this (\d+ [GT]iB)/.exec(text)?.[1])
		.find(Boolean);
	return missing === undefined
		? []
		: [
				`Xen maps all RAM for dom0 one to one, so this machine has no RAM in that ${missing}: the address is past the end of RAM, or in a hole.`,
			];
}

/** What else the kernel said about the IOMMU itself. */
const reports = ({remarks}: Surroundings): readonly string[] => remarks;

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
