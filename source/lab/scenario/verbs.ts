// The verbs of a scenario's steps: the fields of each, and the command that they make.

import * as z from 'zod/mini';
import {isExact, PAGE_SIZE, parseHalves} from '../../formats/address.js';
import {parseRid} from '../../formats/pci.js';
import {type Command, type DiskCommand, POLICIES} from '../../machine/command.js';
import type {Comparable} from '../../machine/workload.js';
import {
	about,
	choice,
	fields,
	flag,
	parseData,
	type Schema,
	type Shape,
	text,
	whole,
	word,
} from '../../parse-data.js';
import type {Defaults} from '../build/state.js';
import {completeGuest, completeMachine, device, guest, machine} from './machine-fields.js';

/** A command that lacks only its defaults, which depend on the machine at that moment. */
export type Complete = (defaults: Defaults) => Command;

/** The longest transfer, in sectors: 16 MiB. */
const MAX_SECTORS = 32768;
const MAX_REQUESTS = 64;
/** The most requests of a workload in one command. */
export const MAX_WORK = 10_000;
const MAX_LBA = 2 ** 53 / 512 - MAX_SECTORS * MAX_REQUESTS;

/** An address, a multiple of `multiple`. */
export function address(multiple = 1) {
	const at = whole(0, 2 ** 52, 'expected an address, such as 0x01000000.');
	return multiple === 1 ? at : at.check(z.multipleOf(multiple, `expected a multiple of ${multiple}.`));
}

const WIDE = 'write an address beyond 53 bits as text, a page’s: "0xff00ffffffefe000".';
/** Below 2^53 any address fits a number; above, a page's does, which YAML would take for a rounded number unless quoted. */
const fitsNumber = (text: string): boolean => {
	const value = parseHalves(text.slice(2));
	return value !== undefined && (isExact(value) || value.lo % PAGE_SIZE === 0);
};

/** An address that a device puts on the bus: any of 64 bits. */
export const busAddress = () =>
	z.union([
		address(),
		z.pipe(
			word(/^0x[0-9a-fA-F]{1,16}$/, WIDE).check(z.refine(fitsNumber, WIDE)),
			z.transform(text => Number(text)),
		),
	]);

const DEFAULT_GPA = 'default: 0x01000000, or less where guests are small';
const vm = about('a guest; default: the first', text);
const passthru = z.optional(
	about('a function that ppt has, or a selector such as 4:0:0; default: ppt0', device),
);
const anyDevice = about('a function by its name, or a selector such as 4:0:0', device);

const disk = fields({
	vm: z.optional(vm),
	lba: z._default(about('the first sector', whole(0, MAX_LBA)), 0),
	sectors: z._default(about('how many sectors of 512 bytes', whole(1, MAX_SECTORS)), 8),
	segments: z._default(
		about('how many segments the buffer is cut into, at most as many as sectors', whole(1, MAX_SECTORS)),
		1,
	),
	requests: z._default(
		about('how many requests, one after the other, in one kick', whole(1, MAX_REQUESTS)),
		1,
	),
	// A PRD's address is word-aligned.
	gpa: z.optional(about(`the buffer in guest memory; ${DEFAULT_GPA}`, address(2))),
}).check(
	z.refine(({sectors, segments}) => segments <= sectors, {
		path: ['segments'],
		error: 'expected at most as many as sectors.',
	}),
);

const dma = fields({
	device: passthru,
	access: z._default(about('what the function does to memory', choice(['write', 'read'])), 'write'),
	gpa: z.optional(about(`an address in the function’s domain; ${DEFAULT_GPA}`, busAddress())),
	bytes: z._default(about('how many bytes', whole(1, MAX_SECTORS * 512)), PAGE_SIZE),
}).check(
	z.refine(({gpa = 0, bytes}) => gpa + bytes <= 2 ** 64, {
		path: ['bytes'],
		error: 'expected at most as many as there are up to 2^64.',
	}),
);

const count = about('how many requests', whole(1, MAX_WORK));
const work = fields({
	count: z._default(count, 100),
	writes: z._default(about('the percentage of writes', whole(0, 100)), 0),
});

const table = fields({
	from: z._default(about('the domain: the host’s, or the guest’s own', choice(['host', 'guest'])), 'host'),
	vm: z.optional(vm),
	gpa: z.optional(about(`the first page in guest memory; ${DEFAULT_GPA}`, address(PAGE_SIZE))),
	pages: z._default(about('how many pages', whole(1, 2 ** 20)), 1),
	invalidate: z._default(about('whether the IOTLB is invalidated', flag), true),
});

const NEW_DEVICE = 'use a new name such as nvme0.';
const NEW_RID = 'use a free bus:device:function, such as 5:0:0.';
const plug = fields({
	device: about('its name, such as nvme0', word(/^[a-z]+\d+$/, NEW_DEVICE)),
	rid: about(
		'its place, such as 5:0:0',
		word(/^\d{1,3}:\d{1,2}:[0-7]$/, NEW_RID).check(z.refine(rid => parseRid(rid) !== undefined, NEW_RID)),
	),
});

const policy = about('the new policy', choice(POLICIES));

