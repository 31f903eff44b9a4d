// Commands as they come from outside: read from a scenario's plain data, and checked against the machine.

import {PAGE_SIZE} from '../formats/address.js';
import {DRIVER_MEMORY, MAX_SEGMENTS} from '../guest/vtblk.js';
import {type Command, type DiskCommand, type DmaCommand, POLICIES} from '../seam/observed.js';
import {UserError} from '../user-error.js';

/** What a command is checked against. */
export type Limits = {
	vms: readonly string[];
	passthru: readonly string[];
	defaultGpa: number;
	writable: boolean;
	hostMemory: number;
};

/** The longest transfer, in sectors: 16 MiB. */
export const MAX_SECTORS = 32768;
const MAX_ADDRESS = 2 ** 52;

/** @throws UserError that says which field of the command is wrong, and what it may be. */
export function checkCommand(command: Command, limits: Limits): void {
	if (command.do === 'policy') oneOf('policy', command.policy, POLICIES);
	else if (command.do === 'boot') oneOf('vm', command.vm, limits.vms);
	else if (command.do === 'dma') checkDma(command, limits);
	else checkDisk(command, limits);
}

function checkDisk({do: op, vm, lba, sectors, segments, gpa}: DiskCommand, limits: Limits): void {
	oneOf('vm', vm, limits.vms);
	whole('lba', lba, 0, 2 ** 53 / 512 - MAX_SECTORS);
	whole('sectors', sectors, 1, MAX_SECTORS);
	whole('segments', segments, 1, Math.min(sectors, MAX_SEGMENTS));
	whole('gpa', gpa, 0, MAX_ADDRESS);
	if (gpa % 2 !== 0) throw new UserError('gpa must be even: a PRD names memory by words.');
	if (gpa < DRIVER_MEMORY.end && gpa + sectors * 512 > DRIVER_MEMORY.start) {
		throw new UserError(
			`gpa 0x${gpa.toString(16)} runs into the guest driver's queue at 0x80000–0x88fff; choose another.`,
		);
	}
	if (op === 'write' && !limits.writable) {
		throw new UserError('The disk is open read-only; start dmascope with --writable to write to it.');
	}
}

function checkDma({device, access, gpa, bytes}: DmaCommand, limits: Limits): void {
	oneOf('device', device, limits.passthru);
	oneOf('access', access, ['write', 'read']);
	whole('gpa', gpa, 0, MAX_ADDRESS);
	whole('bytes', bytes, 1, MAX_SECTORS * 512);
}

function oneOf(field: string, value: string, allowed: readonly string[]): void {
	if (!allowed.includes(value))
		throw new UserError(`${field} is ${show(value)}; it may be ${allowed.join(', ')}.`);
}

function whole(field: string, value: number, least: number, most: number): void {
	if (Number.isSafeInteger(value) && value >= least && value <= most) return;
	throw new UserError(`${field} is ${show(value)}; it may be a whole number from ${least} to ${most}.`);
}

const show = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value));

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

/** The verbs of a scenario's steps, and the fields that each takes. */
const VERBS: Record<string, readonly string[]> = {
	read: ['vm', 'lba', 'sectors', 'segments', 'gpa'],
	write: ['vm', 'lba', 'sectors', 'segments', 'gpa'],
	dma: ['device', 'access', 'gpa', 'bytes'],
	boot: ['vm'],
	policy: ['policy'],
};
export const verbs = Object.keys(VERBS);

/**
 * A command from `verb: value` of a scenario. What is left out takes the panel's defaults: vm0, LBA 0, a page,
 * one segment. @throws UserError
 */
export function parseCommand(verb: string, value: unknown, limits: Limits): Command {
	const shorthand = verb === 'policy' || verb === 'boot';
	const fields: unknown = shorthand && typeof value === 'string' ? {[VERBS[verb][0]]: value} : (value ?? {});
	if (!isFields(fields))
		throw new UserError(`${verb} takes fields (${VERBS[verb].join(', ')}), not ${show(value)}.`);
	const unknown = Object.keys(fields).find(name => !VERBS[verb].includes(name));
	if (unknown !== undefined) {
		throw new UserError(`${verb} has no field "${unknown}"; it takes ${VERBS[verb].join(', ')}.`);
	}
	const command = build(verb, fields, limits);
	checkCommand(command, limits);
	return command;
}

function build(verb: string, fields: Fields, limits: Limits): Command {
	const number = (name: string, fallback: number): number => {
		const value = fields[name] ?? fallback;
		if (typeof value !== 'number') throw new UserError(`${name} is ${show(value)}; it takes a number.`);
		return value;
	};
	const text = (name: string, fallback: string): string => {
		const value = fields[name] ?? fallback;
		if (typeof value !== 'string') throw new UserError(`${name} is ${show(value)}; it takes a word.`);
		return value;
	};
	const vm = () => text('vm', limits.vms[0] ?? '');
	const gpa = () => number('gpa', limits.defaultGpa);
	switch (verb) {
		case 'policy': {
			const policy = text('policy', '');
			const known = POLICIES.find(name => name === policy);
			if (known === undefined)
				throw new UserError(`policy is ${show(policy)}; it may be ${POLICIES.join(', ')}.`);
			return {do: 'policy', policy: known};
		}
		case 'boot':
			return {do: 'boot', vm: vm()};
		case 'dma': {
			const access = text('access', 'write') === 'read' ? 'read' : 'write';
			oneOf('access', text('access', 'write'), ['write', 'read']);
			return {
				do: 'dma',
				device: text('device', limits.passthru[0] ?? ''),
				access,
				gpa: gpa(),
				bytes: number('bytes', PAGE_SIZE),
			};
		}
		default: {
			const op = verb === 'write' ? 'write' : 'read';
			const sectors = number('sectors', 8);
			return {do: op, vm: vm(), lba: number('lba', 0), sectors, segments: number('segments', 1), gpa: gpa()};
		}
	}
}
