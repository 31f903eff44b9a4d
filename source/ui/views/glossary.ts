// The terms on the screen, as a teacher would explain them; and the panels in which each is met first.

import type {PanelId} from '../state/views.js';

export type Term = {name: string; meaning: string; panels: readonly PanelId[]};

export const GLOSSARY: readonly Term[] = [
	{
		name: 'DMA',
		meaning: 'Direct memory access: a device reads or writes memory itself, without the CPU.',
		panels: ['model'],
	},
	{
		name: 'IOMMU',
		meaning:
			'The unit between devices and memory. It translates the address of each DMA through page tables and refuses what they do not map. Intel calls it VT-d, AMD calls it AMD-Vi.',
		panels: ['walk', 'host', 'guest', 'domain'],
	},
	{
		name: 'domain',
		meaning:
			'A set of page tables in the IOMMU, and the devices that use it. FreeBSD has one for the host and one for each VM with a passthru device.',
		panels: ['host', 'guest', 'domains', 'domain', 'devices'],
	},
	{
		name: 'host domain',
		meaning:
			'The domain of the host’s own devices, such as its disk controller. It maps every page to itself: IOVA = HPA.',
		panels: ['host', 'map'],
	},
	{
		name: 'IOVA',
		meaning:
			'I/O virtual address: the address that a device puts on the bus, before the IOMMU translates it.',
		panels: ['host', 'domain', 'walk', 'faults'],
	},
	{
		name: 'GPA',
		meaning: 'Guest physical address: what a guest takes for an address of its memory.',
		panels: ['guest', 'model', 'buffer'],
	},
	{
		name: 'HPA',
		meaning: 'Host physical address: where a page really is in the host’s memory.',
		panels: ['guest', 'host', 'map', 'page'],
	},
	{
		name: 'IOTLB',
		meaning:
			'The IOMMU’s cache of translations. Until an entry is invalidated, it answers before the tables do.',
		panels: ['walk', 'traffic'],
	},
	{
		name: 'wired',
		meaning: 'A wired page cannot be moved or paged out. bhyve -S wires a guest’s memory; passthru needs it.',
		panels: ['host', 'map'],
	},
	{
		name: 'ppt',
		meaning:
			'FreeBSD’s driver for PCI passthru: it takes a function from the host so that a VM can have it. ppt0 is the first.',
		panels: ['devices', 'model'],
	},
	{
		name: 'passthru device',
		meaning: 'A device that a VM drives itself. Its DMA is looked up in the guest’s domain, with GPAs.',
		panels: ['devices', 'guest'],
	},
	{
		name: 'RID',
		meaning: 'Requester ID: bus, device and function of whoever puts an address on the bus, such as 0:31:2.',
		panels: ['devices', 'walk', 'faults'],
	},
	{
		name: 'preadv',
		meaning:
			'The system call that reads a file or a disk into several pieces of memory. bhyve calls it with pointers into guest memory.',
		panels: ['model', 'chain'],
	},
	{
		name: 'iovec',
		meaning: 'A pointer and a length: one piece of memory of a preadv call.',
		panels: ['model', 'chain'],
	},
	{
		name: 'block_if',
		meaning:
			'bhyve’s layer between its disk models and the host’s files and disks. A request of several segments on a raw disk goes through its own buffer.',
		panels: ['model', 'chain'],
	},
	{
		name: 'PRD',
		meaning: 'Physical region descriptor: an HPA and a length, as an AHCI controller is given them.',
		panels: ['chain', 'model'],
	},
	{
		name: 'HBA',
		meaning: 'Host bus adapter: the disk controller. It moves the data by DMA.',
		panels: ['model', 'chain'],
	},
	{
		name: 'PTE',
		meaning: 'Page table entry: 64 bits that say where a page is, and whether it may be read and written.',
		panels: ['walk'],
	},
	{
		name: 'fault',
		meaning:
			'A DMA that the IOMMU refused. The device may never tell its driver; the bytes are gone all the same.',
		panels: ['faults', 'fault', 'walk'],
	},
	{
		name: 'policy remove',
		meaning:
			'vmm before D34607: while a VM has a passthru device, its wired pages are taken out of the host domain. A raw disk’s DMA to them faults.',
		panels: ['host', 'model', 'compare'],
	},
	{
		name: 'policy keep',
		meaning: 'D34607: guest memory stays in the host domain, so that the disk’s DMA arrives.',
		panels: ['host', 'model', 'compare'],
	},
	{
		name: 'policy bounce',
		meaning: 'D34535: as remove, and bhyve reads into a buffer of its own and copies each byte.',
		panels: ['model', 'compare', 'buffer'],
	},
	{
		name: 'PR 260178',
		meaning:
			'The FreeBSD bug report: a VM with a passthru device could not read its raw disk, and no error was seen.',
		panels: ['model'],
	},
	{
		name: 'IOMMU group',
		meaning:
			'Devices that the hardware cannot keep apart. Linux passes a group to a VM whole, or not at all.',
		panels: ['groups', 'group'],
	},
];

/** The terms with those of a panel first. */
export const termsFor = (panel: PanelId): readonly Term[] => [
	...GLOSSARY.filter(({panels}) => panels.includes(panel)),
	...GLOSSARY.filter(({panels}) => !panels.includes(panel)),
];
