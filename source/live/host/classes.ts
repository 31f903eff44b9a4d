// What classes of PCI devices are called.

/** Class and subclass, the first four digits, of what machines have (PCI Code and ID Assignment Specification). */
const CLASSES: Record<string, string> = {
	'0100': 'SCSI controller',
	'0101': 'IDE controller',
	'0104': 'RAID controller',
	'0106': 'SATA controller',
	'0107': 'SAS controller',
	'0108': 'NVMe controller',
	'0200': 'Ethernet controller',
	'0280': 'network controller',
	'0300': 'VGA controller',
	'0302': '3D controller',
	'0380': 'display controller',
	'0401': 'audio device',
	'0403': 'audio device',
	'0480': 'multimedia controller',
	'0500': 'RAM controller',
	'0580': 'memory controller',
	'0600': 'host bridge',
	'0601': 'ISA bridge',
	'0604': 'PCI bridge',
	'0680': 'bridge',
	'0700': 'serial controller',
	'0780': 'communication controller',
	'0806': 'IOMMU',
	'0880': 'system peripheral',
	'0c03': 'USB controller',
	'0c05': 'SMBus',
	'0c80': 'serial bus controller',
	'1080': 'encryption controller',
	'1180': 'signal processing controller',
	'1200': 'processing accelerator',
};
/** The class alone, its first two digits, where the subclass is none of those. */
const FAMILIES: Record<string, string> = {
	'01': 'storage controller',
	'02': 'network controller',
	'03': 'display controller',
	'04': 'multimedia controller',
	'06': 'bridge',
	'0c': 'serial bus controller',
	'10': 'encryption controller',
};

export const classWords = (digits: string): string =>
	CLASSES[digits.slice(0, 4)] ?? FAMILIES[digits.slice(0, 2)] ?? 'device';
