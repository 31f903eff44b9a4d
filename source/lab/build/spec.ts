// The parts of a machine before it is powered on: the default, and the PCI functions that follow from them.

import {PAGE_SIZE} from '../../formats/address.js';
import {parseRid, type Rid} from '../../formats/pci.js';
import type {GuestSpec, MachineSpec} from '../../machine/command.js';

export const DEFAULT_MEMORY = 256 * 1024 ** 2;

/** Two guests, the first with a passthru device: the story of PR 260178. */
export const defaultSpec = (hostMemory: number): MachineSpec => ({
	iommu: 'vt-d',
	hostMemory,
	policy: 'remove',
	hostPtp: true,
	returnsToHost: false,
	hba: 'silent',
	pptdevs: ['4:0:0'],
	guests: [{...defaultGuest('vm0', hostMemory), passthru: ['ppt0']}, defaultGuest('vm1', hostMemory)],
});

const defaultGuest = (name: string, hostMemory: number): GuestSpec => ({
	name,
	memory: quarterOf(hostMemory),
	wired: true,
	model: 'virtio-blk',
	disk: 'ada0',
	passthru: [],
});

/** The default memory of a guest, in whole pages. */
export const quarterOf = (bytes: number): number => Math.floor(bytes / 4 / PAGE_SIZE) * PAGE_SIZE;

/** The same guests without passthru devices, which need an IOMMU. */
export const withoutPassthru = (machine: MachineSpec): MachineSpec => ({
	...machine,
	guests: machine.guests.map(guest => ({...guest, passthru: []})),
});

/** Functions that every lab has. A function that carries a disk stays with the host. */
export const HOST_FUNCTIONS = [
	{name: 'xhci0', selector: '0:20:0', driver: 'xhci', carries: 'da0'},
	{name: 'em0', selector: '0:25:0', driver: 'em', carries: undefined},
	{name: 'ahci0', selector: '0:31:2', driver: 'ahci', carries: 'ada0'},
] as const;

/** A function, and its driver unless ppt has it; `carries` is the disk behind it. */
export type PciFunction = {rid: Rid; name: string; driver: string; carries?: string};

/** Selectors were checked when the machine's parts were parsed. */
const ridOfSelector = (selector: string): Rid => parseRid(selector) ?? 0;

export const functionsOf = ({pptdevs}: MachineSpec): PciFunction[] => [
	...HOST_FUNCTIONS.map(({selector, ...rest}) => ({rid: ridOfSelector(selector), ...rest})),
	// Network cards, the usual device to pass through.
	...pptdevs.map((selector, i) => ({rid: ridOfSelector(selector), name: `igb${i}`, driver: 'igb'})),
];

export const ridIn = (functions: readonly PciFunction[], name: string): Rid =>
	functions.find(candidate => candidate.name === name)?.rid ?? 0;
