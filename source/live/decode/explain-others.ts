// The faults of IOMMUs other than VT-d and AMD-Vi: their reader has put their reason in words; the causes follow from its
// class.

import {accessCauses, DIRECTION, GUESTS_DIRECTION, isGuests} from './causes.js';
import type {Kind, LoggedFault} from './fault.js';
import type {Surroundings} from './known.js';
import type {Group} from './storm.js';

export const otherWhy = ({meaning, level, substream}: LoggedFault): readonly string[] => [
	...(meaning ?? ['The message does not say why.']),
	...(level === undefined ? [] : [`The walk ended at level ${level}.`]),
	...(substream === undefined ? [] : [`The request had substream (PASID) 0x${substream.toString(16)}.`]),
];

export const otherAbsent = ({cause}: LoggedFault): boolean => cause === 'not mapped';

export function otherCauses(group: Group, around: Surroundings): readonly string[] {
	const {kind, cause} = group.fault;
	if (kind !== 'access') return BY_KIND[kind] ?? [];
	switch (cause) {
		case 'not mapped':
			return accessCauses(group, around);
		case 'not allowed':
			return isGuests(group.fault, around) ? [GUESTS_DIRECTION] : [DIRECTION];
		case 'no entry':
			return UNKNOWN;
		case 'too wide':
			return [
				'The device was given a pointer instead of a DMA address, or its driver set a DMA mask that is too wide.',
			];
		case 'bad entry':
			return ['A bug in the code that writes the tables, or overwritten memory.'];
		default:
			return USUAL;
	}
}

const UNKNOWN = [
	'The device did DMA before its driver was bound or after it was unbound: firmware or the boot loader left it running (a display, a network card).',
	'The device tree or the IORT table gives the device another stream ID than it sends, or none.',
];
const USUAL = [
	'The driver unmapped the buffer while the device still used it, or gave the device a wrong address.',
	'The device’s firmware crashed, or was reset, during DMA.',
];

const BY_KIND: Partial<Record<Kind, readonly string[]>> = {
	stream: UNKNOWN,
	'device entry': [
		'The kernel wrote an entry that this IOMMU does not accept, or none at all for this device: a bug, or a wrong device tree or IORT table.',
	],
	'device request': [
		'The device uses ATS or PASIDs that the kernel has not enabled for it; check what its driver and firmware enable.',
	],
	'page request': ['The device’s driver enabled page requests (PRI) that nobody serves.'],
	hardware: [
		'The tables are in memory that cannot be reached, an IOMMU that has lost its clock or power, or failing hardware.',
	],
	command: ['A kernel bug, or an IOMMU that supports less than it says.'],
	invalidation: [
		'A device with ATS is gone, asleep or hung: a reset or a bus error just before is the same incident.',
		'The IOMMU has lost its clock or power: a driver suspended it too early.',
	],
	interrupt: [
		'The interrupt was freed while the device still sent it, or the device was reset and sends stale MSI data.',
	],
};
