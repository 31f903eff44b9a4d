// Expectations for which the machine is looked at after the step: whose a page is, where a walk ends, what a guest's
// console says.

import {CAUSES, causeOf} from '../../explain/cause.js';
import {ownerAt} from '../../explain/ranges.js';
import {explainWalk} from '../../explain/walk.js';
import {hex} from '../../formats/address.js';
import {parseRid, type Rid} from '../../formats/pci.js';
import {LOOKING} from '../../guest/boot.js';
import type {Command} from '../../machine/command.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Transfer} from '../../machine/transfer.js';
import {UserError, within} from '../../user-error.js';
import {show} from '../../words.js';
import type {Limits} from '../build/limits.js';
import {device} from '../build/spec.js';
import {field, fieldsOf, neededIn, schemaOf, valueIn} from './fields.js';
import {address, choice, type Kind, oneOf, text, whole} from './kinds.js';

/** A step that was taken, and the outcomes of those before it. */
export type Seen = {
	command: Command;
	outcome: Outcome;
	earlier: readonly Outcome[];
	machine: ObservedMachine;
};
/** Of a step that is read: the commands up to its own, and what there is on the machine after it. */
export type Context = {commands: readonly Command[]; limits: Limits};

/** All that are not so, in one sentence. */
function together<T>(wanted: readonly T[], unmet: (one: T) => string | undefined): string | undefined {
	const sentences = wanted.map(unmet).filter(sentence => sentence !== undefined);
	return sentences.length === 0 ? undefined : sentences.join('; ');
}

const HPA = field('hpa', address(), 'an address of host memory');
const OWNER = field('owner', text, 'vm0, kernel, free, no memory, …');
const PAGE_FIELDS = [HPA, OWNER];
type Page = {hpa: number; owner: string};
export const page: Kind<Page> = {
	schema: schemaOf(PAGE_FIELDS, ['hpa', 'owner']),
	read: (value, name) => {
		const given = fieldsOf(name, value, PAGE_FIELDS);
		return {hpa: neededIn(given, HPA), owner: neededIn(given, OWNER)};
	},
};

export const pageUnmet = (pages: readonly Page[], {machine}: Seen): string | undefined =>
	together(pages, ({hpa, owner}) => {
		const is = ownerAt(machine.state().owned, hpa);
		return is === owner ? undefined : `the owner of ${hex(hpa)} was to be ${owner} and is ${is}`;
	});

const ENDS = ['memory', 'fault', ...CAUSES] as const;
type End = number | (typeof ENDS)[number];
const end: Kind<End> = {
	schema: {anyOf: [{enum: ENDS}, whole(0, 2 ** 52).schema]},
	read: (value, name) => (typeof value === 'number' ? address().read(value, name) : oneOf(name, value, ENDS)),
};

const DEVICE = field('device', device, 'who asks (the one whose transfer the step was)');
const IOVA = field('iova', address(), 'for what address (the first that the transfer put on the bus)');
const ACCESS = field('access', choice(['read', 'write']), 'what for (as the transfer did; else write)');
const GIVES = field('gives', end, 'memory, a host address, fault, or why it faults');
const WALK_FIELDS = [DEVICE, IOVA, ACCESS, GIVES, OWNER];
type Asked = {device?: string; iova?: number; access?: 'read' | 'write'; gives: End; owner?: string};
export const walk: Kind<Asked> = {
	schema: schemaOf(WALK_FIELDS, ['gives']),
	read: (value, name) => {
		const given = fieldsOf(name, value, WALK_FIELDS);
		return {
			device: valueIn(given, DEVICE),
			iova: valueIn(given, IOVA),
			access: valueIn(given, ACCESS),
			gives: neededIn(given, GIVES),
			owner: valueIn(given, OWNER),
		};
	},
};

/** @throws UserError where the walk leaves out what its step has not, or names a function that is not there */
export function walkMakesSense(walks: readonly Asked[], {commands, limits}: Context): void {
	const verb = commands.at(-1)?.do ?? '';
	const transfers = ['read', 'write', 'dma'].includes(verb);
	walks.forEach(({device, iova}, i) => {
		if (device !== undefined && parseRid(device) === undefined)
			within(i, () => within('device', () => oneOf('device', device, limits.devices)));
		if (!transfers && (device === undefined || iova === undefined))
			throw new UserError(`${verb} has no address of its own to walk; give device and iova.`, [i]);
	});
}

export function walkUnmet(walks: readonly Asked[], seen: Seen): string | undefined {
	const {machine, outcome} = seen;
	const state = machine.state();
	const transfer = outcome.kind === 'transfer' ? outcome.transfer : undefined;
	return together(walks, asked => {
		const name = asked.device ?? transfer?.device;
		const rid = name === undefined ? undefined : ridOf(state, name);
		const iova = asked.iova ?? transfer?.iova;
		if (name === undefined || rid === undefined || iova === undefined)
			return 'a walk was expected, and the transfer put no address on the bus';
		const write = asked.access === undefined ? writes(transfer) : asked.access === 'write';
		const {end} = explainWalk(machine.memory, state, rid, iova, write);
		const ends: End[] = end.kind === 'fault' ? [end.kind, causeOf(end.text)] : [end.kind, end.hpa];
		const owner = end.kind === 'fault' ? 'none' : end.owner;
		if (ends.includes(asked.gives) && (asked.owner ?? owner) === owner) return undefined;
		const wanted = `${report(asked.gives)}${asked.owner === undefined ? '' : ` of ${asked.owner}`}`;
		const got = end.kind === 'fault' ? `fault, ${causeOf(end.text)}` : `${hex(end.hpa)} of ${owner}`;
		return `the walk of ${name} at ${hex(iova)} was to give ${wanted} and gives ${got}`;
	});
}

const report = (gives: End): string => (typeof gives === 'number' ? hex(gives) : gives);

const ridOf = ({devices}: MachineState, device: string): Rid | undefined =>
	parseRid(device) ?? devices.find(({name}) => name === device)?.rid;

/** Whether the function wrote memory: for a guest's write it reads. */
const writes = (transfer: Transfer | undefined): boolean =>
	transfer?.command.do === 'dma' ? transfer.command.access === 'write' : transfer?.command.do !== 'write';

export function consoleUnmet(texts: readonly string[], {command, machine}: Seen): string | undefined {
	const {vms} = machine.state();
	const name = 'vm' in command ? command.vm : command.do === 'create' ? command.name : vms[0]?.name;
	const lines = vms.find(vm => vm.name === name)?.console ?? [];
	const since = lines.slice(lines.findLastIndex(line => line.startsWith(LOOKING)));
	return together(texts, wanted =>
		since.join('\n').includes(wanted)
			? undefined
			: `the console of ${name ?? 'a guest'} was to say ${show(wanted)} and says ${show(since.at(-1) ?? '')}`,
	);
}
