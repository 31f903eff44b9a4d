// Commands as they come from outside: read from a scenario's plain data, and checked against the machine.

import {PAGE_SIZE} from '../formats/address.js';
import {parseRid} from '../formats/pci.js';
import {
	type Command,
	type DiskCommand,
	type DmaCommand,
	type LifeCommand,
	POLICIES,
	type TableCommand,
	type WorkCommand,
} from '../seam/command.js';
import {UserError} from '../user-error.js';
import {choiceIn, type Fields, fieldsOf, flagIn, numberIn, oneOf, show, textIn, whole} from './fields.js';
import type {Limits} from './limits.js';
import {deviceOf, GUEST_FIELDS, parseGuest, parseMachine} from './spec.js';

/** The longest transfer, in sectors: 16 MiB. */
export const MAX_SECTORS = 32768;
const MAX_REQUESTS = 64;
/** The most requests of a workload in one command. */
export const MAX_WORK = 10_000;
const MAX_ADDRESS = 2 ** 52;

type Verb = {
	fields: readonly string[];
	/** The field that a value which is no map stands for. */
	short?: string;
	build: (fields: Fields, limits: Limits) => Command;
};

const DISK_FIELDS = ['vm', 'lba', 'sectors', 'segments', 'requests', 'gpa'];
const TABLE_FIELDS = ['from', 'vm', 'gpa', 'pages', 'invalidate'];

/** Every verb of a scenario's steps. */
const VERBS: Record<Command['do'], Verb> = {
	read: {fields: DISK_FIELDS, build: (fields, limits) => diskCommand('read', fields, limits)},
	write: {fields: DISK_FIELDS, build: (fields, limits) => diskCommand('write', fields, limits)},
	delete: {fields: DISK_FIELDS, build: (fields, limits) => diskCommand('delete', fields, limits)},
	dma: {
		fields: ['device', 'access', 'gpa', 'bytes'],
		build: (fields, limits) => ({
			do: 'dma',
			device: textIn(fields, 'device', limits.passthru),
			access: choiceIn(fields, 'access', ['write', 'read'], 'write'),
			gpa: numberIn(fields, 'gpa', limits.defaultGpa),
			bytes: numberIn(fields, 'bytes', PAGE_SIZE),
		}),
	},
	work: {
		fields: ['count', 'writes'],
		short: 'count',
		build: fields => ({
			do: 'work',
			count: numberIn(fields, 'count', 100),
			writes: numberIn(fields, 'writes', 0),
		}),
	},
	boot: {fields: ['vm'], short: 'vm', build: (fields, limits) => ({do: 'boot', vm: vmIn(fields, limits)})},
	policy: {
		fields: ['policy'],
		short: 'policy',
		build: fields => ({do: 'policy', policy: choiceIn(fields, 'policy', POLICIES)}),
	},
	create: {
		fields: GUEST_FIELDS,
		short: 'name',
		build: (fields, limits) => ({do: 'create', ...parseGuest('create', fields, limits.hostMemory)}),
	},
	destroy: vmVerb('destroy'),
	reinit: vmVerb('reinit'),
	bind: bindVerb('bind'),
	unbind: bindVerb('unbind'),
	attach: deviceVerb('attach'),
	detach: deviceVerb('detach'),
	unplug: deviceVerb('unplug'),
	plug: {
		fields: ['device', 'rid'],
		build: fields => ({do: 'plug', device: textIn(fields, 'device'), rid: textIn(fields, 'rid')}),
	},
	unload: {fields: [], build: () => ({do: 'unload'})},
	unmap: {fields: TABLE_FIELDS, build: (fields, limits) => tableCommand('unmap', fields, limits)},
	map: {fields: TABLE_FIELDS, build: (fields, limits) => tableCommand('map', fields, limits)},
	invalidate: {fields: [], build: () => ({do: 'invalidate'})},
	start: {
		fields: ['iommu', 'memory', 'policy', 'hostPtp', 'returnsToHost', 'hba', 'pptdevs', 'guests'],
		build: (fields, limits) => ({do: 'start', machine: parseMachine(fields, limits.machine)}),
	},
};
export const verbs: readonly string[] = Object.keys(VERBS);
/** The field that a value which is no map stands for. */
export const shortOf = (verb: Command['do']): string | undefined => VERBS[verb].short;
const verbOf = (name: string): Verb | undefined => new Map(Object.entries(VERBS)).get(name);

const vmIn = (fields: Fields, limits: Limits): string => textIn(fields, 'vm', limits.vms[0] ?? '');

function vmVerb(verb: 'destroy' | 'reinit'): Verb {
	return {fields: ['vm'], short: 'vm', build: (fields, limits) => ({do: verb, vm: vmIn(fields, limits)})};
}

function bindVerb(verb: 'bind' | 'unbind'): Verb {
	return {
		fields: ['vm', 'device'],
		build: (fields, limits) => ({
			do: verb,
			vm: vmIn(fields, limits),
			device: deviceOf(fields.device ?? limits.passthru),
		}),
	};
}

