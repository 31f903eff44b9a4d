// A session as a scenario file, to send to a colleague or to keep as a test: parseScenario reads the same from it.

import path from 'node:path';
import {Document, isCollection, isMap, isPair, isScalar, visit} from 'yaml';
import {createNew} from '../../files.js';
import {hex} from '../../formats/address.js';
import type {Command, MachineSpec} from '../../machine/command.js';
import type {Expectations} from '../../machine/scenario.js';
import type {OutcomeJson} from '../../outputs.js';
import {UserError} from '../../user-error.js';
import {grouped, plural, sizeText} from '../../words.js';
import {LONGEST} from './find.js';
import {machineFields, sizeWord} from './machine-fields.js';
import {VERSION} from './parse.js';
import {troubled} from './step-report.js';

export type WrittenStep = {command: Command; note?: string; expect?: Expectations};
export type WrittenScenario = {
	name: string;
	story?: string;
	machine: MachineSpec;
	steps: readonly WrittenStep[];
};

const WIDTH = 118;
/** How deep a step is in the document. */
const STEP = 4;
/** Fields that a command may omit, with their defaults. */
const OMITTED: Readonly<Record<string, number>> = {requests: 1, writes: 0};
/** Fields written in hex. */
const ADDRESSES = ['gpa', 'iova', 'hpa'];

/** A step of a session, and its outcome. */
export type DoneStep = {command: Command; note?: string; outcome: OutcomeJson};
/** `expect`: hold the steps to their outcomes; `first`: how many earlier steps are forgotten. */
export type Session = {machine: MachineSpec; steps: readonly DoneStep[]; expect: boolean; first: number};

/** Writes the session into a new file. @throws UserError if the file exists or cannot be written */
export function writeSession(file: string, {machine, steps: done, expect, first}: Session): void {
	const name = path.basename(file).replace(/\.ya?ml$/, '');
	const troubles = done.filter(({outcome}) => troubled(outcome)).length;
	const begins = first > 0 ? ` It begins after step ${grouped(first)}, which started the machine.` : '';
	const story = `A session of ${plural(done.length, 'step')}; losses, faults and refusals: ${troubles}.${begins}`;
	const steps = done.map(({command, note, outcome}) => ({
		command,
		note,
		expect: expect ? expectationsOf(outcome) : undefined,
	}));
	const text = scenarioText({name, story, machine, steps});
	if (Buffer.byteLength(text) > LONGEST)
		throw new UserError(
			`${file} would exceed ${sizeText(LONGEST)}, the limit of a scenario; go back in time, then save.`,
		);
	createNew(file, text);
}

/** What a step is held to when it runs again. */
function expectationsOf(outcome: OutcomeJson): Expectations {
	const {data, path, bytes, landed, faults, owner, bootable, domains, missing} = outcome;
	const error = domains === undefined ? undefined : (outcome.error ?? 'none');
	const all = {data, path, bytes, landed, faults, owner, bootable, error, domains, missing};
	return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A command as a step of plain data: its verb, and its fields. A single field needs no name. */
export function stepOf(command: Command): Record<string, unknown> {
	const {do: verb, ...rest} = command;
	if (command.do === 'start') return {start: machineFields(command.machine)};
	const fields = Object.entries(rest).flatMap(([name, value]) => {
		if (value === undefined || value === OMITTED[name]) return [];
		if (name === 'gpa' && Number(value) >= 2 ** 53) return [[name, hex(Number(value))]];
		return [[name, name === 'memory' ? sizeWord(Number(value)) : value]];
	});
	if (fields.length === 0) return {[verb]: null};
	return {[verb]: fields.length === 1 ? fields[0][1] : Object.fromEntries(fields)};
}

/** The text of a file. */
export function scenarioText({name, story, machine, steps}: WrittenScenario): string {
	const written = steps.map(({command, note, expect}) => ({
		...stepOf(command),
		...(note ? {note} : {}),
		...(expect && Object.keys(expect).length > 0 ? {expect} : {}),
	}));
	const content = {
		dmascope: VERSION,
		name,
		...(story ? {story} : {}),
		machine: machineFields(machine),
		steps: written,
	};
	const document = new Document(content, {aliasDuplicateObjects: false});
	visit(document, {
		// A guest, a command and its expectations are a line each, as people write them.
		Collection: (_, node, path) => {
			if (path.length > STEP && !holdsMap(node)) node.flow = true;
		},
		Pair: (_, {key, value}) => {
			const address = isScalar(key) && ADDRESSES.includes(String(key.value));
			if (address && isScalar(value) && typeof value.value === 'number') value.format = 'HEX';
		},
	});
	return document.toString({lineWidth: WIDTH, nullStr: ''});
}

const holdsMap = (node: unknown): boolean =>
	isCollection(node) &&
	node.items.some(item => {
		const inside = isPair(item) ? item.value : item;
		return isMap(inside) || holdsMap(inside);
	});
