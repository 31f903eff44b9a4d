// AMD-Vi's events: their flags, their meaning and their usual causes.

import {FLAG} from '../../formats/amdvi.js';
import {accessCauses, DIRECTION, GUESTS_DIRECTION, isGuests, PHANTOM, UNANSWERED} from './causes.js';
import type {Kind, LoggedFault} from './fault.js';
import type {Surroundings} from './known.js';
import type {Group} from './storm.js';

export function amdviWhy(fault: LoggedFault): string[] {
	const {name, flags, domain, pasid, by} = fault;
	const ids = [
		domain === undefined ? undefined : `domain 0x${domain.toString(16)}`,
		pasid === undefined ? undefined : `PASID 0x${pasid.toString(16)}`,
	].filter(each => each !== undefined);
	const event = by === 'QEMU' ? `QEMU’s ${name}` : name;
	const head = `${event}${ids.length > 0 ? `, ${ids.join(', ')}` : ''}.`;
	return [
		head,
		...domainWords(fault),
		...(flags === undefined ? [] : flagWords(fault, flags)),
		...meaning(fault),
	];
}

/** Linux numbers its domains from 1. Commit d64c0486ed50 read the number from a wrong field, ec21f17a9437 fixed that. */
const domainWords = ({by, kind, domain}: LoggedFault): string[] =>
	by === 'Linux' && kind === 'access' && domain === 0
		? ['Linux has no domain 0, but kernels of 2018 and 2019 (to 5.3) print it for every domain.']
		: [];

const FLAG_WORDS: readonly (readonly [bit: number, name: string, words: string])[] = [
	[FLAG.GN, 'GN', 'a guest address with a PASID'],
	[FLAG.NX, 'NX', 'an execute access'],
	[FLAG.US, 'US', 'a user access'],
	[FLAG.I, 'I', 'an interrupt'],
	[FLAG.PR, 'PR', 'the page is present'],
	[FLAG.RW, 'RW', 'a write'],
	[FLAG.PE, 'PE', 'not permitted'],
	[FLAG.RZ, 'RZ', 'a reserved bit is set'],
	[FLAG.TR, 'TR', 'a translation request (ATS)'],
];
/** Bits 10:9 of hardware errors. */
const TYPES = [undefined, 'master abort', 'target abort', 'data error'];
/** Bits 11:9 of INVALID_DEVICE_REQUEST (48882, "INVALID_DEVICE_REQUEST Type Field Encodings"), without TR and with it. */
const REQUESTS = [
	'a read or non-posted write of the interrupt range',
	'a translated address, from a device whose entry has I=0 or V=0',
	'an access to I/O ports, which its entry forbids (IoCtl=0)',
	'a write to the system management range, which its entry forbids (SysMgt), or to a reserved translated address there',
	'a read or non-posted write of the system management range',
	'a write to the interrupt range, from a device whose entry allows no interrupts (IntCtl=0)',
	'a write to a reserved part of the interrupt range',
	'an access to system management or I/O ports that needs translation (SysMgt=3, IoCtl=2) by an entry with TV=0',
];
const TRANSLATIONS = [
	'a translation request (ATS) from a device whose entry has I=0, V=0 or TV=0',
	'a translation request (ATS) for interrupts, I/O ports or system management',
];

function flagWords({name}: LoggedFault, flags: number): string[] {
	const text = `Flags 0x${flags.toString(16).padStart(4, '0')}`;
	if (name === 'INVALID_DEVICE_REQUEST') {
		const type = flags >>> 9;
		const request = (flags & FLAG.TR ? TRANSLATIONS : REQUESTS)[type];
		return [`${text}: type ${type}${flags & FLAG.TR ? ' with TR' : ''}, ${request ?? 'reserved'}.`];
	}
	if (!/^(IO_PAGE_FAULT|RMP_PAGE_FAULT|ILLEGAL_DEV_TABLE_ENTRY|\w+_HARDWARE_ERROR)$/.test(name))
		return [`${text}.`];
	const set = FLAG_WORDS.filter(([bit]) => flags & bit).map(
		([bit, letters, words]) =>
			`${letters} (${flags & FLAG.I && bit === FLAG.PR ? 'the interrupt has an entry' : words})`,
	);
	const type = name.endsWith('HARDWARE_ERROR') ? TYPES[(flags >>> 9) & 3] : undefined;
	const all = [...set, ...(type === undefined ? [] : [type])];
	const absent =
		name === 'IO_PAGE_FAULT' && !(flags & (FLAG.PR | FLAG.I)) ? ['not PR (the page is not present)'] : [];
	const listed = [...absent, ...all].join(', ');
	return [`${text}: ${listed === '' ? 'none set' : listed}.`, ...directionWords(name, flags)];
}

/** The specification defines RW only together with PR; measured Ryzens set it correctly without PR too. */
function directionWords(name: string, flags: number): string[] {
	if (name !== 'IO_PAGE_FAULT' || flags & (FLAG.PR | FLAG.I | FLAG.TR)) return [];
	return [
		`RW says ${flags & FLAG.RW ? 'write' : 'read'}, but the specification defines RW only together with PR.`,
	];
}

