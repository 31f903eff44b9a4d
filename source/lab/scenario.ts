// Scenarios: the commands of a session in a YAML file, each with what must come back.

import fs from 'node:fs';
import {fileURLToPath} from 'node:url';
import {type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap} from 'yaml';
import type {Command, MachineSpec, Outcome, Policy, Refusal} from '../seam/command.js';
import type {Data, Way} from '../seam/observed.js';
import type {Expectations, Scenario, Scenarios, Step} from '../seam/play.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';
import {commandText} from './command-text.js';
import {parseCommand, verbs} from './commands.js';
import {type Limits, limitsAfter, limitsOf} from './limits.js';
import {parseMachine} from './spec.js';

/** What a step's outcome can be held to, and the values that make sense. */
const EXPECTATIONS: Record<string, 'number' | 'boolean' | 'string' | readonly string[]> = {
	data: ['delivered', 'lost', 'torn', 'failed'],
	way: ['direct', 'bounced', 'copied'],
	bytes: 'number',
	landed: 'number',
	faults: 'number',
	bootable: 'boolean',
	owner: 'string',
	error: ['none', 'ENOENT', 'EBUSY', 'ENXIO', 'unwired'],
	domains: 'number',
	missing: 'number',
};

const SHIPPED = fileURLToPath(new URL('scenarios/', import.meta.url));

export const shippedScenarios = (): string[] =>
	fs
		.readdirSync(SHIPPED)
		.map(file => file.replace(/\.yaml$/, ''))
		.sort();

/** The text of a scenario: a file, or the name of one that ships. @throws UserError */
export function findScenario(nameOrPath: string): {path: string; text: string} {
	const shipped = shippedScenarios();
	const path = shipped.includes(nameOrPath) ? `${SHIPPED}${nameOrPath}.yaml` : nameOrPath;
	try {
		return {path, text: fs.readFileSync(path, 'utf8')};
	} catch (error) {
		const known = `those that ship: ${shipped.join(', ')}`;
		if (errnoOf(error) === 'ENOENT')
			throw new UserError(`There is no scenario ${nameOrPath}; name a file or one of ${known}.`);
		throw new UserError(
			`Scenario ${nameOrPath} cannot be read: ${messageOf(error)}; name a file or one of ${known}.`,
		);
	}
}

const PARTS = ['name', 'story', 'machine', 'steps'];

/** What a scenario is read against: the machine it starts from, what flags make of it, and whether it may write. */
export type Setting = {
	base: MachineSpec;
	override: (machine: MachineSpec) => MachineSpec;
	writable: boolean;
};

/** @throws UserError naming the file and the line that is wrong; a scenario is whole or it is not run. */
export function parseScenario(path: string, text: string, {base, override, writable}: Setting): Scenario {
	const lines = new LineCounter();
	const document = parseDocument(text, {lineCounter: lines, prettyErrors: false});
	const fail = (offset: number, message: string): never => {
		const {line, col} = lines.linePos(offset);
		throw new UserError(`${path}:${line}:${col}: ${message}`);
	};
	/** What `work` throws, with the place of a node. */
	const at = <T>(node: unknown, work: () => T): T => {
		try {
			return work();
		} catch (error) {
			return error instanceof UserError ? fail(offsetOf(node), error.message) : raise(error);
		}
	};
	const broken = document.errors[0];
	if (broken) fail(broken.pos[0], broken.message);
	const root = document.contents;
	if (!isMap(root)) return fail(0, `a scenario is a map with ${PARTS.join(', ')}.`);
	for (const {key} of root.items) {
		if (!PARTS.includes(String(key)))
			fail(offsetOf(key), `"${key}" is no part of a scenario; it has ${PARTS.join(', ')}.`);
	}
	const part = root.get('machine', true);
	const described = isNode(part) ? part.toJS(document) : {};
	const machine = at(part, () => override(parseMachine(described, base)));
	const steps = root.get('steps', true);
	if (!isSeq(steps) || steps.items.length === 0)
		return fail(offsetOf(steps), 'steps is a list of at least one step.');
	let limits = limitsOf(machine, writable);
	return {
		name: String(root.get('name') ?? path),
		story: String(root.get('story') ?? '').trim(),
		machine,
		steps: steps.items.map(item => {
			if (!isMap(item)) return fail(offsetOf(item), `a step is one of ${verbs.join(', ')}, with its fields.`);
			const step = parseStep(item, document, limits, fail, lines.linePos(offsetOf(item)).line);
			limits = limitsAfter(limits, step.command);
			return step;
		}),
	};
}

function raise(error: unknown): never {
	throw error;
}

