// Commands as they come from outside: read from a scenario's plain data, and checked against the machine.

import {parseRid} from '../../formats/pci.js';
import type {Command, DiskCommand, LifecycleCommand, WorkCommand} from '../../machine/command.js';
import {UserError, within} from '../../user-error.js';
import {show} from '../../words.js';
import type {Limits} from '../build/limits.js';
import {fieldsOf, valueIn} from './fields.js';
import {oneOf} from './kinds.js';
import {VERBS, type Verb} from './verbs.js';

export const verbs: readonly string[] = Object.keys(VERBS);
const verbOf = (name: string): Verb | undefined => new Map(Object.entries(VERBS)).get(name);

/** A command from `verb: value` of a scenario. What is left out takes the panel's defaults. @throws UserError */
export function parseCommand(name: string, value: unknown, limits: Limits): Command {
	const verb = verbOf(name);
	if (verb === undefined) throw new UserError(`${show(name)} is no command; it may be ${verbs.join(', ')}.`);
	const {short} = verb;
	const isShort = short !== undefined && (typeof value === 'string' || typeof value === 'number');
	const given = fieldsOf(name, isShort ? {[short]: value} : value, verb.fields);
	const command = verb.build(given, limits);
	checkCommand(command, limits);
	return command;
}

/** @throws UserError that says which field of the command is wrong, and what it may be. */
export function checkCommand(command: Command, limits: Limits): void {
	// Their machines and guests are data of another form in a file, and have been read from it.
	if (command.do !== 'start' && command.do !== 'create') {
		for (const field of VERBS[command.do].fields) valueIn({...command}, field);
	}
	if ('vm' in command) within('vm', () => oneOf('vm', command.vm, limits.vms));
	switch (command.do) {
		case 'read':
		case 'write':
		case 'delete':
			checkDisk(command, limits);
			break;
		case 'work':
			checkWork(command, limits);
			break;
		case 'dma':
			checkDevice(command.device, limits);
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

function checkDisk({do: op, sectors, segments}: DiskCommand, limits: Limits): void {
	if (segments > sectors) {
		const message = `segments is ${segments}; it may be a whole number from 1 to ${sectors}, as many as sectors.`;
		throw new UserError(message, ['segments']);
	}
	if (op !== 'read') checkWritable(limits);
}

function checkWritable({writable}: Limits): void {
	if (!writable)
		throw new UserError(
			'The disk is open read-only; start dmascope with --overlay, which keeps what is written in memory, or with --writable.',
		);
}

function checkWork({writes = 0}: WorkCommand, limits: Limits): void {
	if (limits.vms.length === 0) throw new UserError('There is no guest that could work; create one.');
	if (writes > 0) within('writes', () => checkWritable(limits));
}

function checkLife(command: LifecycleCommand, limits: Limits): void {
	if (command.do === 'create') {
		const {name} = command;
		if (limits.vms.includes(name))
			throw new UserError(`There is a guest ${name} already; give the new one another name.`, ['name']);
	} else if (command.do === 'plug') {
		const {device, rid} = command;
		if (parseRid(rid) === undefined)
			throw new UserError(`rid is ${show(rid)}; give a free bus:device:function, such as 5:0:0.`, ['rid']);
		if (limits.devices.includes(device))
			throw new UserError(`device is ${show(device)}; give a new name such as nvme0.`, ['device']);
	} else if ('device' in command) checkDevice(command.device, limits);
}

function checkDevice(device: string, limits: Limits): void {
	if (parseRid(device) === undefined) within('device', () => oneOf('device', device, limits.devices));
}
