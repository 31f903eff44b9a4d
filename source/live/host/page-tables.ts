// Page tables, where the kernel shows them: /sys/kernel/debug/iommu/intel, of kernels built with
// INTEL_IOMMU_DEBUGFS, for root alone (Linux's drivers/iommu/intel/debugfs.c).

import {type Halves, parseHalves} from '../../formats/halves.js';
import {contextType, PRESENT} from '../../formats/vtd.js';
import type {Settings} from './settings.js';
import type {Tree} from './tree.js';
import {isSince} from './units.js';

export type DeviceTables =
	| {id: string; pages: number; entries: number; cut: boolean}
	/** Nothing to walk, or not to be walked. */
	| {id: string; why: 'pass-through' | 'unknown'};

const FOLDER = '/sys/kernel/debug/iommu/intel';
/** A line for each page: a guest of 64 GiB in pages of 4 KiB would be a gigabyte of them. */
const TABLE_BYTES = 1 << 20;
const CONTEXT_BYTES = 4 << 20;

export function readPageTables(tree: Tree, {release}: Settings): DeviceTables[] {
	const names = tree.list(FOLDER);
	if (!isSince(release, 6, 7)) {
		const text = tree.read(`${FOLDER}/domain_translation_struct`, kept => kept, TABLE_BYTES) ?? '';
		return sections(text).map(([id, lines], i, all) =>
			counted(id, lines, i === all.length - 1 && text.length >= TABLE_BYTES - 1),
		);
	}
	const devices = names.filter(name => /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(name));
	if (devices.length === 0) return [];
	const walked = walkedDevices(
		tree.read(`${FOLDER}/dmar_translation_struct`, contextsAlone, CONTEXT_BYTES) ?? '',
	);
	return devices.map(id => {
		// From 6.7 until a fix of 2025 the kernel goes through a null pointer when it is asked for the tables of a
		// device in pass-through. So only those are asked for that are known to have tables.
		const translated = walked.get(id.slice(-7));
		if (translated !== true) return {id, why: translated === false ? 'pass-through' : 'unknown'};
		const text = tree.read(`${FOLDER}/${id}/domain_translation_struct`, kept => kept, TABLE_BYTES) ?? '';
		return counted(id, text.split('\n'), text.length >= TABLE_BYTES - 1);
	});
}

/** 05:00.0 and the words of its root, context and PASID entries. */
const ROW =
	/^([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\s+0x[0-9a-f]+:0x[0-9a-f]+\s+0x[0-9a-f]+:0x([0-9a-f]{1,16})\s+(-?\d+)\s+0x[0-9a-f]+:0x[0-9a-f]+:0x([0-9a-f]{1,16})$/;
/** Of a list that is cut nothing is believed: the row that matters may be the one that is missing. */
const contextsAlone = (text: string): string =>
	text.length < CONTEXT_BYTES
		? text
				.split('\n')
				.filter(line => ROW.test(line))
				.join('\n')
		: '';

/**
 * By bus, device and function: whether all there is under that number has tables. The rows name no segment, so one
 * in pass-through stands for all.
 */
function walkedDevices(text: string): Map<string, boolean> {
	const walked = new Map<string, boolean>();
	for (const line of text.split('\n')) {
		const [, id, context, pasid, entry] = ROW.exec(line) ?? [];
		if (id === undefined) continue;
		const translated = pasid === '-1' ? hasTables(word(context)) : hasPasidTables(word(entry));
		walked.set(id, translated && walked.get(id) !== false);
	}
	return walked;
}

const word = (digits: string): Halves => parseHalves(digits) ?? {lo: 0, hi: 0};
/** Types 0 and 1 have tables; 2 is pass-through. */
const hasTables = ({lo}: Halves): boolean => (lo & PRESENT) !== 0 && contextType(lo) < 2;
/** PGTT, bits 8:6 of a PASID entry: 1 first-level, 2 second-level, 3 nested, 4 pass-through. */
const hasPasidTables = ({lo}: Halves): boolean => {
	const type = (lo >>> 6) & 7;
	return (lo & PRESENT) !== 0 && type >= 1 && type <= 3;
};

/** Before 6.7 one file has all devices. */
function sections(text: string): [id: string, lines: string[]][] {
	const found: [string, string[]][] = [];
	for (const line of text.split('\n')) {
		const [, id] = /^Device ([\w:.-]{1,40}) @0x[0-9a-f]+$/.exec(line) ?? [];
		if (id !== undefined) found.push([id, []]);
		else found.at(-1)?.[1].push(line);
	}
	return found;
}

/** A row's last entry that is not 0 maps a page: in the PTE column 4 KiB, in PDE 2 MiB, in PDPE 1 GiB. */
function counted(id: string, lines: readonly string[], cut: boolean): DeviceTables {
	let pages = 0;
	let entries = 0;
	for (const line of lines) {
		const words = /^0x[0-9a-f]+ \|((?:\s+0x[0-9a-f]{16}){5})\s*$/.exec(line)?.[1].trim().split(/\s+/);
		const level = words?.reverse().findIndex(each => /[1-9a-f]/.test(each.slice(2))) ?? -1;
		if (level < 0 || level > 2) continue;
		entries++;
		pages += 512 ** level;
	}
	return {id, pages, entries, cut};
}
