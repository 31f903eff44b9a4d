// A session as the text of a scenario: what parseScenario reads from it is the same again.

import {Document, isCollection, isMap, isPair, isScalar, visit} from 'yaml';
import type {Command, MachineSpec} from '../../machine/command.js';
import type {Expectations} from '../../machine/scenario.js';
import {sizeWord} from '../build/host-memory.js';
import {machineFields} from '../build/spec.js';
import {VERSION} from './parse.js';
import {VERBS} from './verbs.js';

/** What a step of a scenario is written from. */
export type WrittenStep = {command: Command; note?: string; expect?: Expectations};
export type WrittenScenario = {
	name: string;
	story?: string;
	machine: MachineSpec;
	steps: readonly WrittenStep[];
};

const WIDTH = 118;
/** How deep a step lies in the document. */
const STEP = 4;
/** What a command may leave out, and what it then is. */
const LEFT_OUT: Readonly<Record<string, number>> = {requests: 1, writes: 0};
/** Written in hex. */
const ADDRESSES = ['gpa', 'iova', 'hpa'];

/** A command as a step has it, in plain data: its verb, and what it takes. */
export function stepOf(command: Command): Record<string, unknown> {
	const {do: verb, ...rest} = command;
	if (command.do === 'start') return {start: machineFields(command.machine)};
	const fields = Object.entries(rest).flatMap(([name, value]) => {
		if (value === undefined || value === LEFT_OUT[name]) return [];
		return [[name, name === 'memory' ? sizeWord(Number(value)) : value]];
	});
	const [only] = fields;
	if (only === undefined) return {[verb]: null};
	return {
		[verb]: fields.length === 1 && only[0] === VERBS[verb].short ? only[1] : Object.fromEntries(fields),
	};
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
		// A guest, a command and what is expected are a line each, as people write them.
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
