// The way of one access through the tables as they are in memory now: every entry that hardware reads, and where it
// ends. The caches are not asked: what they hold is in cached.ts.

import {hex} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {MachineState} from '../machine/observed.js';
import type {Domain, PhysicalReader, Unit} from '../machine/tables.js';
import {type Nearest, nearest} from './neighbours.js';
import {ownerAt} from './ranges.js';
import {amdviStart, amdviTables, isInterrupt, notAllowed} from './walk-amdvi.js';
import type {Access, Found, Refused, Start, StartTables, Step} from './walk-steps.js';
import {accessWord} from './walk-steps.js';
import {vtdStart, vtdTables} from './walk-vtd.js';
import {adviceFor, causeOf, deviceName, domainWords, memoryWords, rangeWords, type Situation} from './why.js';

export type {Field, Qword, Step} from './walk-steps.js';
export {qwordText} from './walk-steps.js';

export type MemoryEnd = {
	kind: 'memory';
	hpa: number;
	owner: string;
	/** What the entry at the end maps; undefined where no table is asked. */
	pages?: number;
	read: boolean;
	write: boolean;
	sentence: string;
};
export type FaultEnd = {
	kind: 'fault';
	/** VT-d's fault reason, or the type of AMD-Vi's event; `text` is the same as hardware's fault has it. */
	reason: number;
	text: string;
	/** Why hardware keeps no record of it, or not of each. */
	unrecorded?: string;
	/** What the domain maps there and near it; none of it where no tables are reached. */
	near: Nearest;
	/** What was asked, and why it was refused. */
	sentence: string;
	check: string;
};
export type Walk = Access & {rid: Rid; steps: readonly Step[]; end: MemoryEnd | FaultEnd};

const NO_UNIT = 'This machine has no IOMMU: every address is its own';
const UNIT_OFF = 'The IOMMU is not enabled: every address is its own';
const INTERRUPT = 'A write there is an interrupt message: the tables are not asked';

/** What a function's root and context entries, or its device table entry, lead to; the entries go into `steps`. */
export function startOf(memory: PhysicalReader, unit: Unit | undefined, rid: Rid, steps: Step[] = []): Start {
	if (unit === undefined || !unit.enabled)
		return {to: 'memory', read: true, write: true, why: unit ? UNIT_OFF : NO_UNIT};
	return unit.format === 'vt-d' ? vtdStart(memory, unit, rid, steps) : amdviStart(memory, unit, rid, steps);
}

/** Where the tables lead one access; the entries go into `steps`. */
export const throughTables = (
	memory: PhysicalReader,
	unit: Unit,
	tables: StartTables,
	access: Access,
	steps: Step[] = [],
): Found | Refused =>
	unit.format === 'vt-d'
		? vtdTables(memory, unit, tables, access, steps)
		: amdviTables(memory, tables, access, steps);

/** The domain of the machine whose tables a function's entry points to. */
export const domainAt = ({domains}: MachineState, start: Start): Domain | undefined =>
	start.to === 'tables'
		? domains.find(({root, levels}) => root === start.root && levels === start.levels)
		: undefined;

/** The whole way of a function's access, by the tables as they are now. */
export function explainWalk(
	memory: PhysicalReader,
	state: MachineState,
	rid: Rid,
	iova: number,
	write: boolean,
): Walk {
	const {unit} = state;
	const access = {iova, write};
	const steps: Step[] = [];
	const end = (start: Start, answer: Start | Found): Walk => {
		const situation = {
			rid,
			device: state.devices.find(device => device.rid === rid),
			domain: domainAt(state, start),
		};
		const at =
			answer.to === 'fault'
				? faultEnd(memory, state, situation, access, start, answer)
				: memoryEnd(state, situation, access, answer);
		return {rid, ...access, steps, end: at};
	};
	if (unit?.format === 'amd-vi' && unit.enabled && isInterrupt(access)) {
		const through: Start = {to: 'memory', read: true, write: true, why: INTERRUPT};
		return end(through, through);
	}
	const start = startOf(memory, unit, rid, steps);
	if (start.to === 'memory' && !(write ? start.write : start.read))
		return end(start, notAllowed(steps.at(-1), write, start.unrecorded));
	if (start.to !== 'tables' || unit === undefined) return end(start, start);
	return end(start, throughTables(memory, unit, start, access, steps));
}

function memoryEnd(
	state: MachineState,
	situation: Situation,
	{iova, write}: Access,
	answer: Exclude<Start, Refused> | Found,
): MemoryEnd {
	const through = answer.to !== 'page';
	const hpa = through ? iova : answer.hpa;
	const owner = ownerAt(state.owned, hpa);
	const why = answer.to === 'memory' ? `${answer.why}. ` : '';
	return {
		kind: 'memory',
		hpa,
		owner,
		pages: through ? undefined : answer.pages,
		read: answer.read,
		write: answer.write,
		sentence: `${why}${deviceName(situation)} may ${accessWord(write)} at ${hex(iova)}, which is ${hex(hpa)}: ${memoryWords(owner, state)}.`,
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
	const {domain} = situation;
	const near =
		start.to === 'tables' && state.unit
			? nearest(
					memory,
					state.owned,
					{format: state.unit.format, root: start.root, levels: start.levels},
					iova,
				)
			: {};
	const owner = domain?.role === 'host' ? ownerAt(state.owned, iova) : undefined;
	const place = domain === undefined ? '' : ` in ${domainWords(domain)}`;
	const whose = owner === undefined ? '' : ` At that address is ${memoryWords(owner, state)}.`;
	return {
		kind: 'fault',
		reason,
		text,
		unrecorded,
		near,
		sentence: `${deviceName(situation)} asks to ${accessWord(write)} at ${hex(iova)}${place}. ${why}.${whose}${nearWords(near)}`,
		check: adviceFor(causeOf(text), {...situation, owner, here: near.here}, state),
	};
}

/** Where the neighbours are, as a sentence or two. */
export function nearWords({here, below, above}: Nearest): string {
	const words = [
		here && `Mapped there: ${rangeWords(here)}`,
		below && `mapped below: ${rangeWords(below)}`,
		above && `mapped above: ${rangeWords(above)}`,
	].filter(text => text !== undefined);
	if (words.length === 0) return '';
	const text = words.join('; ');
	return ` ${text[0].toUpperCase()}${text.slice(1)}.`;
}
