// AMD-Vi's events: their flags bit by bit, what each means, and what usually is behind it.

import {FLAG} from '../../formats/amdvi.js';
import {accessCauses, DIRECTION, PHANTOM, UNANSWERED} from './causes.js';
import type {Kind, LoggedFault} from './fault.js';
import type {Surroundings} from './known.js';
import type {Group} from './storm.js';

export function amdviWhy(fault: LoggedFault): string[] {
	const {name, flags, domain, pasid, by} = fault;
	const whose = [
		domain === undefined ? undefined : `domain 0x${domain.toString(16)}`,
		pasid === undefined ? undefined : `PASID 0x${pasid.toString(16)}`,
	].filter(each => each !== undefined);
	const event = by === 'QEMU' ? `QEMU’s ${name}` : name;
	const head = `${event}${whose.length > 0 ? `, ${whose.join(', ')}` : ''}.`;
	return [
		head,
		...domainWords(fault),
		...(flags === undefined ? [] : flagWords(fault, flags)),
		...meaning(fault),
	];
}

/** Linux numbers its domains from 1. d64c0486ed50 took the number from where it is not, ec21f17a9437 mended that. */
const domainWords = ({by, kind, domain}: LoggedFault): string[] =>
	by === 'Linux' && kind === 'access' && domain === 0
		? ['Domain 0 is none of Linux’s, but kernels of 2018 and 2019 (to 5.3) print it for any.']
		: [];

const FLAG_WORDS: readonly (readonly [bit: number, name: string, words: string])[] = [
	[FLAG.GN, 'GN', 'the address is a guest’s, with a PASID'],
	[FLAG.NX, 'NX', 'to execute'],
	[FLAG.US, 'US', 'as user'],
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
	'a read, or a write that waits for an answer, of where interrupts are sent',
	'an address that says it is translated, from a device whose entry has I=0 or V=0',
	'an access to I/O ports, which its entry forbids (IoCtl=0)',
	'a write to the system management range, which its entry forbids (SysMgt), or of translated addresses that are reserved there',
	'a read, or a write that waits for an answer, of the system management range',
	'a write to where interrupts are sent, from a device whose entry allows none (IntCtl=0)',
	'a write to a reserved part of where interrupts are sent',
	'an access to system management or I/O ports that would have to be translated (SysMgt=3, IoCtl=2) by an entry with TV=0',
];
const TRANSLATIONS = [
	'it asks for a translation (ATS), and its entry has I=0, V=0 or TV=0',
	'it asks for a translation (ATS) of where interrupts, I/O ports or system management are',
];

function flagWords({name}: LoggedFault, flags: number): string[] {
	const text = `Flags 0x${flags.toString(16).padStart(4, '0')}`;
	if (name === 'INVALID_DEVICE_REQUEST') {
		const type = flags >>> 9;
		const request = (flags & FLAG.TR ? TRANSLATIONS : REQUESTS)[type];
		return [`${text}: type ${type}${flags & FLAG.TR ? ' with TR' : ''}, ${request ?? 'which is reserved'}.`];
	}
	if (!/^(IO_PAGE_FAULT|ILLEGAL_DEV_TABLE_ENTRY|\w+_HARDWARE_ERROR)$/.test(name)) return [`${text}.`];
	const set = FLAG_WORDS.filter(([bit]) => flags & bit).map(
		([bit, letters, words]) =>
			`${letters} (${flags & FLAG.I && bit === FLAG.PR ? 'it has an entry' : words})`,
	);
	const type = name.endsWith('HARDWARE_ERROR') ? TYPES[(flags >>> 9) & 3] : undefined;
	const all = [...set, ...(type === undefined ? [] : [type])];
	const absent =
		name === 'IO_PAGE_FAULT' && !(flags & (FLAG.PR | FLAG.I)) ? ['not PR (the page is not present)'] : [];
	const listed = [...absent, ...all].join(', ');
	return [`${text}: ${listed === '' ? 'none set' : listed}.`, ...directionWords(name, flags)];
}

/** The specification vouches for RW only beside PR; measured Ryzens set it truly without, too. */
function directionWords(name: string, flags: number): string[] {
	if (name !== 'IO_PAGE_FAULT' || flags & (FLAG.PR | FLAG.I | FLAG.TR)) return [];
	return [
		`That it was a ${flags & FLAG.RW ? 'write' : 'read'} is RW’s word, which the specification vouches for only beside PR.`,
	];
}

