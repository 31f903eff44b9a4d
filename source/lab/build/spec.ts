// What a machine is made of before it is switched on: from flags, from a scenario's `machine`, or changed by `start`.

import {PAGE_SIZE} from '../../formats/address.js';
import {parseRid} from '../../formats/pci.js';
import {FAMILIES, type GuestSpec, type MachineSpec, MODELS, POLICIES} from '../../machine/command.js';
import {UserError, within} from '../../user-error.js';
import {show} from '../../words.js';
import {type Fields, field, fieldsOf, neededIn, schemaOf, valueIn} from '../scenario/fields.js';
import {choice, flag, type Kind, listOf, raw, text, word} from '../scenario/kinds.js';
import {HOST_FUNCTIONS} from './functions.js';
import {parseHostMemory, parseSize, SIZE, sizeWord} from './host-memory.js';

/** bus:device:function, also as the loader's pptdevs writes it: 4/0/0. */
const selector: Kind<string> = {
	schema: {type: 'string', pattern: '^\\d{1,3}[:/]\\d{1,2}[:/][0-7]$'},
	read: value => {
		const colons = typeof value === 'string' ? value.replaceAll('/', ':') : '';
		if (parseRid(colons) !== undefined) return colons;
		throw new UserError(`${show(value)} is no PCI selector; write bus:device:function, such as 4:0:0.`);
	},
};

/** A function by its name, or by a selector, whether anything is there or not. */
export const device: Kind<string> = {
	schema: {type: 'string', pattern: '^([a-z]+\\d+|\\d{1,3}[:/]\\d{1,2}[:/][0-7])$'},
	read: (value, name) => {
		const given = text.read(value, name);
		return /^[\d:/]*$/.test(given) ? selector.read(given, name) : given;
	},
};

const guestName = word(
	/^[a-zA-Z][a-zA-Z0-9-]{0,15}$/,
	"a guest's name is a letter and up to 15 more, such as vm2.",
);
const disk = word(
	/^((ada0|da0)([ps]\d+)?|file)$/,
	'it may be ada0 (raw), ada0p1 (a partition), da0 (the same disk on USB) or file.',
);
const size = (parse: (size: string, name: string) => number): Kind<number> => ({
	schema: {type: 'string', pattern: SIZE.source},
	read: (value, name) => parse(text.read(value, name), name),
});

const NAME = field('name', guestName, 'what bhyve calls it');
const GUEST_MEMORY = field('memory', size(parseSize), 'such as 64M (a quarter of the host’s)');
const WIRED = field('wired', flag, 'bhyve -S: its memory cannot move (true)');
const MODEL = field('model', choice(MODELS), 'what bhyve shows as its disk (virtio-blk)');
const DISK = field(
	'disk',
	disk,
	'what is behind it: ada0, a partition of it such as ada0p1, da0 or file (ada0)',
);
const PASSTHRU = field('passthru', listOf(device), 'functions that are bound to it at the start (none)');
export const GUEST = [NAME, GUEST_MEMORY, WIRED, MODEL, DISK, PASSTHRU];

/** A guest, or its name alone. What it may be depends on the host: parseGuest says. */
const guest = raw({anyOf: [NAME.kind.schema, schemaOf(GUEST, ['name'])]});

const IOMMU = field('iommu', choice(FAMILIES), 'the family of the IOMMU (vt-d)');
const MEMORY = field('memory', size(parseHostMemory), 'of the host, such as 256M (256M)');
const POLICY = field(
	'policy',
	choice(POLICIES),
	'what vmm does with guest memory in the host’s domain (remove)',
);
const HOST_PTP = field('hostPtp', flag, 'hw.vmm.amdvi.host_ptp: the host’s domain has a page table (true)');
const RETURNS = field(
	'returnsToHost',
	flag,
	'as before D12661: a device whose VM ends is the host’s again (false)',
);
const HBA = field(
	'hba',
	choice(['silent', 'error']),
	'what the disk’s controller says of memory it cannot read (silent)',
);
const PPTDEVS = field(
	'pptdevs',
	listOf(selector),
	'functions that ppt takes at boot: ppt0, ppt1, … ([4:0:0])',
);
const GUESTS = field('guests', listOf(guest), 'virtual machines (vm0 with ppt0, and vm1)');
export const MACHINE = [IOMMU, MEMORY, POLICY, HOST_PTP, RETURNS, HBA, PPTDEVS, GUESTS];

export const DEFAULT_MEMORY = 256 * 1024 ** 2;

/** Two guests, the first with a passthru device: the story of PR 260178. A guest has a quarter of the memory. */
export const defaultSpec = (hostMemory: number): MachineSpec => ({
	iommu: 'vt-d',
	hostMemory,
	policy: 'remove',
	hostPtp: true,
	returnsToHost: false,
	hba: 'silent',
	pptdevs: ['4:0:0'],
	guests: [
		{...defaultGuest(hostMemory), name: 'vm0', passthru: ['ppt0']},
		{...defaultGuest(hostMemory), name: 'vm1'},
	],
});

