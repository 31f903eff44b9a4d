// VT-d's page tables as the kernel shows them to root: /sys/kernel/debug/iommu/intel, in kernels built with
// INTEL_IOMMU_DEBUGFS (Linux's drivers/iommu/intel/debugfs.c).

import {type Halves, pageAddress, parseHalves} from '../../formats/address.js';
import {PRESENT} from '../../formats/vtd.js';
import {decodeContext} from '../../formats/vtd-tables.js';
import type {Settings} from './settings.js';
import {type TableDump, tableDumps} from './table-dump.js';
import type {Tree} from './tree.js';
import {isSince} from './units.js';

export type DeviceTables =
	| ({id: string} & TableDump)
	/** No tables, tables that must not be read, or tables that could not be read. */
	| {id: string; why: 'pass-through' | 'unknown' | 'unreadable'};

const FOLDER = '/sys/kernel/debug/iommu/intel';
/**
 * The file has a line per page: two gigabytes for a guest of 64 GiB in 4 KiB pages. The kernel writes all of it under a
 * lock before it returns the first byte, so no tables are read twice.
 */
const TABLE_BYTES = 1 << 20;
const ALL_BYTES = 4 << 20;
/** The tree trims trailing white space: at most three tabs, and the newline of a whole file. */
const SPACE = 4;
const CONTEXT_BYTES = 4 << 20;

export function readPageTables(tree: Tree, {release}: Settings): DeviceTables[] {
	const devices = tree
		.list(FOLDER)
		.filter(name => /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(name));
	const isOld = !isSince(release, 6, 7);
	if (!isOld && devices.length === 0) return [];
	const contexts = contextsOf(
		tree.read(`${FOLDER}/dmar_translation_struct`, keepContexts, CONTEXT_BYTES) ?? '',
	);
	return isOld ? readShared(tree, contexts) : readEach(tree, contexts, devices);
}

/**
 * Tables that were cut are not read again: the kernel writes all of their text, however little of it is read.
 */
export const hasCutTables = (tables: readonly DeviceTables[]): boolean =>
	tables.some(each => 'cut' in each && each.cut);

/**
 * Before 6.7 one file has all tables, a group's once per device, under the first device's name. The tables listed for a
 * device in pass-through are not in use.
 */
function readShared(tree: Tree, contexts: Contexts): DeviceTables[] {
	const found = new Map<string, DeviceTables>();
	for (const [id, dump] of dumpsIn(tree, 'domain_translation_struct', ALL_BYTES) ?? []) {
		const unused = contexts.get(shortOf(id))?.includes('pass-through');
		if (!found.has(id)) found.set(id, unused ? {id, why: 'pass-through'} : {id, ...dump});
	}
	return [...found.values()];
}

/**
 * From 6.7 until a fix of 2025 the kernel reads address 0 as the tables of a device in pass-through. So read only the
 * tables of devices that are known to have some, and only once per domain.
 */
function readEach(tree: Tree, contexts: Contexts, devices: readonly string[]): DeviceTables[] {
	const byRoot = new Map<number, TableDump>();
	const bySlot = Map.groupBy(devices, shortOf);
	return devices.map(id => {
		const rows = contexts.get(shortOf(id)) ?? [];
		const [root] = rows;
		if (root === undefined) return {id, why: 'unknown'};
		if (rows.includes('pass-through')) return {id, why: 'pass-through'};
		// The rows do not name the segment: with a second segment, the root could be either device's.
		const isUnique = bySlot.get(shortOf(id))?.length === 1 && rows.length === 1;
		const shared = isUnique && root !== 'pass-through' ? byRoot.get(root) : undefined;
		const dump = shared ?? dumpsIn(tree, `${id}/domain_translation_struct`, TABLE_BYTES)?.[0]?.[1];
		if (dump === undefined) return {id, why: 'unreadable'};
		byRoot.set(dump.root, dump);
		return {id, ...dump};
	});
}

function dumpsIn(tree: Tree, file: string, limit: number): [id: string, dump: TableDump][] | undefined {
	const text = tree.read(`${FOLDER}/${file}`, text => text, limit);
	return text === undefined ? undefined : tableDumps(text, text.length > limit - SPACE);
}

/** The table roots by bus, device and function: one for each segment. */
type Contexts = ReadonlyMap<string, readonly (number | 'pass-through')[]>;
const shortOf = (id: string): string => id.slice(-7);

/** 05:00.0 and its root, context and PASID entries, for requests without a PASID (PASID 0 or none). */
const ROW =
	/^([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\s+0x[0-9a-f]+:0x[0-9a-f]+\s+0x[0-9a-f]+:0x([0-9a-f]{1,16})\s+(-1|0)\s+0x([0-9a-f]{1,16}):0x[0-9a-f]+:0x([0-9a-f]{1,16})$/;
/** A list that is cut is ignored: the row that matters may be missing. */
const keepContexts = (text: string): string =>
	text.length < CONTEXT_BYTES
		? text
				.split('\n')
				.filter(line => ROW.test(line))
				.join('\n')
		: '';

function contextsOf(text: string): Contexts {
	const found = new Map<string, (number | 'pass-through')[]>();
	for (const line of text.split('\n')) {
		const [, id, context, pasid, third, first] = ROW.exec(line) ?? [];
		if (id === undefined) continue;
		const root = pasid === '-1' ? rootOf(word(context)) : pasidRootOf(word(first), word(third));
		const roots = found.get(id) ?? [];
		roots.push(root ?? 'pass-through');
		found.set(id, roots);
	}
	return found;
}

const word = (digits: string): Halves => parseHalves(digits) ?? {lo: 0, hi: 0};
/** Types 0 and 1 have tables; 2 is pass-through. */
function rootOf({lo, hi}: Halves): number | undefined {
	const {present, type, root} = decodeContext(lo, hi, 0);
	return present && type < 2 ? root : undefined;
}
/** PGTT, bits 8:6 of a PASID entry: 1 first-level, with its own root; 2 second-level, 3 nested, 4 pass-through. */
function pasidRootOf(first: Halves, third: Halves): number | undefined {
	const type = (first.lo >>> 6) & 7;
	if ((first.lo & PRESENT) === 0 || type < 1 || type > 3) return undefined;
	return type === 1 ? pageAddress(third.lo, third.hi) : pageAddress(first.lo, first.hi);
}
