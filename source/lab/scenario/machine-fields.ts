// A machine and its guests as scenarios describe them: in `machine`, in `start` and `create` steps, and in --set.

import {parse, YAMLError} from 'yaml';
import * as z from 'zod/mini';
import {GIB, PAGE_SIZE} from '../../formats/address.js';
import {parseRid} from '../../formats/pci.js';
import {FAMILIES, type GuestSpec, type MachineSpec, MODELS, POLICIES} from '../../machine/command.js';
import {about, choice, fields, flag, listOf, parseData, word} from '../../parse-data.js';
import {UserError, within} from '../../user-error.js';
import {defaultSpec, HOST_FUNCTIONS, quarterOf, withoutPassthru} from '../build/spec.js';

const MIB = 1024 ** 2;
const UNITS: Record<string, number> = {K: 1024, M: MIB, G: GIB};
const SIZE = /^(\d+(?:\.\d+)?)\s*([KMGkmg])[Ii]?[Bb]?$/;

/** Bytes of 64M, 1.5G, …; NaN for another text. */
function bytesOf(text: string): number {
	const [, digits, unit] = SIZE.exec(text) ?? [];
	return digits === undefined ? Number.NaN : Number(digits) * UNITS[unit.toUpperCase()];
}

/** Whole bytes as a size that reads as the same: 64M, 16380K. */
export function sizeWord(bytes: number): string {
	const unit = ['G', 'M'].find(letter => bytes % UNITS[letter] === 0) ?? 'K';
	return `${bytes / UNITS[unit]}${unit}`;
}

/** A size for which `fits`. */
const size = (wanted: string, fits = (_bytes: number): boolean => true) =>
	z.pipe(word(SIZE, wanted).check(z.refine(text => fits(bytesOf(text)), wanted)), z.transform(bytesOf));

const hostMemory = size(
	'expected whole megabytes from 64M to 256G, such as 256M.',
	bytes => bytes >= 64 * MIB && bytes <= 256 * GIB && bytes % MIB === 0,
);

/** The memory of a host, by a flag. @throws UserError */
export const parseHostMemory = (text: string): number => parseData(hostMemory, text, '--host-memory');

/** The size of the history, which must hold a few marks. @throws UserError */
export const parseHistory = (text: string): number =>
	parseData(
		size('expected a size of 16M or more, such as 512M.', bytes => bytes >= 16 * MIB),
		text,
		'--history',
	);

/** The loader's pptdevs has slashes: 4/0/0. */
const withColons = (selector: string): string => selector.replaceAll('/', ':');
const isSelector = (text: string): boolean => parseRid(withColons(text)) !== undefined;

const SELECTOR = 'write bus:device:function, such as 4:0:0.';
const selector = z.pipe(
	word(/^\d{1,3}[:/]\d{1,2}[:/][0-7]$/, SELECTOR).check(z.refine(isSelector, SELECTOR)),
	z.transform(withColons),
);

const DEVICE = 'write a name such as em0, or bus:device:function, such as 4:0:0.';
/** A function by its name, or a selector with or without a function behind it. */
export const device = z.pipe(
	word(/^([a-z]+\d+|\d{1,3}[:/]\d{1,2}[:/][0-7])$/, DEVICE).check(
		z.refine(text => /^[a-z]/.test(text) || isSelector(text), DEVICE),
	),
	z.transform(withColons),
);

/** Names of other owners of memory. */
const OWNERS = ['free', 'kernel', 'none', 'ahci0', 'xhci0'];
const guestName = word(
	/^[a-zA-Z][a-zA-Z0-9-]{0,15}$/,
	'expected a letter and up to 15 letters, digits or hyphens, such as vm2.',
).check(z.refine(name => !OWNERS.includes(name), 'another owner of memory has that name; choose another.'));

const disk = word(
	/^((ada0|da0)([ps]\d+)?|file)$/,
	'use ada0 (raw), ada0p1 (a partition), da0 (the same disk on USB) or file.',
);

const GUEST = {
	name: about('its name in bhyve', guestName),
	memory: z.optional(
		about('its memory, such as 64M; default: a quarter of the host’s', size('write it as 64M or 1.5G.')),
	),
	wired: z._default(about('bhyve -S: its memory cannot move', flag), true),
	model: z._default(about('the disk model that bhyve shows the guest', choice(MODELS)), 'virtio-blk'),
	disk: z._default(
		about('the disk behind the model: ada0, a partition such as ada0p1, da0, or file', disk),
		'ada0',
	),
	passthru: z._default(about('functions bound to the guest at the start', listOf(device)), []),
};
export const guest = fields(GUEST);
type GuestFields = z.output<typeof guest>;

/** A guest, or its name alone. */
const guestOrName = z.union([
	z.pipe(
		guestName,
		z.transform(name => guest.parse({name})),
	),
	guest,
]);

