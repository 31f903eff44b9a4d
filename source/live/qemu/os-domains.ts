// The domains that a machine's own kernel has made for its devices: which there are is read from VT-d's root and
// context tables, or from AMD-Vi's device table.

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
import type {Look, TablePages} from './table-pages.js';

export type Os = {
	domains: readonly Domain[];
	devices: readonly Device[];
	/** Sentences about what was not decoded. */
	undecoded: readonly string[];
};

/**
 * Looks at all tables. A domain that is as it was before is the same object as before.
 * The functions are those that QEMU names, and any other that the tables name.
 */
export async function lookAtDomains(
	pages: TablePages,
	look: Look,
	unit: Unit,
	functions: readonly QemuDevice[],
	before: readonly Domain[],
): Promise<Os> {
	const named = new Map(functions.map(({rid, name}) => [rid, name]));
	const rids = new Set(functions.map(({rid}) => rid));
	if (unit.enabled) for (const rid of await ridsIn(look, unit)) rids.add(rid);

	const domains: Domain[] = [];
	const devices = [...rids]
		.sort((a, b) => a - b)
		.map((rid): Device => {
			const {tables, untranslated} = placeOf(look, unit, rid);
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
		if (domain.levels > 0) changes.set(domain, await changedWindows(look, domain));
	pages.take(look);
	const endless = domains.filter(domain => changes.has(domain) && changes.get(domain) === undefined);
	return {
		domains: domains.map(domain => {
			if (domain.levels === 0) return domain;
			const windows = changes.get(domain);
			if (windows === undefined) return {...domain, mappings: []};
			const known = domain.mappings;
			if (known !== undefined && windows.length === 0) return domain;
			// What was never decoded, or shared a table that is known already, is decoded as a whole.
			const all = known === undefined ? [{from: 0, to: Number.POSITIVE_INFINITY}] : windows;
			return {...domain, mappings: updated(pages, domain, known ?? [], all)};
		}),
		devices,
		undecoded: endless.map(
			({id}) =>
				`Domain ${id} has more than ${grouped(MOST_TABLES)} tables, or some that lead back to themselves: it is not decoded.`,
		),
	};
}

const sameTables = (a: Domain, b: Domain): boolean =>
	a.id === b.id && a.root === b.root && a.levels === b.levels && a.format === b.format;

/** The functions that the tables have an entry for; the entries are looked at then. */
const ridsIn = (look: Look, unit: Unit): Promise<Rid[]> =>
	unit.format === 'vt-d' ? vtdRids(look, unit) : amdviRids(look, unit);

async function vtdRids(look: Look, {table}: VtdUnit): Promise<Rid[]> {
	const root = (await look.at(table))?.words;
	const found: Rid[] = [];
	for (let bus = 0; root !== undefined && bus < 256; bus++) {
		const {present, contextTable} = decodeRoot(root[4 * bus], root[4 * bus + 1]);
		const words = present ? (await look.at(contextTable))?.words : undefined;
		for (let devfn = 0; words !== undefined && devfn < 256; devfn++) {
			const at = 4 * devfn;
			if (decodeContext(words[at], words[at + 1], words[at + 2]).present) found.push((bus << 8) | devfn);
		}
	}
	return found;
}

/** Skip entries without levels: Linux marks ids without a device like that. */
async function amdviRids(look: Look, {table, bytes}: AmdviUnit): Promise<Rid[]> {
	const found: Rid[] = [];
	for (let offset = 0; offset < bytes; offset += PAGE_SIZE) {
		const words = (await look.at(table + offset))?.words;
		for (let at = 0; words !== undefined && at < PAGE_SIZE; at += DTE_BYTES) {
			if (words[at / 4] === 0) continue;
			const entry = decodeDte(words[at / 4], words[at / 4 + 1], words[at / 4 + 2]);
			if (entry.valid && entry.translates && entry.levels > 0) found.push((offset + at) / DTE_BYTES);
		}
	}
	return found;
}

type Placed = {tables?: Domain; untranslated: boolean};

/** Where a function is by its entry; a domain without levels passes every address through. */
function placeOf(look: Look, unit: Unit, rid: Rid): Placed {
	if (!unit.enabled) return {untranslated: true};
	const start = startOf(look, unit, rid);
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
