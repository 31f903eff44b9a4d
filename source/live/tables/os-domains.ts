// The domains that a kernel has created for its devices, found in VT-d's root and context tables or in AMD-Vi's device
// table: a guest's kernel in QEMU, or this host's own.

import {startOf} from '../../explain/walk.js';
import {isScalable} from '../../explain/walk-scalable.js';
import {PAGE_SIZE} from '../../formats/address.js';
import {DTE_BYTES} from '../../formats/amdvi.js';
import {decodeDte} from '../../formats/amdvi-tables.js';
import {type Rid, ridText} from '../../formats/pci.js';
import * as scalable from '../../formats/vtd-scalable.js';
import {decodeContext, decodeRoot} from '../../formats/vtd-tables.js';
import type {Device} from '../../machine/observed.js';
import type {AmdviUnit, Domain, OneUnit, VtdUnit} from '../../machine/tables.js';
import {grouped} from '../../words.js';
import {changedWindows, MOST_MAPPINGS, MOST_TABLES, updated} from './mapped.js';
import type {LiveMemory, TablePages, TableView} from './table-pages.js';

export type OsDomains = {
	domains: readonly Domain[];
	devices: readonly Device[];
	/** For each unit, its functions: those that were known, and any others that its tables name. */
	rids: readonly (readonly Rid[])[];
	/** A sentence for each domain that was not decoded. */
	undecoded: readonly string[];
};

/** A unit and the functions behind it. `segment`: of its requester IDs, whose bits 31:16 it then is. */
export type UnitFunctions = {
	unit: OneUnit;
	name: string;
	segment: number;
	functions: readonly {rid: Rid; name: string}[];
};

type Changes = Awaited<ReturnType<typeof changedWindows>>;

/**
 * Reads all tables. An unchanged domain keeps its identity.
 * @param beyond the high address bits that no physical address has
 * @returns undefined if the entries that lead to the domains changed meanwhile
 */
export async function readDomains<Memory extends LiveMemory>(
	pages: TablePages<Memory>,
	view: TableView,
	units: readonly UnitFunctions[],
	before: readonly Domain[],
	beyond = 0,
): Promise<OsDomains | undefined> {
	const claimed = new Set(units.flatMap(({functions}) => functions.map(({rid}) => rid)));
	const domains: Domain[] = [];
	const devices: Device[] = [];
	const rids: Rid[][] = [];
	const starts = new Set<number>();
	for (const [i, {unit, name, segment, functions}] of units.entries()) {
		const named = new Map(functions.map(each => [each.rid, each.name]));
		const found = unit.enabled ? await ridsIn(view, unit, starts) : [];
		const own = found.map(rid => segment * 0x10000 + rid).filter(rid => !claimed.has(rid));
		const all = [...new Set([...named.keys(), ...own])].sort((a, b) => a - b);
		rids.push(all);
		for (const rid of all) {
			claimed.add(rid);
			const {tables, untranslated} = await placeOf(view, unit, rid, starts);
			const domain = tables && joined(domains, before, inUnit(tables, i, name));
			devices.push({
				rid,
				name: named.get(rid) ?? `function ${ridText(rid)}`,
				driver: '',
				domain,
				untranslated,
			});
		}
	}
	domains.sort((a, b) => a.id - b.id);

	const changes = new Map<Domain, Changes>();
	for (const domain of domains)
		if (domain.levels > 0) changes.set(domain, await changedWindows(view, domain, beyond));
	if (view.guarded) for (const start of starts) if (!(await view.isSame(start))) return undefined;
	pages.adopt(view);
	const decoded = domains.map(domain => decode(pages, domain, changes));
	return {
		domains: decoded,
		devices,
		rids,
		undecoded: domains.flatMap((domain, i) => {
			if (changes.has(domain) && changes.get(domain) === undefined)
				return `Domain ${domain.id} is not decoded: it has more than ${grouped(MOST_TABLES)} tables, or a table that leads back to itself.`;
			return isFull(decoded[i])
				? `Domain ${domain.id} is shown in part: its first ${grouped(MOST_MAPPINGS)} mappings.`
				: [];
		}),
	};
}

/** Ids are a unit's own: those of further units get a number of theirs, and a name. */
const inUnit = (domain: Domain, unit: number, name: string): Domain =>
	unit === 0 ? domain : {...domain, id: unit * 0x10000 + domain.id, label: `${domain.id} of ${name}`};

/** Adds a domain unless it is there. One domain may be in several units, under another id in each. */
function joined(domains: Domain[], before: readonly Domain[], tables: Domain): number {
	const same = (each: Domain) => sameTables(each, tables);
	const known =
		domains.find(same) ??
		domains.find(
			each =>
				tables.root !== 0 &&
				unitOf(each) !== unitOf(tables) &&
				each.root === tables.root &&
				each.levels === tables.levels,
		);
	if (known !== undefined) return known.id;
	const domain = before.find(same) ?? tables;
	domains.push(domain);
	return domain.id;
}

const unitOf = ({id}: Domain): number => Math.floor(id / 0x10000);

function decode(
	pages: {page(hpa: number): Uint32Array | undefined},
	domain: Domain,
	changes: ReadonlyMap<Domain, Changes>,
): Domain {
	if (domain.levels === 0) return domain;
	const windows = changes.get(domain);
	if (windows === undefined) return {...domain, mappings: []};
	const known = domain.mappings;
	if (known !== undefined && windows.length === 0) return domain;
	// A domain without mappings yet is decoded as a whole, even where it shares a table that is cached.
	const all = known === undefined || isFull(domain) ? [{from: 0, to: Number.POSITIVE_INFINITY}] : windows;
	return {...domain, mappings: updated(pages, domain, isFull(domain) ? [] : (known ?? []), all)};
}