function meaning({kind, name, flags = 0, domain, by}: LoggedFault): string[] {
	switch (kind) {
		case 'access':
			if (flags & FLAG.RZ) return ['An entry of its page tables has a reserved bit set.'];
			if (flags & FLAG.PE)
				return [
					domain === 0
						? 'Neither its entry nor a page permits this.'
						: 'The page is mapped, and not for this.',
				];
			return flags & FLAG.PR && by !== 'QEMU' ? ['Why it was refused the flags do not say.'] : [];
		case 'interrupt':
			return ['No entry of its interrupt remapping table lets that interrupt through.'];
		case 'device entry':
			return [
				`Its entry ${flags & FLAG.RZ ? 'has reserved bits set' : 'does not fit together'}: as long as that is so, all of its ${flags & FLAG.I ? 'interrupts are' : 'DMA is'} refused.`,
			];
		case 'invalidation':
			return [
				name === 'IOTLB_INV_TIMEOUT'
					? 'The device did not answer when it was told to forget translations (ATS), in time.'
					: 'The IOMMU did not work off the kernel’s commands in time.',
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
	if (kind !== 'access') return CAUSES[kind](group.fault);
	if (flags & FLAG.RZ) return ['A bug in who writes the tables, or memory that was overwritten.'];
	if (flags & FLAG.PE) return group.fault.domain === 0 ? noDomain(group.fault, around) : [DIRECTION];
	// Present, permitted, and refused all the same: the flags do not say why.
	return flags & FLAG.PR ? [] : accessCauses(group, around);
}

/** Present and permitted to nobody: that is no page, but the device's whole entry, as Linux leaves those of no device. */
function noDomain(fault: LoggedFault, {device}: Surroundings): string[] {
	const unheard = device === undefined && fault.driver === undefined;
	return [NO_DOMAIN, ...(unheard ? [PHANTOM] : []), DIRECTION];
}

const NO_DOMAIN =
	'The device was in no domain: its driver was not bound yet, let go of it, or changed its domain at that moment.';

const CAUSES: Readonly<Record<Exclude<Kind, 'access'>, (fault: LoggedFault) => readonly string[]>> = {
	interrupt: ({by}) => [
		'The interrupt was freed while the device still sent it, or the device was reset and sends what its MSI registers hold by now.',
		'At boot: an IOAPIC or an HPET that firmware left on, or that the IVRS table describes wrongly; their numbers are often those of no function. Once, it harms nothing.',
		...(by === 'Linux' ? [AVIC] : []),
	],
	unattached: () => ['The device does DMA before its driver is bound, or after it was unbound.'],
	'device entry': () => [
		'The kernel wrote an entry that this IOMMU does not take: a bug, or an IOMMU whose settings were lost over suspend.',
	],
	'device request': ({flags = 0}) => [
		flags >>> 9 === 5
			? 'An IOAPIC, a bridge or a device that was just reset sends interrupts where the kernel has allowed it none. Once at boot, resume or reset it harms nothing.'
			: flags & FLAG.TR || flags >>> 9 === 1
				? 'The device has its ATS on, and its entry has not: a driver or firmware switched it on past the kernel, or it was left on when the device changed hands.'
				: 'The device or its firmware sends what the kernel has not allowed it.',
	],
	hardware: () => [
		'The tables lie in memory that cannot be read: damaged pointers, firmware that took the memory, or failing hardware.',
	],
	command: () => ['A bug in the kernel, or its command buffer was overwritten.'],
	invalidation: ({by}) => (by === 'Linux' ? [...UNANSWERED, WAITING] : UNANSWERED.slice(0, 1)),
	'page request': () => [
		'The device asks for pages (PRI) in a way that the IOMMU does not take: its driver or its firmware is wrong.',
	],
	ownership: () => [
		'The page belongs to a confidential guest, or to firmware (SEV-SNP): who mapped it for the device has the wrong one.',
	],
	unknown: () => [],
};

const AVIC =
	'Of a guest’s device: the guest’s interrupts go past the hypervisor (AVIC) and are set up wrongly; kvm_amd avic=0 tells.';
const WAITING =
	'Everything that unmaps memory waits meanwhile: what hangs or goes slow nearby in the log comes from here.';