function meaning({kind, name, flags = 0, domain, by}: LoggedFault): string[] {
	switch (kind) {
		case 'access':
			if (flags & FLAG.RZ) return ['An entry of its page tables has a reserved bit set.'];
			if (flags & FLAG.PE)
				return [
					domain === 0
						? 'Neither the device table entry nor the page permits this access.'
						: 'The page is mapped, but does not permit this access.',
				];
			return flags & FLAG.PR && by !== 'QEMU' ? ['The flags do not say why it was refused.'] : [];
		case 'interrupt':
			return ['Its interrupt remapping table has no entry that allows this interrupt.'];
		case 'device entry':
			return [
				`Its device table entry ${flags & FLAG.RZ ? 'has reserved bits set' : 'is inconsistent'}: until that is fixed, all of its ${flags & FLAG.I ? 'interrupts are' : 'DMA is'} refused.`,
			];
		case 'invalidation':
			return [
				name === 'IOTLB_INV_TIMEOUT'
					? 'The device did not answer an invalidation of its ATS translations in time.'
					: 'The IOMMU did not complete the kernel’s commands in time.',
			];
		default:
			return [];
	}
}

/** Whether nothing is mapped where the access went. */
export const amdviAbsent = ({kind, flags}: LoggedFault): boolean =>
	kind === 'access' && flags !== undefined && !(flags & (FLAG.PR | FLAG.RZ));

export function amdviCauses(group: Group, around: Surroundings): readonly string[] {
	const {kind, flags = 0} = group.fault;
	if (kind !== 'access') return [...CAUSES[kind](group.fault), ...withSnp(group, around)];
	if (flags & FLAG.RZ) return ['A bug in the code that writes the tables, or overwritten memory.'];
	const guests = isGuests(group.fault, around);
	if (flags & FLAG.PE) {
		if (guests) return [GUESTS_DIRECTION, ...accessCauses(group, around)];
		return group.fault.domain === 0 ? noDomain(group.fault, around) : [DIRECTION];
	}
	// Present and permitted, yet refused: the flags do not say why.
	return flags & FLAG.PR && !guests ? CHANGING : accessCauses(group, around);
}

/** Present without any permission: not a page, but the whole device table entry, as Linux leaves unused ones. */
function noDomain(fault: LoggedFault, {device}: Surroundings): string[] {
	const unnamed = device === undefined && fault.driver === undefined;
	return [NO_DOMAIN, ...(unnamed ? [PHANTOM] : []), DIRECTION];
}

const CHANGING = [
	'The mapping changed while the access was on its way: a driver mapped the page a moment later, or had just unmapped it. A burst at boot ends when the driver has the device.',
	'On older chipsets (AMD 890 and 990) also addresses just above 4 GiB that firmware’s memory map or IVRS table gets wrong: enable the IOMMU in the BIOS, and update it.',
];

/** What goes wrong together with SEV-SNP. */
function withSnp({fault: {kind}}: Group, {snp, inherited}: Surroundings): string[] {
	if (!snp) return [];
	return [
		...(kind === 'device entry'
			? [
					'With SNP the IOMMU accepts no device without tables: identity domains (iommu=pt) fail so. Boot without iommu=pt.',
				]
			: []),
		...(inherited
			? [
					'After a crash of a kernel with SNP (kdump), the IOMMU’s buffers still belong to it: kernels before 6.18 cannot take them over.',
				]
			: []),
	];
}

const NO_DOMAIN =
	'The device was in no domain: its driver was not bound yet, was unbound, or was changing the device’s domain.';

const CAUSES: Readonly<Record<Exclude<Kind, 'access'>, (fault: LoggedFault) => readonly string[]>> = {
	interrupt: ({by}) => [
		'The interrupt was freed while the device still sent it, or the device was reset and sends stale MSI data.',
		'At boot: an IOAPIC or HPET that firmware left enabled, or that the IVRS table describes wrongly; their requester IDs often belong to no function. A single one is harmless.',
		...(by === 'Linux' ? [AVIC] : []),
	],
	unattached: () => ['The device did DMA before its driver was bound, or after it was unbound.'],
	'device entry': () => [
		'The kernel wrote an entry that this IOMMU does not accept: a bug, or an IOMMU that lost its settings during suspend (guest tables and page requests after resume: fixed by ef75966abf95 in 6.12 and stable kernels).',
	],
	'device request': ({flags = 0}) => [
		flags >>> 9 === 5
			? 'An IOAPIC, a bridge or a device that was just reset sends interrupts that the kernel has not allowed. A single one at boot, resume or reset is harmless.'
			: flags & FLAG.TR || flags >>> 9 === 1
				? 'The device has ATS enabled, but its entry does not: a driver or firmware enabled it without the kernel, or it stayed enabled when the device changed drivers.'
				: 'The device or its firmware sends requests that the kernel has not allowed.',
	],
	hardware: () => [
		'The tables are in memory that cannot be read: corrupted pointers, memory taken by firmware, or failing hardware.',
	],
	command: () => ['A kernel bug, or an overwritten command buffer.'],
	invalidation: ({by}) => (by === 'Linux' ? [...UNANSWERED, WAITING] : UNANSWERED.slice(0, 1)),
	'page request': () => [
		'The device makes page requests (PRI) that the IOMMU does not accept: a bug in its driver or firmware.',
	],
	ownership: () => [
		'For a device of an SNP guest: the guest has not shared that page yet. Its driver must use shared memory (swiotlb), or the guest accepts the device as trusted (TDISP).',
		'Otherwise the page belongs to a confidential guest or to firmware (SEV-SNP): the wrong page was mapped for the device.',
	],
	stream: () => [],
	unknown: () => [],
};

const AVIC =
	'For a guest’s device: interrupts that bypass the hypervisor (AVIC) are set up wrongly; load kvm_amd with avic=0 to check.';
const WAITING = 'Every unmap waits meanwhile: hangs and delays nearby in the log come from this.';