/** The same guests where there is no IOMMU: a passthru device cannot be bound then. */
export const withoutPassthru = (machine: MachineSpec): MachineSpec => ({
	...machine,
	guests: machine.guests.map(guest => ({...guest, passthru: []})),
});

const quarterOf = (hostMemory: number): number => Math.floor(hostMemory / 4 / PAGE_SIZE) * PAGE_SIZE;

const defaultGuest = (hostMemory: number): GuestSpec => ({
	name: 'vm',
	memory: quarterOf(hostMemory),
	wired: true,
	model: 'virtio-blk',
	disk: 'ada0',
	passthru: [],
});

/** The machine that `value` describes; what it leaves out is as in `base`. @throws UserError */
export function parseMachine(value: unknown, base: MachineSpec): MachineSpec {
	const fields = fieldsOf('machine', value, MACHINE);
	const hostMemory = valueIn(fields, MEMORY) ?? base.hostMemory;
	const start = hostMemory === base.hostMemory ? base : {...base, guests: defaultSpec(hostMemory).guests};
	const guests = valueIn(fields, GUESTS);
	const iommu = valueIn(fields, IOMMU) ?? base.iommu;
	const machine = {
		iommu,
		hostMemory,
		policy: valueIn(fields, POLICY) ?? base.policy,
		hostPtp: valueIn(fields, HOST_PTP) ?? base.hostPtp,
		returnsToHost: valueIn(fields, RETURNS) ?? base.returnsToHost,
		hba: valueIn(fields, HBA) ?? base.hba,
		pptdevs: checkPptdevs(valueIn(fields, PPTDEVS) ?? base.pptdevs),
		guests: guests ? within('guests', () => parseGuests(guests, hostMemory)) : start.guests,
	};
	return iommu === 'none' && guests === undefined ? withoutPassthru(machine) : machine;
}

/** The network cards of the host, each at a place of its own. */
function checkPptdevs(selectors: readonly string[]): readonly string[] {
	selectors.forEach((selector, i) => {
		const host = HOST_FUNCTIONS.find(({selector: taken}) => parseRid(taken) === parseRid(selector));
		const twice = selectors.findIndex(other => parseRid(other) === parseRid(selector)) !== i;
		if (host === undefined && !twice) return;
		const why = host === undefined ? 'is here twice' : `is ${host.name}, which stays with the host`;
		throw new UserError(`${selector} ${why}; give each a place of its own, such as 5:0:0.`, ['pptdevs', i]);
	});
	return selectors;
}

/** A machine as a file has it: parseMachine reads the same from it, whatever its base. */
export const machineFields = ({hostMemory, guests, ...parts}: MachineSpec): Fields => ({
	...parts,
	memory: sizeWord(hostMemory),
	guests: guests.map(guest => ({...guest, memory: sizeWord(guest.memory)})),
});

function parseGuests(values: readonly unknown[], hostMemory: number): GuestSpec[] {
	const guests = values.map((value, i) => within(i, () => parseGuest('a guest', value, hostMemory)));
	guests.forEach(({name}, i) => {
		if (guests.findIndex(other => other.name === name) !== i)
			throw new UserError(`guests has ${name} twice; give each guest a name of its own.`, [i, 'name']);
	});
	return guests;
}

/** @throws UserError */
export function parseGuest(what: string, value: unknown, hostMemory: number): GuestSpec {
	const fields = fieldsOf(what, typeof value === 'string' ? {name: value} : value, GUEST);
	const base = defaultGuest(hostMemory);
	const name = neededIn(fields, NAME);
	if (OWNERS.includes(name)) {
		const message = `name is ${name}, which is what other memory of the host is known by; choose another.`;
		throw new UserError(message, ['name']);
	}
	const memory = valueIn(fields, GUEST_MEMORY) ?? base.memory;
	if (memory < MIN_GUEST || memory > hostMemory || memory % PAGE_SIZE !== 0) {
		const given = fields.memory === undefined ? sizeWord(memory) : show(fields.memory);
		const message = `memory of ${name} is ${given}; give it from 4M to what the host has.`;
		throw new UserError(message, ['memory']);
	}
	return {
		name,
		memory,
		wired: valueIn(fields, WIRED) ?? base.wired,
		model: valueIn(fields, MODEL) ?? base.model,
		disk: valueIn(fields, DISK) ?? base.disk,
		passthru: valueIn(fields, PASSTHRU) ?? [],
	};
}

/** Whose pages are known by a word of their own. */
const OWNERS = ['free', 'kernel', 'none', 'ahci0', 'xhci0'];
const MIN_GUEST = 4 * 1024 ** 2;
