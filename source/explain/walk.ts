// One access through the tables that are in memory now: every entry that hardware reads, and the result. It does not
// consult the caches; cached.ts does.

import {hex} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {MachineState} from '../machine/observed.js';
import type {Domain, PhysicalReader, Unit} from '../machine/tables.js';
import {adviceFor, causeOf, type Situation} from './cause.js';
import {deviceWords, domainWords, memoryWords} from './names.js';
import {type Nearest, nearest, nearWords} from './neighbours.js';
import {ownerAt} from './ranges.js';
import {amdviFields, amdviStart, amdviTables, isInterrupt, notAllowed} from './walk-amdvi.js';
import type {Access, EntryRead, Found, Refused, Start, StartTables, WalkStep} from './walk-steps.js';
import {vtdFields, vtdStart, vtdTables} from './walk-vtd.js';

export type {Field, Qword, WalkStep} from './walk-steps.js';
export {qwordText} from './walk-steps.js';

export type MemoryEnd = {
	kind: 'memory';
	hpa: number;
	owner: string;
	/** Pages that the last entry maps; undefined if no table was read. */
	pages?: number;
	read: boolean;
	write: boolean;
	sentence: string;
};
export type FaultEnd = {
	kind: 'fault';
	/** VT-d's fault reason or the type of AMD-Vi's event, and the hardware's text for it. */
	reason: number;
	text: string;
	/** Why hardware does not record it, or not each time. */
	unrecorded?: string;
	/** The domain's mapping there, and the nearest ones. */
	near: Nearest;
	/** The access, and why it was refused. */
	sentence: string;
	/** What to check. */
	check: string;
};
export type Walk = Access & {rid: Rid; steps: readonly WalkStep[]; end: MemoryEnd | FaultEnd};

const NO_UNIT = 'This machine has no IOMMU, so addresses are not translated';
const UNIT_OFF = 'The IOMMU is off, so addresses are not translated';
const INTERRUPT = 'A write there is an interrupt message, which bypasses the tables';

/** Where a function's root and context entries, or its device table entry, lead; appends the entries to `steps`. */
export function startOf(
	memory: PhysicalReader,
	unit: Unit | undefined,
	rid: Rid,
	steps: EntryRead[] = [],
): Start {
	if (unit === undefined || !unit.enabled)
		return {to: 'memory', read: true, write: true, why: unit ? UNIT_OFF : NO_UNIT};
	return unit.format === 'vt-d' ? vtdStart(memory, unit, rid, steps) : amdviStart(memory, unit, rid, steps);
}

/** Where the tables lead an access; appends the entries to `steps`. */
export const walkTables = (
	memory: PhysicalReader,
	unit: Unit,
	tables: StartTables,
	access: Access,
	steps: EntryRead[] = [],
): Found | Refused =>
	unit.format === 'vt-d'
		? vtdTables(memory, unit, tables, access, steps)
		: amdviTables(memory, tables, access, steps);

/** The machine's domain with the tables that a function's entry points to. */
export const domainOf = ({domains}: MachineState, start: Start): Domain | undefined =>
	start.to === 'tables'
		? domains.find(({root, levels}) => root === start.root && levels === start.levels)
		: undefined;

/** The whole walk of a function's access, in words. */
export function explainWalk(
	memory: PhysicalReader,
	state: MachineState,
	rid: Rid,
	iova: number,
	write: boolean,
): Walk {
	const access = {iova, write};
	const read: EntryRead[] = [];
	const {start, answer} = walk(memory, state.unit, rid, access, read);
	const situation = {
		rid,
		device: state.devices.find(device => device.rid === rid),
		domain: domainOf(state, start),
	};
	const end =
		answer.to === 'fault'
			? faultEnd(memory, state, situation, access, start, answer)
			: memoryEnd(state, situation, access, answer);
	return {rid, ...access, steps: read.map(entry => stepOf(state.unit, entry)), end};
}

function walk(
	memory: PhysicalReader,
	unit: Unit | undefined,
	rid: Rid,
	access: Access,
	steps: EntryRead[],
): {start: Start; answer: Start | Found} {
	if (unit?.format === 'amd-vi' && unit.enabled && isInterrupt(access)) {
		const start: Start = {to: 'memory', read: true, write: true, why: INTERRUPT};
		return {start, answer: start};
	}
	const start = startOf(memory, unit, rid, steps);
	const {write} = access;
	if (start.to === 'memory' && !(write ? start.write : start.read))
		return {start, answer: notAllowed(steps.at(-1), write, start.unrecorded)};
	if (start.to !== 'tables' || unit === undefined) return {start, answer: start};
	return {start, answer: walkTables(memory, unit, start, access, steps)};
}

const stepOf = (unit: Unit | undefined, entry: EntryRead): WalkStep => ({
	...entry,
	name: typeof entry.at === 'number' ? `level ${entry.at}` : `${entry.at} entry`,
	fields: unit?.format === 'vt-d' ? vtdFields(unit, entry) : amdviFields(entry),
});

function memoryEnd(
	state: MachineState,
	{device, rid}: Situation,
	{iova, write}: Access,
	answer: Exclude<Start, Refused> | Found,
): MemoryEnd {
	const translated = answer.to === 'page';
	const hpa = translated ? answer.hpa : iova;
	const owner = ownerAt(state.owned, hpa);
	const why = answer.to === 'memory' ? `${answer.why}. ` : '';
	const access = `${deviceWords(device, rid)} can ${write ? 'write to' : 'read'} ${hex(iova)}`;
	return {
		kind: 'memory',
		hpa,
		owner,
		pages: translated ? answer.pages : undefined,
		read: answer.read,
		write: answer.write,
		sentence: `${why}${access}${translated ? `, which is mapped to ${hex(hpa)}` : ''}: ${memoryWords(owner, state)}.`,
	};
}

function faultEnd(
	memory: PhysicalReader,
	state: MachineState,
	situation: Situation,
	{iova, write}: Access,
	start: Start,
	{reason, text, why, unrecorded}: Refused,
): FaultEnd {
	const {device, rid, domain} = situation;
	const near = nearStart(memory, state, start, iova);
	const owner = domain?.role === 'host' ? ownerAt(state.owned, iova) : undefined;
	const place = domain === undefined ? '' : ` in ${domainWords(domain)}`;
	const memoryAt = owner === undefined ? '' : ` That address is ${memoryWords(owner, state)}.`;
	const access = `${deviceWords(device, rid)} cannot ${write ? 'write to' : 'read'} ${hex(iova)}${place}`;
	return {
		kind: 'fault',
		reason,
		text,
		unrecorded,
		near,
		sentence: `${access}. ${why}.${memoryAt}${nearWords(near)}`,
		check: adviceFor(causeOf(text), {...situation, owner, here: near.here}, state),
	};
}

/** The mapping at an address, and the nearest ones; none without tables. */
export const nearStart = (
	memory: PhysicalReader,
	{unit, owned}: MachineState,
	start: Start,
	iova: number,
): Nearest =>
	start.to === 'tables' && unit
		? nearest(memory, owned, {format: unit.format, root: start.root, levels: start.levels}, iova)
		: {};
