// A fault in words: what was refused, why, what usually causes that, what to look at next. For who is called at night.
// What the log itself tells (whose the address is, who drives the device) comes before what is usual.

import {hexHalves} from '../../formats/address.js';
import {grouped} from '../../words.js';
import {fromLog} from './causes.js';
import {amdviAbsent, amdviCauses, amdviWhy} from './explain-amdvi.js';
import {vtdAbsent, vtdCauses, vtdWhy} from './explain-vtd.js';
import {deviceText, type Kind, type LoggedFault} from './fault.js';
import type {Surroundings} from './known.js';
import {suggest} from './next-steps.js';
import type {Group} from './storm.js';

export type Explained = {
	readonly title: string;
	readonly what: string;
	/** The reason or the flags, in words. */
	readonly why: readonly string[];
	/** What the log itself shows about it. */
	readonly here: readonly string[];
	readonly usually: readonly string[];
	readonly look: readonly string[];
};

export function explain(group: Group, around: Surroundings): Explained {
	const {fault} = group;
	const vtd = fault.family === 'vt-d';
	return {
		title: `${subject(fault, around)}: ${TITLES[fault.kind](fault)}`,
		what: whatWords(group),
		why: [...(vtd ? vtdWhy(fault) : amdviWhy(fault)), ...[...group.details].map(sentence)],
		here: fromLog(group, around, vtd ? vtdAbsent(fault) : amdviAbsent(fault)),
		usually: vtd ? vtdCauses(group, around) : amdviCauses(group, around),
		look: suggest(fault, around),
	};
}

const TITLES: Readonly<Record<Kind, (fault: LoggedFault) => string>> = {
	access: ({access}) => `DMA ${access ?? 'access'} refused`,
	interrupt: () => 'interrupt refused',
	'device entry': () => 'the IOMMU refuses its device table entry',
	'device request': () => 'request of a kind that it may not make',
	'page request': () => 'invalid page request',
	hardware: () => 'the IOMMU could not read memory of its own',
	command: () => 'the IOMMU refused a command',
	invalidation: () => 'an invalidation went wrong',
	ownership: () => 'memory that belongs to somebody else (RMP)',
	unattached: () => 'DMA of a device that is in no domain',
	unknown: () => 'an event that the kernel does not know',
};

/** The title without the device's long name: 3b:00.0 ixgbe eth0: DMA write refused */
export function briefTitle({fault}: Group, {device}: Surroundings): string {
	const known = device && {...device, id: undefined};
	return `${subject(fault, {device: known, ranges: [], inherited: false})}: ${TITLES[fault.kind](fault)}`;
}

/** 3b:00.0 ixgbe eth0 Intel Corporation 82599ES [8086:10fb] */
function subject(fault: LoggedFault, {device, product}: Surroundings): string {
	if (fault.device === undefined) return fault.family === 'vt-d' ? 'VT-d' : 'AMD-Vi';
	const driver = fault.driver ?? device?.driver;
	const named = product === undefined ? device?.id && `[${device.id}]` : `${product} [${device?.id}]`;
	return [deviceText(fault.device), driver, device?.name, named].filter(Boolean).join(' ');
}

function whatWords(group: Group): string {
	const {fault, count} = group;
	const times = count === 1 ? '' : count === 2 ? ' twice' : ` ${grouped(count)} times`;
	const where = whereWords(group);
	switch (fault.kind) {
		case 'access':
			return `It asked${times} to ${fault.access ?? 'reach memory'}${where}, and was refused.`;
		case 'interrupt':
			return fault.index === undefined
				? `It sent${times} an interrupt${where} that was refused. That is no DMA.`
				: `It sent${times} an interrupt by index ${fault.index} (0x${fault.index.toString(16)}) that was refused. That is no DMA: no memory was to be reached.`;
		case 'unattached':
			return `It asked${times} for memory while the kernel had it in no domain.`;
		case 'invalidation':
			return `The kernel logged this${times || ' once'}${where}.`;
		default:
			return `Logged${times || ' once'}${where}.`;
	}
}

function whereWords({lowest, highest, places}: Group): string {
	if (lowest === undefined || highest === undefined) return '';
	const [from, to] = [hexHalves(lowest), hexHalves(highest)];
	if (from === to) return ` at ${from}`;
	return places.size === 1 ? ` at ${from}–${to}` : ` between ${from} and ${to}`;
}

const sentence = (text: string): string =>
	`${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