/** Every verb of a scenario's steps. */
export const VERBS = {
	read: diskVerb('read', 'A guest reads its disk.'),
	write: diskVerb('write', 'A guest writes to its disk; needs --writable or --overlay.'),
	delete: diskVerb('delete', 'A guest trims sectors of its disk; needs --writable or --overlay.'),
	dma: verb('A function writes or reads at an address of its domain.', dma, (given, defaults) => {
		const {device = defaults.device, access, gpa = defaults.gpa, bytes} = given;
		return {do: 'dma', device, access, gpa, bytes};
	}),
	work: verb(
		'Guests issue requests of their own, one after the other.',
		work,
		given => ({do: 'work', ...given}),
		{count},
	),
	boot: vmVerb('boot', 'A guest looks for a disk to boot.'),
	policy: verb(
		'The policy changes; passthru devices are rebound.',
		fields({policy}),
		given => ({do: 'policy', ...given}),
		{policy},
	),
	create: verb(
		'A new guest starts and looks for a disk to boot.',
		guest,
		(given, defaults) => ({do: 'create', ...completeGuest(given, defaults.machine.hostMemory)}),
		{name: guest.shape.name},
	),
	destroy: vmVerb('destroy', 'A guest ends; its memory is free.'),
	reinit: vmVerb('reinit', 'A guest restarts; its passthru devices are rebound.'),
	bind: bindVerb('bind', 'A guest gets a passthru device.'),
	unbind: bindVerb('unbind', 'A guest loses a passthru device.'),
	attach: deviceVerb('attach', 'ppt takes a function of the host.'),
	detach: deviceVerb('detach', 'ppt returns a function to the host.'),
	unplug: deviceVerb('unplug', 'A function leaves the bus.'),
	plug: verb('A new function appears on the bus.', plug, given => ({do: 'plug', ...given})),
	unload: verb('vmm is unloaded, and loaded again.', fields({}), () => ({do: 'unload'})),
	unmap: tableVerb('unmap', 'Pages of a guest leave a domain; no kernel does this.'),
	map: tableVerb('map', 'Pages of a guest enter a domain; no kernel does this.'),
	invalidate: verb('The IOTLB is emptied.', fields({}), () => ({do: 'invalidate'})),
	start: verb('The machine restarts with these parts changed.', machine, (given, defaults) => ({
		do: 'start',
		machine: completeMachine(given, defaults.machine),
	})),
} satisfies Record<Command['do'], unknown>;

export const isVerb = (name: string): name is Command['do'] => Object.hasOwn(VERBS, name);
export const VERB_NAMES = Object.keys(VERBS).filter(isVerb);

/** Checks a command that a person put together in a form. @throws UserError that says which field is wrong */
export function checkCommand({do: verb, ...given}: Comparable, defaults: Defaults): void {
	parseData(VERBS[verb], given, verb)?.(defaults);
}

function isOptional(field: z.core.$ZodType): boolean {
	return field instanceof z.ZodMiniOptional || field instanceof z.ZodMiniDefault;
}

/** A verb with its fields; `short`: the field that a value without a map stands for. */
function verb<S extends Shape>(
	description: string,
	map: z.ZodMiniObject<S, z.core.$strict>,
	complete: (given: z.output<z.ZodMiniObject<S, z.core.$strict>>, defaults: Defaults) => Command,
	short: Shape = {},
) {
	const forms: Schema<z.output<typeof map>>[] = [map];
	for (const [name, schema] of Object.entries(short))
		forms.unshift(
			z.pipe(
				schema,
				z.transform(value => map.parse({[name]: value})),
			),
		);
	if (Object.values(map.shape).every(isOptional))
		forms.push(
			z.pipe(
				z.literal([null, true]),
				z.transform(() => map.parse({})),
			),
		);
	const given = z.pipe(
		z.union(forms),
		z.transform(
			(fields): Complete =>
				defaults =>
					complete(fields, defaults),
		),
	);
	return z.optional(about(description, given));
}

function diskVerb(op: DiskCommand['do'], description: string) {
	return verb(description, disk, (given, defaults) => {
		const {vm = defaults.vm, gpa = defaults.gpa, ...rest} = given;
		return {do: op, vm, ...rest, gpa};
	});
}

function vmVerb(op: 'boot' | 'destroy' | 'reinit', description: string) {
	return verb(
		description,
		fields({vm: z.optional(vm)}),
		(given, defaults) => ({do: op, vm: given.vm ?? defaults.vm}),
		{vm},
	);
}

function bindVerb(op: 'bind' | 'unbind', description: string) {
	return verb(description, fields({vm: z.optional(vm), device: passthru}), (given, defaults) => {
		const {vm = defaults.vm, device = defaults.device} = given;
		return {do: op, vm, device};
	});
}

function deviceVerb(op: 'attach' | 'detach' | 'unplug', description: string) {
	return verb(description, fields({device: anyDevice}), given => ({do: op, ...given}), {device: anyDevice});
}

function tableVerb(op: 'map' | 'unmap', description: string) {
	return verb(description, table, (given, defaults) => {
		const {from, vm = defaults.vm, gpa = defaults.gpa, ...rest} = given;
		return {do: op, from, vm, gpa, ...rest};
	});
}