const isFull = ({mappings = []}: Domain): boolean => mappings.length >= MOST_MAPPINGS;

const sameTables = (a: Domain, b: Domain): boolean =>
	a.id === b.id && a.root === b.root && a.levels === b.levels && a.format === b.format;

/** The functions with an entry in the tables. Their pages become part of the view, and of `starts`. */
function ridsIn(view: TableView, unit: OneUnit, starts: Set<number>): Promise<Rid[]> {
	if (unit.format === 'amd-vi') return amdviRids(view, unit, starts);
	return isScalable(unit) ? scalableRids(view, unit, starts) : vtdRids(view, unit, starts);
}

async function startPage(
	view: TableView,
	hpa: number,
	starts: Set<number>,
): Promise<Uint32Array | undefined> {
	const page = hpa - (hpa % PAGE_SIZE);
	const words = (await view.at(page))?.words;
	if (words !== undefined) starts.add(page);
	return words;
}

async function vtdRids(view: TableView, {table}: VtdUnit, starts: Set<number>): Promise<Rid[]> {
	const root = await startPage(view, table, starts);
	const found: Rid[] = [];
	for (let bus = 0; root !== undefined && bus < 256; bus++) {
		const {present, contextTable} = decodeRoot(root[4 * bus], root[4 * bus + 1]);
		const words = present ? await startPage(view, contextTable, starts) : undefined;
		for (let devfn = 0; words !== undefined && devfn < 256; devfn++) {
			const at = 4 * devfn;
			if (decodeContext(words[at], words[at + 1], words[at + 2]).present) found.push((bus << 8) | devfn);
		}
	}
	return found;
}

/** A root entry leads to two context tables of 128 entries of 32 bytes. */
async function scalableRids(view: TableView, {table}: VtdUnit, starts: Set<number>): Promise<Rid[]> {
	const root = await startPage(view, table, starts);
	const found: Rid[] = [];
	for (let half = 0; root !== undefined && half < 512; half++) {
		const {present, contextTable} = scalable.decodeRootHalf(root[2 * half], root[2 * half + 1]);
		const words = present ? await startPage(view, contextTable, starts) : undefined;
		for (let i = 0; words !== undefined && i < 128; i++)
			if ((words[8 * i] & 1) !== 0) found.push(half * 128 + i);
	}
	return found;
}

/** Skip entries without levels: Linux writes them for IDs that no device has. */
async function amdviRids(view: TableView, {table, bytes}: AmdviUnit, starts: Set<number>): Promise<Rid[]> {
	const found: Rid[] = [];
	for (let offset = 0; offset < bytes; offset += PAGE_SIZE) {
		const words = await startPage(view, table + offset, starts);
		for (let at = 0; words !== undefined && at < Math.min(PAGE_SIZE, bytes - offset); at += DTE_BYTES) {
			if (words[at / 4] === 0) continue;
			const entry = decodeDte(words[at / 4], words[at / 4 + 1], words[at / 4 + 2]);
			if (entry.valid && entry.translates && entry.levels > 0) found.push((offset + at) / DTE_BYTES);
		}
	}
	return found;
}

type Placed = {tables?: Domain; untranslated: boolean};

/** Where a function's entry leads. A domain without levels passes every address through. */
async function placeOf(view: TableView, unit: OneUnit, rid: Rid, starts: Set<number>): Promise<Placed> {
	if (!unit.enabled) return {untranslated: true};
	if (unit.format === 'vt-d' && isScalable(unit)) await readPasid(view, unit, rid, starts);
	const start = startOf(view, unit, rid);
	if (start.to === 'fault') return {untranslated: false};
	if (start.to === 'tables') {
		const {domain: id, format, root, levels} = start;
		return {tables: {id, role: 'os', format, root, levels}, untranslated: false};
	}
	if (start.domain === undefined) return {untranslated: true};
	if (!start.read && !start.write) return {untranslated: false};
	const {format} = unit;
	return {tables: {id: start.domain, role: 'os', format, root: 0, levels: 0}, untranslated: false};
}

/** Brings the pages that lead to a function's PASID into the view. */
async function readPasid(
	view: TableView,
	unit: VtdUnit & scalable.ScalableLimits,
	rid: Rid,
	starts: Set<number>,
): Promise<void> {
	const root = await startPage(view, unit.table, starts);
	const half = ((rid >>> 7) & 0x1ff) * 2;
	const entry = root && scalable.decodeRootHalf(root[half], root[half + 1]);
	const table = entry?.present ? await startPage(view, entry.contextTable, starts) : undefined;
	const at = (rid & 127) * 8;
	if (table === undefined || (table[at] & 1) === 0) return;
	const {directory, pasid} = scalable.decodeContext(table[at], table[at + 1], table[at + 2], unit);
	const leaf = directory + 8 * Math.floor(pasid / scalable.PASIDS_PER_TABLE);
	const words = await startPage(view, leaf, starts);
	const index = (leaf % PAGE_SIZE) / 4;
	if (words === undefined || (words[index] & 1) === 0) return;
	await startPage(view, scalable.decodeDirectory(words[index], words[index + 1]).table, starts);
}