function deviceVerb(verb: 'attach' | 'detach' | 'unplug'): Verb {
	return {
		fields: ['device'],
		short: 'device',
		build: fields => ({do: verb, device: deviceOf(fields.device)}),
	};
}

function diskCommand(verb: DiskCommand['do'], fields: Fields, limits: Limits): DiskCommand {
	return {
		do: verb,
		vm: vmIn(fields, limits),
		lba: numberIn(fields, 'lba', 0),
		sectors: numberIn(fields, 'sectors', 8),
		segments: numberIn(fields, 'segments', 1),
		requests: numberIn(fields, 'requests', 1),
		gpa: numberIn(fields, 'gpa', limits.defaultGpa),
	};
}

function tableCommand(verb: 'map' | 'unmap', fields: Fields, limits: Limits): TableCommand {
	return {
		do: verb,
		from: choiceIn(fields, 'from', ['host', 'guest'], 'host'),
		vm: vmIn(fields, limits),
		gpa: numberIn(fields, 'gpa', limits.defaultGpa),
		pages: numberIn(fields, 'pages', 1),
		invalidate: flagIn(fields, 'invalidate', true),
	};
}

/** A command from `verb: value` of a scenario. What is left out takes the panel's defaults. @throws UserError */
export function parseCommand(name: string, value: unknown, limits: Limits): Command {
	const verb = verbOf(name);
	if (verb === undefined) throw new UserError(`"${name}" is no command; it may be ${verbs.join(', ')}.`);
	const isShort = verb.short !== undefined && (typeof value === 'string' || typeof value === 'number');
	const fields = fieldsOf(name, isShort ? {[verb.short ?? '']: value} : value, verb.fields);
	const command = verb.build(fields, limits);
	checkCommand(command, limits);
	return command;
}

/** @throws UserError that says which field of the command is wrong, and what it may be. */
export function checkCommand(command: Command, limits: Limits): void {
	if ('vm' in command) oneOf('vm', command.vm, limits.vms);
	switch (command.do) {
		case 'policy':
			oneOf('policy', command.policy, POLICIES);
			break;
		case 'read':
		case 'write':
		case 'delete':
			checkDisk(command, limits);
			break;
		case 'dma':
			checkDma(command, limits);
			break;
		case 'work':
			checkWork(command, limits);
			break;
		case 'map':
		case 'unmap':
			whole('pages', command.pages, 1, 2 ** 20);
			whole('gpa', command.gpa, 0, MAX_ADDRESS);
			if (command.gpa % PAGE_SIZE !== 0) throw new UserError('gpa must be the start of a page.');
			break;
		case 'bind':
		case 'unbind':
		case 'attach':
		case 'detach':
		case 'unplug':
		case 'plug':
		case 'create':
			checkLife(command, limits);
			break;
		default:
	}
}

function checkDisk({do: op, lba, sectors, segments, requests = 1, gpa}: DiskCommand, limits: Limits): void {
	whole('lba', lba, 0, 2 ** 53 / 512 - MAX_SECTORS * MAX_REQUESTS);
	whole('sectors', sectors, 1, MAX_SECTORS);
	whole('segments', segments, 1, sectors);
	whole('requests', requests, 1, MAX_REQUESTS);
	whole('gpa', gpa, 0, MAX_ADDRESS);
	if (gpa % 2 !== 0) throw new UserError('gpa must be even: a PRD names memory by words.');
	if (op !== 'read') checkWritable(limits);
}

function checkWritable({writable}: Limits): void {
	if (!writable)
		throw new UserError('The disk is open read-only; start dmascope with --writable to write to it.');
}

function checkWork({count, writes = 0}: WorkCommand, limits: Limits): void {
	if (limits.vms.length === 0) throw new UserError('There is no guest that could work; create one.');
	whole('count', count, 1, MAX_WORK);
	whole('writes', writes, 0, 100);
	if (writes > 0) checkWritable(limits);
}

function checkDma({device, access, gpa, bytes}: DmaCommand, limits: Limits): void {
	checkDevice(device, limits);
	oneOf('access', access, ['write', 'read']);
	whole('gpa', gpa, 0, MAX_ADDRESS);
	whole('bytes', bytes, 1, MAX_SECTORS * 512);
}

function checkLife(command: LifeCommand, limits: Limits): void {
	if (command.do === 'create' && limits.vms.includes(command.name))
		throw new UserError(`There is a guest ${command.name} already; give the new one another name.`);
	if (command.do === 'plug') {
		const rid = parseRid(command.rid);
		if (rid === undefined)
			throw new UserError(`rid is ${show(command.rid)}; give a free bus:device:function, such as 5:0:0.`);
		if (!/^[a-z]+\d+$/.test(command.device) || limits.devices.includes(command.device))
			throw new UserError(`device is ${show(command.device)}; give a new name such as nvme0.`);
	} else if ('device' in command) checkDevice(command.device, limits);
}

function checkDevice(device: string, limits: Limits): void {
	if (parseRid(device) === undefined) oneOf('device', device, limits.devices);
}
