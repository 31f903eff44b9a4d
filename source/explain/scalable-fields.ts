// The fields of scalable mode's entries, in words.

import {hex, pageAddress} from '../formats/address.js';
import * as vtd from '../formats/vtd.js';
import * as scalable from '../formats/vtd-scalable.js';
import {FIRST, PGTT, type ScalableLimits, SECOND} from '../formats/vtd-scalable.js';
import type {VtdUnit} from '../machine/tables.js';
import {invalidWords} from './walk-scalable.js';
import {bit, type EntryRead, type Field, reservedField} from './walk-steps.js';
import {entryFields} from './walk-vtd.js';

/** An entry's fields in words. */
export function scalableFields(unit: VtdUnit & ScalableLimits, entry: EntryRead): Field[] {
	const {at, raw} = entry;
	if (raw.length === 0) return [];
	if (at === 'root') return rootFields(unit, entry);
	if (at === 'context') return contextFields(unit, entry);
	if (at === 'PASID directory') return directoryFields(unit, entry);
	if (at === 'PASID table') return pasidFields(unit, entry);
	return typeof at === 'number' ? pageFields(unit, entry, at) : [];
}

const faults = (disabled: boolean): string => (disabled ? 'faults are not recorded' : 'faults are recorded');

const rootFields = (unit: ScalableLimits, {raw}: EntryRead): Field[] =>
	raw.flatMap(([lo, hi], half): Field[] => {
		const {present, contextTable} = scalable.decodeRootHalf(lo, hi);
		const [name, devices] = half === 0 ? ['L', 'devices 0–15'] : ['U', 'devices 16–31'];
		return [
			[`${name}P`, bit(lo, vtd.PRESENT), present ? `present: ${devices}` : `no context table for ${devices}`],
			...(present ? [[`${name}CTP`, hex(contextTable), `context table of ${devices}`] as const] : []),
			...(present ? scalable.rootHalfReserved(unit, lo, hi).flatMap(reservedField) : []),
		];
	});

function contextFields(unit: ScalableLimits, {raw}: EntryRead): Field[] {
	const [[lo, hi], [lo1]] = raw;
	const context = scalable.decodeContext(lo, hi, lo1, unit);
	const {present, faultsDisabled, deviceTlb, pasidRequests, directoryEntries, pasid} = context;
	return [
		['P', bit(lo, vtd.PRESENT), present ? 'present' : 'the function is in no domain'],
		['FPD', bit(lo, vtd.CTX_FPD), faults(faultsDisabled)],
		['DTE', deviceTlb ? '1' : '0', deviceTlb ? 'device TLBs (ATS) allowed' : 'no device TLBs (ATS)'],
		['PASIDE', pasidRequests ? '1' : '0', pasidRequests ? 'requests with PASIDs allowed' : 'no PASIDs'],
		['PDTS', `${(lo >>> 9) & 7}`, `${directoryEntries} directory entries`],
		['PASIDDIR', hex(context.directory), 'PASID directory'],
		['RID_PASID', `${pasid}`, 'the PASID of requests without one'],
		...scalable.contextReserved(unit, raw).flatMap(reservedField),
	];
}

function directoryFields(unit: ScalableLimits, {raw: [[lo, hi]]}: EntryRead): Field[] {
	const {present, faultsDisabled, table} = scalable.decodeDirectory(lo, hi);
	return [
		['P', bit(lo, vtd.PRESENT), present ? 'present' : 'no PASID table'],
		['FPD', bit(lo, vtd.CTX_FPD), faults(faultsDisabled)],
		['SMPTBLPTR', hex(table), `PASID table, ${scalable.PASIDS_PER_TABLE} PASIDs`],
		...scalable.directoryReserved(unit, lo, hi).flatMap(reservedField),
	];
}

const TYPES: Readonly<Record<number, string>> = {
	[PGTT.FIRST]: 'first stage: the format of the CPU’s page tables',
	[PGTT.SECOND]: 'second stage',
	[PGTT.NESTED]: 'nested: the guest’s own tables come first, are not decoded here, and give guest addresses',
	[PGTT.PASS_THROUGH]: 'passed through untranslated',
};

function pasidFields(unit: ScalableLimits, {raw}: EntryRead): Field[] {
	const entry = scalable.decodePasid(raw);
	const {present, faultsDisabled, type, domain, firstRoot, firstLevels, secondRoot, secondLevels} = entry;
	const first: Field[] = [
		['FSPM', `${firstLevels - 4}`, `first stage: ${firstLevels} levels`],
		['FSPTPTR', hex(firstRoot), 'first stage: top table'],
	];
	const second: Field[] = [
		['AW', `${secondLevels - 2}`, `second stage: ${secondLevels} levels, ${12 + 9 * secondLevels} bits`],
		['SSPTPTR', hex(secondRoot), 'second stage: top table'],
		[
			'SSADE',
			entry.secondAccessed ? '1' : '0',
			entry.secondAccessed ? 'accessed and dirty bits are set' : '',
		],
	];
	const invalid = present ? invalidWords(unit, entry) : undefined;
	return [
		['P', bit(raw[0][0], vtd.PRESENT), present ? 'present' : 'the PASID is not in use'],
		['FPD', bit(raw[0][0], vtd.CTX_FPD), faults(faultsDisabled)],
		['PGTT', `${type}`, invalid ?? TYPES[type] ?? 'reserved'],
		...(type === PGTT.FIRST || type === PGTT.NESTED ? first : []),
		...(type === PGTT.SECOND || type === PGTT.NESTED ? second : []),
		['DID', `${domain}`, `domain ${domain}`],
	];
}

function pageFields(
	unit: VtdUnit & ScalableLimits,
	{raw, stage, sets = 0}: EntryRead,
	level: number,
): Field[] {
	const [[lo, hi]] = raw;
	if (stage !== 'first')
		return [
			...entryFields(unit, lo, hi, level),
			...(sets ? usedFields(lo, sets, SECOND.ACCESSED, SECOND.DIRTY) : []),
		];
	if ((lo | hi) === 0) return [['P', '0', 'not present']];
	const page = scalable.isFirstPage(lo, level);
	const below = `table of level ${level - 1}`;
	return [
		['P', bit(lo, FIRST.PRESENT), lo & FIRST.PRESENT ? 'present, readable' : 'not present'],
		['R/W', bit(lo, FIRST.WRITE), lo & FIRST.WRITE ? 'writable' : 'not writable'],
		['U/S', bit(lo, FIRST.USER), lo & FIRST.USER ? 'for users, as all requests here are' : 'supervisor only'],
		...(level > 1
			? [['PS', bit(lo, FIRST.PAGE), page ? 'large page' : `points to a ${below}`] as const]
			: []),
		['ADDR', hex(pageAddress(lo, hi)), page ? 'page' : below],
		...usedFields(lo, sets, FIRST.ACCESSED, page ? FIRST.DIRTY : 0),
		...scalable.firstReserved(unit, lo, hi, level).flatMap(reservedField),
	];
}

/** `sets`: what hardware adds on this access. */
const usedFields = (lo: number, sets: number, accessed: number, dirty: number): Field[] => [
	['A', bit(lo, accessed), usedWords(lo, sets, accessed, 'accessed')],
	...(dirty ? [['D', bit(lo, dirty), usedWords(lo, sets, dirty, 'written to')] as const] : []),
];

const usedWords = (lo: number, sets: number, mask: number, what: string): string =>
	lo & mask
		? what
		: sets & mask
			? `not ${what} so far; hardware sets it on this access`
			: `not ${what} so far`;