const MACHINE = {
	iommu: z.optional(about('the family of the IOMMU; default: vt-d', choice(FAMILIES))),
	memory: z.optional(about('the host’s memory, such as 256M; default: 256M', hostMemory)),
	policy: z.optional(
		about('what vmm does with guest memory in the host’s domain; default: remove', choice(POLICIES)),
	),
	hostPtp: z.optional(
		about('hw.vmm.amdvi.host_ptp: the host’s domain has a page table; default: true', flag),
	),
	returnsToHost: z.optional(
		about('as before D12661: a device whose VM ends returns to the host; default: false', flag),
	),
	hba: z.optional(
		about(
			'what the disk’s controller reports when it cannot read memory; default: silent',
			choice(['silent', 'error']),
		),
	),
	pptdevs: z.optional(
		about('functions that ppt takes at boot as ppt0, ppt1, …; default: 4:0:0', listOf(selector)),
	),
	guests: z.optional(about('virtual machines; default: vm0 with ppt0, and vm1', listOf(guestOrName))),
};
export const machine = fields(MACHINE);
/** Some parts of a machine. */
export type MachineFields = z.output<typeof machine>;

/** The machine with these parts; the others are as in `base`. @throws UserError */
export function completeMachine(parts: MachineFields, base: MachineSpec): MachineSpec {
	const {memory = base.hostMemory, pptdevs = [], guests, ...rest} = parts;
	checkPptdevs(pptdevs);
	const start = memory === base.hostMemory ? base : {...base, guests: defaultSpec(memory).guests};
	const complete = {
		...start,
		...rest,
		hostMemory: memory,
		pptdevs: parts.pptdevs ?? base.pptdevs,
		guests: guests ? within('guests', () => completeGuests(guests, memory)) : start.guests,
	};
	return complete.iommu === 'none' && guests === undefined ? withoutPassthru(complete) : complete;
}

/** Each selector is the place of another network card. */
function checkPptdevs(selectors: readonly string[]): void {
	selectors.forEach((selector, i) => {
		const host = HOST_FUNCTIONS.find(({selector: taken}) => parseRid(taken) === parseRid(selector));
		const twice = selectors.findIndex(other => parseRid(other) === parseRid(selector)) !== i;
		if (host === undefined && !twice) return;
		const why = host === undefined ? 'appears twice' : `is ${host.name}, which stays with the host`;
		throw new UserError(`${selector} ${why}; use another place, such as 5:0:0.`, ['pptdevs', i]);
	});
}

function completeGuests(guests: readonly GuestFields[], hostMemory: number): GuestSpec[] {
	guests.forEach(({name}, i) => {
		if (guests.findIndex(other => other.name === name) !== i)
			throw new UserError(`guests has ${name} twice; give each guest its own name.`, [i, 'name']);
	});
	return guests.map((fields, i) => within(i, () => completeGuest(fields, hostMemory)));
}

const MIN_GUEST = 4 * MIB;

/** @throws UserError */
export function completeGuest(fields: GuestFields, hostMemory: number): GuestSpec {
	const {name, memory = quarterOf(hostMemory), ...rest} = fields;
	if (memory < MIN_GUEST || memory > hostMemory || memory % PAGE_SIZE !== 0) {
		const range = `expected whole pages from ${sizeWord(MIN_GUEST)} to the host’s ${sizeWord(hostMemory)}`;
		throw new UserError(`memory of ${name} is ${sizeWord(memory)}; ${range}.`, ['memory']);
	}
	return {name, memory, ...rest};
}

/** A machine as written to a file: it parses to the same machine, whatever the base. */
export const machineFields = ({hostMemory, guests, ...parts}: MachineSpec) => ({
	...parts,
	memory: sizeWord(hostMemory),
	guests: guests.map(guest => ({...guest, memory: sizeWord(guest.memory)})),
});

/** As much memory as any host has: guests of any size fit. */
const LARGEST = defaultSpec(256 * GIB);

/** Parts of a machine from the words after --set, such as policy=keep. @throws UserError */
export function machineSet(words: readonly string[]): MachineFields {
	let set: MachineFields = {};
	for (const word of words) {
		const [, key, text] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
		if (key === undefined) throw new UserError(`--set ${word} has no value; write --set policy=keep.`);
		if (Object.hasOwn(set, key)) throw new UserError(`--set ${key} appears twice; give it once.`);
		try {
			const part = parseData(machine, {[key]: parse(text)}, 'machine');
			completeMachine(part, LARGEST);
			set = {...set, ...part};
		} catch (error) {
			if (!(error instanceof UserError || error instanceof YAMLError)) throw error;
			throw new UserError(`--set ${word}: ${error.message.split('\n')[0]}`);
		}
	}
	return set;
}
