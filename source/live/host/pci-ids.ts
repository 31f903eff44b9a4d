// The names of PCI devices, from pci.ids, the list that lspci (Linux) and pciconf (FreeBSD) use. Of its 1.5 MB only the
// lines of the wanted devices are parsed and captured.

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

/** Names are cached: every reading of a host needs the same ones. */
export class PciIds {
	private readonly cached = new Map<string, string | undefined>();

	/** Vendor and product by "8086:10d3", where the list has them. */
	names(tree: Tree, wanted: Iterable<string>): Map<string, string> {
		const all = [...wanted];
		const unknown = new Set(all.filter(id => !this.cached.has(id)));
		if (unknown.size > 0) {
			const read = readNames(tree, unknown);
			for (const id of unknown) this.cached.set(id, read.get(id));
		}
		return new Map(
			all.flatMap((id): [string, string][] => {
				const name = this.cached.get(id);
				return name === undefined ? [] : [[id, name]];
			}),
		);
	}
}

function readNames(tree: Tree, wanted: ReadonlySet<string>): Map<string, string> {
	const keep = (list: string) => wantedLines(list, wanted);
	const lines =
		PLACES.map(place => tree.read(place, keep, LIST_BYTES)).find(text => text !== undefined) ?? '';
	const names = new Map<string, string>();
	let vendor = {id: '', name: ''};
	for (const line of lines.split('\n')) {
		const [, tab, id, bytes] = LINE.exec(line) ?? [];
		if (id === undefined) continue;
		const name = Buffer.from(bytes, 'latin1').toString();
		if (tab === '') vendor = {id, name};
		else names.set(`${vendor.id}:${id}`, `${vendor.name} ${name}`);
	}
	return names;
}

const TAB = 9;
const HASH = 35;

/** The lines of the wanted vendors and products, in the list's own format and order, found in one pass. */
function wantedLines(list: string, wanted: ReadonlySet<string>): string {
	const vendors = new Set([...wanted].map(id => id.slice(0, 4)));
	const wantedText: string[] = [];
	let vendor = '';
	let head = '';
	for (let at = 0, end = 0; at < list.length && (vendors.size > 0 || vendor !== ''); at = end + 1) {
		end = (list.indexOf('\n', at) + 1 || list.length + 1) - 1;
		const first = list.charCodeAt(at);
		if (end === at || first === HASH) continue;
		if (first === TAB) {
			const [line, tab, id] = (vendor !== '' && LINE.exec(list.slice(at, end))) || [];
			if (tab !== '\t' || !wanted.has(`${vendor}:${id}`)) continue;
			wantedText.push(head, `${line}\n`);
			head = '';
		} else {
			// Another vendor, or the classes after the last vendor.
			const id = /[ \t]/.test(list.charAt(at + 4)) ? list.slice(at, at + 4) : '';
			vendor = vendors.delete(id) ? id : '';
			head = `${list.slice(at, end)}\n`;
		}
	}
	return wantedText.join('');
}
