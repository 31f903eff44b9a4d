// Page tables, where the kernel shows them: /sys/kernel/debug/iommu/intel, of kernels built with
// INTEL_IOMMU_DEBUGFS, for root alone (Linux's drivers/iommu/intel/debugfs.c).

import {type Halves, pageAddress, parseHalves} from '../../formats/address.js';
import {PRESENT} from '../../formats/vtd.js';
import {decodeContext} from '../../formats/vtd-tables.js';
import type {Settings} from './settings.js';
import {type TableDump, tableDumps} from './table-dump.js';
import type {Tree} from './tree.js';
import {isSince} from './units.js';

export type DeviceTables =
	| ({id: string} & TableDump)
	/** Nothing to walk, not to be walked, or gone by the time it was. */
	| {id: string; why: 'pass-through' | 'unknown' | 'unreadable'};

const FOLDER = '/sys/kernel/debug/iommu/intel';
/**
 * A line for each page: a guest of 64 GiB in pages of 4 KiB would be two gigabytes of them. The kernel makes all of them
 * before it hands out the first, and holds a lock meanwhile: no tables are asked for twice.
 */
const TABLE_BYTES = 1 << 20;
const ALL_BYTES = 4 << 20;
/** White space at the end of what was read is taken away by the tree: three tabs at most, and of a whole file a line's end. */
const SPACE = 4;
const CONTEXT_BYTES = 4 << 20;

export function readPageTables(tree: Tree, {release}: Settings): DeviceTables[] {
	const devices = tree
		.list(FOLDER)
		.filter(name => /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(name));
	const isOld = !isSince(release, 6, 7);
	if (!isOld && devices.length === 0) return [];
	const contexts = contextsOf(
		tree.read(`${FOLDER}/dmar_translation_struct`, contextsAlone, CONTEXT_BYTES) ?? '',
	);
	return isOld ? ofAll(tree, contexts) : ofEach(tree, contexts, devices);
}

/**
 * Where there are some too long to be read whole, once is enough: the kernel makes all of their text, however little of
 * it is read.
 */
export const areTooLong = (tables: readonly DeviceTables[]): boolean =>
	tables.some(each => 'cut' in each && each.cut);

/**
 * Before 6.7 one file has all tables: a group's as often as it has devices, under the first one's name. What is listed
 * for a device in pass-through is nothing that is walked.
 */
function ofAll(tree: Tree, contexts: Contexts): DeviceTables[] {
	const found = new Map<string, DeviceTables>();
	for (const [id, dump] of dumpsIn(tree, 'domain_translation_struct', ALL_BYTES) ?? []) {
		const unused = contexts.get(shortOf(id))?.includes('pass-through');
		if (!found.has(id)) found.set(id, unused ? {id, why: 'pass-through'} : {id, ...dump});
	}
	return [...found.values()];
}

/**
 * From 6.7 until a fix of 2025 the kernel takes address 0 for the tables of a device in pass-through, and reads whatever
 * is there. So only those are asked for that are known to have tables, and of a domain's devices only one.
 */
function ofEach(tree: Tree, contexts: Contexts, devices: readonly string[]): DeviceTables[] {
	const known = new Map<number, TableDump>();
	const bySlot = Map.groupBy(devices, shortOf);
	return devices.map(id => {
		const rows = contexts.get(shortOf(id)) ?? [];
		const [root] = rows;
		if (root === undefined) return {id, why: 'unknown'};
		if (rows.includes('pass-through')) return {id, why: 'pass-through'};
		// The rows name no segment: with a second one it is not known whose the root is.
		const alone = bySlot.get(shortOf(id))?.length === 1 && rows.length === 1;
		const shared = alone && root !== 'pass-through' ? known.get(root) : undefined;
		const dump = shared ?? dumpsIn(tree, `${id}/domain_translation_struct`, TABLE_BYTES)?.[0]?.[1];
		if (dump === undefined) return {id, why: 'unreadable'};
		known.set(dump.root, dump);
		return {id, ...dump};
	});
}

function dumpsIn(tree: Tree, file: string, limit: number): [id: string, dump: TableDump][] | undefined {
	const text = tree.read(`${FOLDER}/${file}`, kept => kept, limit);
	return text === undefined ? undefined : tableDumps(text, text.length > limit - SPACE);
}

/** By bus, device and function: where the tables of each device of that number start, one for each segment. */
type Contexts = ReadonlyMap<string, readonly (number | 'pass-through')[]>;
const shortOf = (id: string): string => id.slice(-7);

/** 05:00.0 and the words of its root, context and PASID entries: of PASID 0, which stands for none, or without any. */
const ROW =
	/^([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\s+0x[0-9a-f]+:0x[0-9a-f]+\s+0x[0-9a-f]+:0x([0-9a-f]{1,16})\s+(-1|0)\s+0x([0-9a-f]{1,16}):0x[0-9a-f]+:0x([0-9a-f]{1,16})$/;
/** Of a list that is cut nothing is believed: the row that matters may be the one that is missing. */
const contextsAlone = (text: string): string =>
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
/** PGTT, bits 8:6 of a PASID entry: 1 first-level, with a root of its own; 2 second-level, 3 nested, 4 pass-through. */
function pasidRootOf(first: Halves, third: Halves): number | undefined {
	const type = (first.lo >>> 6) & 7;
	if ((first.lo & PRESENT) === 0 || type < 1 || type > 3) return undefined;
	return type === 1 ? pageAddress(third.lo, third.hi) : pageAddress(first.lo, first.hi);
}
