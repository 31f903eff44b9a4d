// Expectations about the machine after the step: a page's owner, the result of a walk, the text on a console.

import * as z from 'zod/mini';
import {unknownWord} from '../../did-you-mean.js';
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
import {about, choice, fields, text} from '../../parse-data.js';
import {UserError} from '../../user-error.js';
import {show} from '../../words.js';
import {device} from './machine-fields.js';
import {address} from './verbs.js';

/** A step that was taken, and the outcomes of the steps before it. */
export type Taken = {
	command: Command;
	outcome: Outcome;
	earlier: readonly Outcome[];
	machine: ObservedMachine;
};
/** The commands up to the step's own, and the machine after it. */
export type Context = {commands: readonly Command[]; machine: {state(): MachineState}};

/** The failures among several expectations, in one sentence. */
function together<T>(wanted: readonly T[], unmet: (one: T) => string | undefined): string | undefined {
	const sentences = wanted.map(unmet).filter(sentence => sentence !== undefined);
	return sentences.length === 0 ? undefined : sentences.join('; ');
}

const owner = about('vm0, kernel, free, no memory, …', text);
export const page = fields({hpa: about('an address of host memory', address()), owner});

export const pageUnmet = (pages: readonly z.output<typeof page>[], {machine}: Taken): string | undefined =>
	together(pages, ({hpa, owner}) => {
		const is = ownerAt(machine.state().owned, hpa);
		return is === owner ? undefined : `expected owner of ${hex(hpa)} ${owner}, got ${is}`;
	});

const ENDS = ['memory', 'fault', ...CAUSES] as const;
const end = z.union([choice(ENDS), address()]);
type End = z.output<typeof end>;

export const walk = fields({
	device: z.optional(about('the function that walks; default: the one of the step’s transfer', device)),
	iova: z.optional(
		about('the address; default: the first that the step’s transfer put on the bus', address()),
	),
	access: z.optional(
		about('the access; default: as the step’s transfer did, or write', choice(['read', 'write'])),
	),
	gives: about('memory, a host address, fault, or the reason of a fault', end),
	owner: z.optional(owner),
});
type Walk = z.output<typeof walk>;

/** @throws UserError if the walk needs an address that its step does not have, or names an unknown function */
export function checkWalks(walks: readonly Walk[], {commands, machine}: Context): void {
	const verb = commands.at(-1)?.do ?? '';
	const hasAddress = ['read', 'write', 'dma'].includes(verb);
	walks.forEach(({device, iova}, i) => {
		if (device !== undefined && parseRid(device) === undefined) {
			const names = machine.state().devices.map(({name}) => name);
			if (!names.includes(device)) throw new UserError(unknownWord('device', device, names), [i, 'device']);
		}
		if (!hasAddress && (device === undefined || iova === undefined))
			throw new UserError(`${verb} puts no address on the bus; give device and iova.`, [i]);
	});
}

export function walkUnmet(walks: readonly Walk[], {machine, outcome}: Taken): string | undefined {
	const state = machine.state();
	const transfer = outcome.kind === 'transfer' ? outcome.transfer : undefined;
	return together(walks, walk => {
		const name = walk.device ?? transfer?.device;
		const rid = name === undefined ? undefined : ridOf(state, name);
		const iova = walk.iova ?? transfer?.iova;
		if (name === undefined || rid === undefined || iova === undefined)
			return 'expected a walk, but the transfer put no address on the bus';
		const write = walk.access === undefined ? writesMemory(transfer) : walk.access === 'write';
		const {end} = explainWalk(machine.memory, state, rid, iova, write);
		const ends: End[] = end.kind === 'fault' ? [end.kind, causeOf(end.text)] : [end.kind, end.hpa];
		const owner = end.kind === 'fault' ? 'none' : end.owner;
		if (ends.includes(walk.gives) && (walk.owner ?? owner) === owner) return undefined;
		const wanted = `${endText(walk.gives)}${walk.owner === undefined ? '' : ` of ${walk.owner}`}`;
		const got = end.kind === 'fault' ? `fault (${causeOf(end.text)})` : `${hex(end.hpa)} of ${owner}`;
		return `expected walk of ${name} at ${hex(iova)} to give ${wanted}, got ${got}`;
	});
}

const endText = (gives: End): string => (typeof gives === 'number' ? hex(gives) : gives);

const ridOf = ({devices}: MachineState, device: string): Rid | undefined =>
	parseRid(device) ?? devices.find(({name}) => name === device)?.rid;

/** Whether the function wrote memory: for a guest's write it reads memory. */
const writesMemory = (transfer: Transfer | undefined): boolean =>
	transfer?.command.do === 'dma' ? transfer.command.access === 'write' : transfer?.command.do !== 'write';

export function consoleUnmet(texts: readonly string[], {command, machine}: Taken): string | undefined {
	const {vms} = machine.state();
	const name = 'vm' in command ? command.vm : command.do === 'create' ? command.name : vms[0]?.name;
	const lines = vms.find(vm => vm.name === name)?.console ?? [];
	const since = lines.slice(lines.findLastIndex(line => line.startsWith(LOOKING)));
	return together(texts, wanted =>
		since.join('\n').includes(wanted)
			? undefined
			: `expected ${show(wanted)} on the console of ${name ?? 'a guest'}, got ${show(since.at(-1) ?? '')}`,
	);
}