function parseStep(
	item: YAMLMap,
	document: Document,
	limits: Limits,
	fail: (offset: number, message: string) => never,
	line: number,
): Step {
	let verb: string | undefined;
	let command: Command | undefined;
	let expect: Expectations = {};
	let note: string | undefined;
	for (const {key, value} of item.items) {
		const name = isScalar(key) ? String(key.value) : '';
		const plain: unknown = isNode(value) ? value.toJS(document) : value;
		if (name === 'note') {
			note = String(plain).trim();
		} else if (name === 'expect') {
			expect = parseExpectations(plain, message => fail(offsetOf(value), message));
		} else if (!verbs.includes(name)) {
			fail(
				offsetOf(key),
				`"${name}" is no step; a step is one of ${verbs.join(', ')}, and may have expect and note.`,
			);
		} else if (verb !== undefined) {
			fail(offsetOf(key), `a step is one command; this one is ${verb} and ${name}.`);
		} else {
			verb = name;
			try {
				command = parseCommand(name, plain, limits);
			} catch (error) {
				if (error instanceof UserError) fail(offsetOf(value ?? key), error.message);
				throw error;
			}
		}
	}
	const whole = command ?? fail(offsetOf(item), 'this step has no command.');
	return {command: whole, text: commandText(whole), expect, note, line};
}

function parseExpectations(value: unknown, fail: (message: string) => never): Expectations {
	const known = Object.keys(EXPECTATIONS).join(', ');
	if (typeof value !== 'object' || value === null || Array.isArray(value))
		return fail(`expect takes fields: ${known}.`);
	for (const [key, wanted] of Object.entries(value)) {
		const kind = EXPECTATIONS[key];
		if (kind === undefined) return fail(`nothing is known of "${key}"; expect takes ${known}.`);
		const fits = typeof kind === 'string' ? typeof wanted === kind : kind.includes(wanted);
		if (!fits)
			return fail(
				`${key} is ${JSON.stringify(wanted)}; it may be ${typeof kind === 'string' ? `a ${kind}` : kind.join(', ')}.`,
			);
	}
	return {...value};
}

/** The character where a node of the document starts. */
function offsetOf(node: unknown): number {
	if (typeof node !== 'object' || node === null || !('range' in node)) return 0;
	const {range} = node;
	return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0;
}

/** An outcome as a line of `--json` shows it: only what is the same on every run. */
export type OutcomeJson = {
	policy?: Policy;
	data?: Data;
	way?: Way;
	bytes?: number;
	landed?: number;
	faults?: number;
	owner?: string;
	bootable?: boolean;
	found?: string[];
	error?: Refusal;
	domains?: number;
	missing?: number;
};

export function outcomeJson(outcome: Outcome): OutcomeJson {
	if (outcome.kind === 'policy') return {policy: outcome.policy};
	if (outcome.kind === 'life') return {error: outcome.error, ...outcome.tables};
	if (outcome.kind === 'work') {
		const {data, bytes, landed, faults} = outcome.work;
		return {data, bytes, landed, faults};
	}
	const transfers = outcome.kind === 'transfer' ? [outcome.transfer] : outcome.transfers;
	const total = (key: 'bytes' | 'landed' | 'faults') =>
		transfers.reduce((sum, transfer) => sum + transfer[key], 0);
	const worst = transfers.find(({data}) => data !== 'delivered') ?? transfers[0];
	return {
		data: worst?.data,
		way: worst?.way,
		bytes: total('bytes'),
		landed: total('landed'),
		faults: total('faults'),
		owner: worst?.owners?.join(', ') || undefined,
		...(outcome.kind === 'boot' ? {bootable: outcome.bootable, found: outcome.found} : {}),
	};
}

/** The expectations of a step that its outcome does not meet, each as a sentence. */
export function unmet({expect}: Step, outcome: OutcomeJson): string[] {
	const got = new Map<string, unknown>(Object.entries(outcome));
	return Object.entries(expect)
		.filter(([key, wanted]) => (got.get(key) ?? 'none') !== wanted)
		.map(([key, wanted]) => `${key} was to be ${wanted} and is ${got.get(key) ?? 'none'}`);
}

/** The scenarios that ship, for those who choose one on screen. They are read once. */
export function shipped(setting: Setting): Scenarios {
	let known: Scenario[] | undefined;
	const all = () =>
		(known ??= shippedScenarios().map(name => parseScenario(name, findScenario(name).text, setting)));
	return {
		list: all,
		load: name =>
			all().find(scenario => scenario.name === name) ?? parseScenario(name, findScenario(name).text, setting),
		unmet: (step, outcome) => unmet(step, outcomeJson(outcome)),
	};
}
