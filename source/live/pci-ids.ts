// Names of PCI devices, from the list that lspci (Linux) and pciconf (FreeBSD) use, where it is installed. A megabyte
// and a half: it is read in pieces, no further than the last name that is asked for.

import fs from 'node:fs';

const PLACES = [
	'/usr/share/misc/pci.ids',
	'/usr/share/hwdata/pci.ids',
	'/usr/share/pci.ids',
	'/usr/share/misc/pci_vendors',
	'/usr/local/share/pciids/pci.ids',
];
const PIECE = 65536;

/** Vendor and product by "8086:10d3"; what is not in the list has no entry. */
export function productNames(
	wanted: ReadonlySet<string>,
	places: readonly string[] = PLACES,
): Map<string, string> {
	const names = new Map<string, string>();
	const path = wanted.size > 0 ? places.find(place => fs.existsSync(place)) : undefined;
	if (path === undefined) return names;
	const vendors = new Set([...wanted].map(id => id.slice(0, 4)));
	let vendor: {id: string; name: string} | undefined;
	for (const line of linesOf(path)) {
		// Classes follow the vendors.
		if (names.size === wanted.size || line.startsWith('C ')) break;
		const [, tab, id, name] = /^(\t?)([0-9a-f]{4})\s+(\S.*)$/.exec(line) ?? [];
		if (id === undefined) continue;
		if (tab === '') vendor = vendors.has(id) ? {id, name} : undefined;
		else if (vendor !== undefined && wanted.has(`${vendor.id}:${id}`))
			names.set(`${vendor.id}:${id}`, Buffer.from(`${vendor.name} ${name}`, 'latin1').toString());
	}
	return names;
}

function* linesOf(path: string): Generator<string> {
	const file = fs.openSync(path, 'r');
	try {
		const piece = Buffer.alloc(PIECE);
		let rest = '';
		for (let read = fs.readSync(file, piece); read > 0; read = fs.readSync(file, piece)) {
			const lines = (rest + piece.toString('latin1', 0, read)).split('\n');
			rest = lines.pop() ?? '';
			yield* lines;
		}
		yield rest;
	} finally {
		fs.closeSync(file);
	}
}
