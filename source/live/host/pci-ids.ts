// What PCI devices are called: pci.ids, the list that lspci (Linux) and pciconf (FreeBSD) use, where it is installed.
// Of that megabyte and a half only the vendors that are asked for are looked at, and only their lines are kept.

import type {Tree} from './tree.js';

const PLACES = [
	'/usr/share/misc/pci.ids',
	'/usr/share/hwdata/pci.ids',
	'/usr/share/pci.ids',
	'/usr/share/misc/pci_vendors',
	'/usr/local/share/pciids/pci.ids',
];
const LIST_BYTES = 4 << 20;
const LINE = /^(\t?)([0-9a-f]{4})[ \t]+(\S.*)$/;

/** Remembers what it was asked for: who looks again and again asks for the same. */
export class PciIds {
	private readonly known = new Map<string, string | undefined>();

	/** Vendor and product by "8086:10d3"; what is not in the list has no entry. */
	names(tree: Tree, wanted: Iterable<string>): Map<string, string> {
		const all = [...wanted];
		const unknown = new Set(all.filter(id => !this.known.has(id)));
		if (unknown.size > 0) {
			const read = readNames(tree, unknown);
			for (const id of unknown) this.known.set(id, read.get(id));
		}
		return new Map(
			all.flatMap((id): [string, string][] => {
				const name = this.known.get(id);
				return name === undefined ? [] : [[id, name]];
			}),
		);
	}
}

function readNames(tree: Tree, wanted: ReadonlySet<string>): Map<string, string> {
	const keep = (list: string) => wantedLines(list, wanted);
	const kept = PLACES.map(place => tree.read(place, keep, LIST_BYTES)).find(text => text !== undefined) ?? '';
	const names = new Map<string, string>();
	let vendor = {id: '', name: ''};
	for (const line of kept.split('\n')) {
		const [, tab, id, bytes] = LINE.exec(line) ?? [];
		if (id === undefined) continue;
		const name = Buffer.from(bytes, 'latin1').toString();
		if (tab === '') vendor = {id, name};
		else names.set(`${vendor.id}:${id}`, `${vendor.name} ${name}`);
	}
	return names;
}

/** The vendors and products that are asked for, in the list's own format and order. */
function wantedLines(list: string, wanted: ReadonlySet<string>): string {
	const vendors = [...new Set([...wanted].map(id => id.slice(0, 4)))].sort();
	return vendors.flatMap(vendor => vendorLines(list, vendor, wanted)).join('');
}

/** A vendor's line and those of its products, where there is one that is asked for. */
function vendorLines(list: string, vendor: string, wanted: ReadonlySet<string>): string[] {
	const kept: string[] = [];
	for (let at = startOf(list, vendor); at < list.length; ) {
		const end = (list.indexOf('\n', at) + 1 || list.length + 1) - 1;
		const line = list.slice(at, end);
		const [, tab, id] = LINE.exec(line) ?? [];
		if (kept.length === 0) kept.push(`${line}\n`);
		// The next vendor, or after all of them the classes.
		else if (/^[^\t#]/.test(line)) break;
		else if (tab === '\t' && wanted.has(`${vendor}:${id}`)) kept.push(`${line}\n`);
		at = end + 1;
	}
	return kept.length > 1 ? kept : [];
}

/** Where a vendor's line begins; past the end where there is none. */
function startOf(list: string, vendor: string): number {
	const begins = (at: number) => list.startsWith(vendor, at) && /[ \t]/.test(list.charAt(at + 4));
	if (begins(0)) return 0;
	for (let at = list.indexOf(`\n${vendor}`); at >= 0; at = list.indexOf(`\n${vendor}`, at + 1))
		if (begins(at + 1)) return at + 1;
	return list.length;
}
