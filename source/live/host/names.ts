// What PCI devices are called: classes from a short list, products from the pci.ids that lspci uses, where it is
// installed. Only the lines that are needed are kept of that megabyte and a half.

import type {Tree} from './tree.js';

const PLACES = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids', '/usr/share/pci.ids'];
const LIST_BYTES = 4 << 20;

/** Vendor and product by "8086:10d3"; what is not in the list has no entry. */
export function productNames(tree: Tree, wanted: ReadonlySet<string>): Map<string, string> {
	if (wanted.size === 0) return new Map();
	const keep = (text: string) => wantedLines(text, wanted);
	const list = PLACES.map(place => tree.read(place, keep, LIST_BYTES)).find(text => text !== undefined) ?? '';
	const names = new Map<string, string>();
	let vendor = {id: '', name: ''};
	for (const {tab, id, name} of linesOf(list)) {
		if (!tab) vendor = {id, name};
		else names.set(`${vendor.id}:${id}`, `${vendor.name} ${name}`);
	}
	return names;
}

/** The vendors and products that are asked for, in the list's own format. */
function wantedLines(list: string, wanted: ReadonlySet<string>): string {
	const kept: string[] = [];
	let vendor = {id: '', line: ''};
	for (const {tab, id, line} of linesOf(list)) {
		if (!tab) vendor = {id, line};
		else if (wanted.has(`${vendor.id}:${id}`)) {
			if (vendor.line !== '') kept.push(vendor.line);
			kept.push(line);
			vendor.line = '';
		}
	}
	return kept.map(line => `${line}\n`).join('');
}

function* linesOf(list: string): Generator<{tab: boolean; id: string; name: string; line: string}> {
	for (const [line, tab, id, name] of list.matchAll(
		/^(\t?)([0-9a-f]{4})[ \t]+(\S.*)$|^C [0-9a-f]{2}\b.*$/gm,
	)) {
		// Classes follow the vendors.
		if (id === undefined) return;
		yield {tab: tab !== '', id, name: Buffer.from(name, 'latin1').toString(), line};
	}
}

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
