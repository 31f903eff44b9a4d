// Explains a fault: what was refused, why, the usual causes, and the next commands to run. Facts from the log itself (the
// owner of the address, the device's driver) come before general causes.

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
	/** What the log itself shows. */
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
	'device entry': () => 'invalid device table entry',
	'device request': () => 'request not allowed for this device',
	'page request': () => 'invalid page request',
	hardware: () => 'the IOMMU could not read its tables',
	command: () => 'the IOMMU refused a kernel command',
	invalidation: () => 'invalidation failed',
	ownership: () => 'access to memory of another owner (RMP)',
	unattached: () => 'DMA from a device in no domain',
	unknown: () => 'event unknown to the kernel',
};

/** The title without the device's product name: 3b:00.0 ixgbe eth0: DMA write refused */
export function briefTitle({fault}: Group, {device}: Surroundings): string {
	const unnamed = device && {...device, id: undefined};
	return `${subject(fault, {device: unnamed, ranges: [], inherited: false})}: ${TITLES[fault.kind](fault)}`;
}

/** 3b:00.0 ixgbe eth0 Intel Corporation 82599ES [8086:10fb] */
function subject(fault: LoggedFault, {device, product}: Surroundings): string {
	if (fault.device === undefined) return fault.family === 'vt-d' ? 'VT-d' : 'AMD-Vi';
	const driver = fault.driver ?? device?.driver;
	const named = product === undefined ? device?.id && `[${device.id}]` : `${product} [${device?.id}]`;
	return [deviceText(fault.device), driver, device?.name, named].filter(Boolean).join(' ');
}

const ONE = {read: 'A read', write: 'A write', access: 'An access'};
const MANY = {read: 'Reads', write: 'Writes', access: 'Accesses'};

function whatWords(group: Group): string {
	const {fault, count} = group;
	const times = count === 1 ? 'once' : count === 2 ? 'twice' : `${grouped(count)} times`;
	const where = whereWords(group);
	switch (fault.kind) {
		case 'access':
			return count === 1
				? `${ONE[fault.access ?? 'access']}${where} was refused.`
				: `${MANY[fault.access ?? 'access']}${where} were refused ${times}.`;
		case 'interrupt':
			return fault.index === undefined
				? `An interrupt${where} was refused ${times}. This is not DMA.`
				: `The interrupt with index ${fault.index} (0x${fault.index.toString(16)}) was refused ${times}. This is not DMA: no memory was accessed.`;
		case 'unattached':
			return `The device accessed memory ${times} while it was in no domain.`;
		case 'invalidation':
			return `The kernel logged this ${times}${where}.`;
		default:
			return `Logged ${times}${where}.`;
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
