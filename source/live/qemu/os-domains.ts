// The domains that a guest's kernel has created for its devices, found in VT-d's root and context tables or in AMD-Vi's
// device table.

import {startOf} from '../../explain/walk.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {DTE_BYTES} from '../../formats/amdvi.js';
import {decodeDte} from '../../formats/amdvi-tables.js';
import {type Rid, ridText} from '../../formats/pci.js';
import {decodeContext, decodeRoot} from '../../formats/vtd-tables.js';
import type {Device} from '../../machine/observed.js';
import type {AmdviUnit, Domain, Unit, VtdUnit} from '../../machine/tables.js';
import {grouped} from '../../words.js';
import type {QemuDevice} from './devices.js';
import {changedWindows, MOST_TABLES, updated} from './mapped.js';
import type {TablePages, TableView} from './table-pages.js';

export type OsDomains = {
	domains: readonly Domain[];
	devices: readonly Device[];
	/** A sentence for each domain that was not decoded. */
	undecoded: readonly string[];
};

/**
 * Reads all tables. An unchanged domain keeps its identity.
 * The devices are the functions that QEMU lists, and any others that the tables name.
 */
export async function readDomains(
	pages: TablePages,
	view: TableView,
	unit: Unit,
	functions: readonly QemuDevice[],
	before: readonly Domain[],
): Promise<OsDomains> {
	const named = new Map(functions.map(({rid, name}) => [rid, name]));
	const rids = new Set(functions.map(({rid}) => rid));
	if (unit.enabled) for (const rid of await ridsIn(view, unit)) rids.add(rid);

	const domains: Domain[] = [];
	const devices = [...rids]
		.sort((a, b) => a - b)
		.map((rid): Device => {
			const {tables, untranslated} = placeOf(view, unit, rid);
			let domain = tables && domains.find(each => sameTables(each, tables));
			if (tables !== undefined && domain === undefined) {
				domain = before.find(each => sameTables(each, tables)) ?? tables;
				domains.push(domain);
			}
			const name = named.get(rid) ?? `function ${ridText(rid)}`;
			return {rid, name, driver: '', domain: domain?.id, untranslated};
		});
	domains.sort((a, b) => a.id - b.id);

	const changes = new Map<Domain, Awaited<ReturnType<typeof changedWindows>>>();
	for (const domain of domains)
		if (domain.levels > 0) changes.set(domain, await changedWindows(view, domain));
	pages.adopt(view);
	const endless = domains.filter(domain => changes.has(domain) && changes.get(domain) === undefined);
	return {
		domains: domains.map(domain => {
			if (domain.levels === 0) return domain;
			const windows = changes.get(domain);
			if (windows === undefined) return {...domain, mappings: []};
			const known = domain.mappings;
			if (known !== undefined && windows.length === 0) return domain;
			// A domain without mappings yet is decoded as a whole, even where it shares a table that is cached.
			const all = known === undefined ? [{from: 0, to: Number.POSITIVE_INFINITY}] : windows;
			return {...domain, mappings: updated(pages, domain, known ?? [], all)};
		}),
		devices,
		undecoded: endless.map(
			({id}) =>
				`Domain ${id} is not decoded: it has more than ${grouped(MOST_TABLES)} tables, or a table that leads back to itself.`,
		),
	};
}

const sameTables = (a: Domain, b: Domain): boolean =>
	a.id === b.id && a.root === b.root && a.levels === b.levels && a.format === b.format;

/** The functions with an entry in the tables. Their pages become part of the view. */
const ridsIn = (view: TableView, unit: Unit): Promise<Rid[]> =>
	unit.format === 'vt-d' ? vtdRids(view, unit) : amdviRids(view, unit);

async function vtdRids(view: TableView, {table}: VtdUnit): Promise<Rid[]> {
	const root = (await view.at(table))?.words;
	const found: Rid[] = [];
	for (let bus = 0; root !== undefined && bus < 256; bus++) {
		const {present, contextTable} = decodeRoot(root[4 * bus], root[4 * bus + 1]);
		const words = present ? (await view.at(contextTable))?.words : undefined;
		for (let devfn = 0; words !== undefined && devfn < 256; devfn++) {
			const at = 4 * devfn;
			if (decodeContext(words[at], words[at + 1], words[at + 2]).present) found.push((bus << 8) | devfn);
		}
	}
	return found;
}

/** Skip entries without levels: Linux writes them for IDs that no device has. */
async function amdviRids(view: TableView, {table, bytes}: AmdviUnit): Promise<Rid[]> {
	const found: Rid[] = [];
	for (let offset = 0; offset < bytes; offset += PAGE_SIZE) {
		const words = (await view.at(table + offset))?.words;
		for (let at = 0; words !== undefined && at < PAGE_SIZE; at += DTE_BYTES) {
			if (words[at / 4] === 0) continue;
			const entry = decodeDte(words[at / 4], words[at / 4 + 1], words[at / 4 + 2]);
			if (entry.valid && entry.translates && entry.levels > 0) found.push((offset + at) / DTE_BYTES);
		}
	}
	return found;
}

type Placed = {tables?: Domain; untranslated: boolean};

/** Where a function's entry leads. A domain without levels passes every address through. */
function placeOf(view: TableView, unit: Unit, rid: Rid): Placed {
	if (!unit.enabled) return {untranslated: true};
	const start = startOf(view, unit, rid);
	const {format} = unit;
	if (start.to === 'fault') return {untranslated: false};
	if (start.to === 'tables') {
		const {domain: id, root, levels} = start;
		return {tables: {id, role: 'os', format, root, levels}, untranslated: false};
	}
	if (start.domain === undefined) return {untranslated: true};
	if (!start.read && !start.write) return {untranslated: false};
	return {tables: {id: start.domain, role: 'os', format, root: 0, levels: 0}, untranslated: false};
}
