// What a machine is made of before it is switched on: from flags, from a scenario's `machine`, or changed by `start`.

import {PAGE_SIZE} from '../formats/address.js';
import {parseRid} from '../formats/pci.js';
import {FAMILIES, type GuestSpec, type MachineSpec, MODELS, POLICIES} from '../seam/command.js';
import {UserError} from '../user-error.js';
import {choiceIn, type Fields, fieldsOf, flagIn, listIn, show, textIn} from './fields.js';
import {parseHostMemory, parseSize, sizeWord} from './host-memory.js';

const MACHINE = [
	'iommu',
	'memory',
	'policy',
	'hostPtp',
	'returnsToHost',
	'hba',
	'pptdevs',
	'guests',
] as const satisfies readonly string[];
export const GUEST_FIELDS = ['name', 'memory', 'wired', 'model', 'disk', 'passthru'];

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
	const hostMemory =
		fields.memory === undefined ? base.hostMemory : parseHostMemory(textIn(fields, 'memory'), 'memory');
	const start = hostMemory === base.hostMemory ? base : {...base, guests: defaultSpec(hostMemory).guests};
	const guests = fields.guests === undefined ? start.guests : parseGuests(fields, hostMemory);
	const iommu = choiceIn(fields, 'iommu', FAMILIES, base.iommu);
	const machine = {
		iommu,
		hostMemory,
		policy: choiceIn(fields, 'policy', POLICIES, base.policy),
		hostPtp: flagIn(fields, 'hostPtp', base.hostPtp),
		returnsToHost: flagIn(fields, 'returnsToHost', base.returnsToHost),
		hba: choiceIn(fields, 'hba', ['silent', 'error'], base.hba),
		pptdevs: listIn(fields, 'pptdevs', base.pptdevs).map(selectorOf),
		guests,
	};
	return iommu === 'none' && fields.guests === undefined ? withoutPassthru(machine) : machine;
}

/** A machine as a file has it: parseMachine reads the same from it, whatever its base. */
export const machineFields = ({hostMemory, guests, ...parts}: MachineSpec): Fields => ({
	...parts,
	memory: sizeWord(hostMemory),
	guests: guests.map(guest => ({...guest, memory: sizeWord(guest.memory)})),
});

function parseGuests(fields: Fields, hostMemory: number): GuestSpec[] {
	const guests = listIn(fields, 'guests', []).map(each => parseGuest('a guest', each, hostMemory));
	const twice = guests.find(({name}, i) => guests.findIndex(other => other.name === name) !== i);
	if (twice) throw new UserError(`guests has ${twice.name} twice; give each guest a name of its own.`);
	return guests;
}

/** @throws UserError */
export function parseGuest(what: string, value: unknown, hostMemory: number): GuestSpec {
	const fields = fieldsOf(what, typeof value === 'string' ? {name: value} : value, GUEST_FIELDS);
	const base = defaultGuest(hostMemory);
	const name = textIn(fields, 'name');
	if (!/^[a-z][a-z0-9-]{0,15}$/i.test(name)) {
		throw new UserError(
			`name is ${show(fields.name)}; a guest's name is a letter and up to 15 more, such as vm2.`,
		);
	}
	const memory = fields.memory === undefined ? base.memory : parseSize(textIn(fields, 'memory'), 'memory');
	if (memory < MIN_GUEST || memory > hostMemory || memory % PAGE_SIZE !== 0) {
		throw new UserError(`memory of ${name} is ${show(fields.memory)}; give it from 4M to what the host has.`);
	}
	return {
		name,
		memory,
		wired: flagIn(fields, 'wired', base.wired),
		model: choiceIn(fields, 'model', MODELS, base.model),
		disk: diskOf(textIn(fields, 'disk', base.disk)),
		passthru: listIn(fields, 'passthru', []).map(deviceOf),
	};
}

const MIN_GUEST = 4 * 1024 ** 2;

function diskOf(disk: string): string {
	if (/^((ada0|da0)([ps]\d+)?|file)$/.test(disk)) return disk;
	throw new UserError(
		`disk is ${show(disk)}; it may be ada0 (raw), ada0p1 (a partition), da0 (the same disk on USB) or file.`,
	);
}

/** bus:device:function, also as the loader's pptdevs writes it: 4/0/0. */
function selectorOf(value: unknown): string {
	const text = typeof value === 'string' ? value.replaceAll('/', ':') : '';
	if (parseRid(text) !== undefined) return text;
	throw new UserError(`${show(value)} is no PCI selector; write bus:device:function, such as 4:0:0.`);
}

export function deviceOf(value: unknown): string {
	const text = typeof value === 'string' ? value : '';
	return /^[a-z]+\d+$/.test(text) ? text : selectorOf(value);
}
