// Explains a fault: what was refused, why, the usual causes, and the next commands to run. Facts from the log itself (the
// owner of the address, the device's driver) come before general causes.

import {hexHalves} from '../../formats/address.js';
import {grouped} from '../../words.js';
import {fromLog} from './causes.js';
import {amdviAbsent, amdviCauses, amdviWhy} from './explain-amdvi.js';
import {otherAbsent, otherCauses, otherWhy} from './explain-others.js';
import {vtdAbsent, vtdCauses, vtdWhy} from './explain-vtd.js';
import {deviceText, FAMILY_NAMES, type Family, type Kind, type LoggedFault} from './fault.js';
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
	const {why, absent, usually} = EXPLAINERS[fault.family] ?? OTHERS;
	return {
		title: `${subject(fault, around)}: ${TITLES[fault.kind](fault)}`,
		what: whatWords(group),
		why: [...why(fault), ...[...group.details].map(sentence)],
		here: fromLog(group, around, absent(fault)),
		usually: usually(group, around),
		look: suggest(fault, around),
	};
}

type Explainer = {
	readonly why: (fault: LoggedFault) => readonly string[];
	/** Whether nothing is mapped where the access went. */
	readonly absent: (fault: LoggedFault) => boolean;
	readonly usually: (group: Group, around: Surroundings) => readonly string[];
};
const EXPLAINERS: Partial<Record<Family, Explainer>> = {
	'vt-d': {why: vtdWhy, absent: vtdAbsent, usually: vtdCauses},
	'amd-vi': {why: amdviWhy, absent: amdviAbsent, usually: amdviCauses},
};
const OTHERS: Explainer = {why: otherWhy, absent: otherAbsent, usually: otherCauses};

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
	stream: ({access}) => `DMA ${access ?? 'access'} of a stream that no driver has set up`,
	unknown: () => 'event unknown to the kernel',
};

/** The title without the device's product name: 3b:00.0 ixgbe eth0: DMA write refused */
export function briefTitle({fault}: Group, {device}: Surroundings): string {
	const unnamed = device && {...device, id: undefined};
	return `${subject(fault, {device: unnamed})}: ${TITLES[fault.kind](fault)}`;
}

/** 3b:00.0 ixgbe eth0 Intel Corporation 82599ES [8086:10fb] */
function subject(fault: LoggedFault, {device, product}: Pick<Surroundings, 'device' | 'product'>): string {
	const {endpoint, unit} = fault;
	if (fault.device === undefined) {
		const name = FAMILY_NAMES[fault.family];
		if (endpoint === undefined) return unit === undefined ? name : `${name} ${unit}`;
		return unit === undefined || endpoint.includes(unit)
			? `${endpoint} (${name})`
			: `${endpoint} (${name} ${unit})`;
	}
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
		case 'ownership':
			return fault.access === undefined
				? `Logged ${times}${where}.`
				: `${count === 1 ? ONE[fault.access] : MANY[fault.access]} at a guest’s address, ${where.replace(/^ (?:at )?/, '')}, ${count === 1 ? 'was' : 'were'} refused${count === 1 ? '' : ` ${times}`}.`;
		case 'stream':
			return count === 1
				? `${ONE[fault.access ?? 'access']}${where} was refused.`
				: `${MANY[fault.access ?? 'access']}${where} were refused ${times}.`;
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
