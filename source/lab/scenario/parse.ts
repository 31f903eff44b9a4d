// Scenarios: the commands of a session in a YAML file, each with the expected outcome.

import * as z from 'zod/mini';
import type {Command, MachineSpec} from '../../machine/command.js';
import type {MachineState, ObservedMachine} from '../../machine/observed.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Scenario, Scenarios, Step} from '../../machine/scenario.js';
import {about, fields, parseData, type Schema, text} from '../../parse-data.js';
import {UserError, within} from '../../user-error.js';
import {YamlFile} from '../../yaml-file.js';
import {withoutPassthru} from '../build/spec.js';
import type {Defaults} from '../build/state.js';
import {checkExpectations, expectations, unmet} from './expectations.js';
import {findScenario, shippedScenarios} from './find.js';
import {completeMachine, type MachineFields, machine} from './machine-fields.js';
import {commandText} from './step-report.js';
import {VERB_NAMES, VERBS} from './verbs.js';

export const VERSION = 1;

export const step = fields({
	...VERBS,
	note: z.optional(about('what the audience reads before the step', text)),
	expect: z.optional(about('the expected outcome', expectations)),
});

const NO_STEPS = 'expected a list of at least one step.';

/** A scenario file of such steps. */
export const file = <T>(step: Schema<T>) =>
	fields({
		dmascope: z.optional(
			about(
				'the version of this format',
				z.literal(VERSION, `write dmascope: ${VERSION}, or use a dmascope that knows this version.`),
			),
		),
		name: z.optional(about('its name; default: that of the file', text)),
		story: z.optional(about('what it shows; lists show the first sentence', text)),
		machine: z.optional(about('the machine at the start', machine)),
		steps: about('what happens, step by step', z.array(step, NO_STEPS).check(z.minLength(1, NO_STEPS))),
	});
/** Steps are parsed one by one, because each depends on the steps before it. */
const fileOfAny = file(z.unknown());

/**
 * A machine that rehearses a scenario and is then discarded with everything it wrote. So a step that will make no
 * sense is found before the first step runs.
 */
export type Rehearsal = {
	readonly defaults: Defaults;
	state(): MachineState;
	/** @throws UserError */
	dispatch(command: Command): unknown;
};

/** What a scenario is parsed against: a default machine, and overrides from the command line. */
export type Setting = {
	base: MachineSpec;
	/** Parts of `machine` in place of the file's own. */
	set?: MachineFields;
	override: (machine: MachineSpec) => MachineSpec;
	/** A machine to rehearse on, with its own disk. @throws UserError if it cannot be built */
	power: (machine: MachineSpec) => Rehearsal;
};

/** @throws UserError as `file:line:column: sentence`, unless every step makes sense */
export function parseScenario(path: string, text: string, setting: Setting): Scenario {
	const yaml = new YamlFile(path, text);
	return yaml.locate(() => {
		const parts = parseData(fileOfAny, yaml.data, 'the scenario');
		const machine = within('machine', () => machineOf(parts.machine, setting));
		const rehearsal = within('machine', () => setting.power(machine));
		const commands: Command[] = [];
		const steps = parts.steps.map((data, i) => {
			const line = yaml.lineOf(['steps', i]);
			return within('steps', () => within(i, () => ({...parseStep(data, rehearsal, commands), line})));
		});
		return {...headOf(path, parts), machine, steps};
	});
}

/** The parts of a scenario that a list shows. @throws UserError */
export function parseHead(path: string, text: string): {name: string; story: string; steps: number} {
	const yaml = new YamlFile(path, text);
	return yaml.locate(() => {
		const parts = parseData(fileOfAny, yaml.data, 'the scenario');
		return {...headOf(path, parts), steps: parts.steps.length};
	});
}

const headOf = (path: string, {name = path, story = ''}: {name?: string; story?: string}) => ({
	name,
	story: story.trim(),
});

function machineOf(parts: MachineFields = {}, {base, set = {}, override}: Setting): MachineSpec {
	const machine = completeMachine({...parts, ...set}, base);
	return override(set.iommu === 'none' && set.guests === undefined ? withoutPassthru(machine) : machine);
}

/** Parses a step, rehearses its command, and checks its expectations against the result. */
function parseStep(data: unknown, rehearsal: Rehearsal, commands: Command[]): Omit<Step, 'line'> {
	const parts = parseData(step, data, 'the step');
	const [verb, other] = VERB_NAMES.filter(name => parts[name] !== undefined);
	const complete = verb === undefined ? undefined : parts[verb];
	if (complete === undefined)
		throw new UserError(`the step has no command; use one of ${VERB_NAMES.join(', ')}.`);
	if (other !== undefined)
		throw new UserError(`the step has two commands, ${verb} and ${other}; make two steps.`, [other], true);
	const command = within(verb, () => {
		const command = complete(rehearsal.defaults);
		// One request of a workload makes as much sense as all of them.
		rehearsal.dispatch(command.do === 'work' ? {...command, count: 1} : command);
		return command;
	});
	commands.push(command);
	const {expect = {}, note} = parts;
	within('expect', () => checkExpectations(expect, {commands, machine: rehearsal}));
	return {command, text: commandText(command), expect, note: note?.trim()};
}

/** Scenarios as the dashboard lists, plays and checks them. */
export class LabScenarios implements Scenarios {
	private readonly machine: ObservedMachine;
	private readonly setting: Setting;
	private heads: readonly {name: string; story: string}[] | undefined;

	/** `machine` takes the steps. */
	constructor(machine: ObservedMachine, setting: Setting) {
		this.machine = machine;
		this.setting = setting;
	}

	list(): readonly {name: string; story: string}[] {
		this.heads ??= shippedScenarios().map(name => parseHead(name, findScenario(name).text));
		return this.heads;
	}

	load(name: string): Scenario {
		return parseScenario(name, findScenario(name).text, this.setting);
	}

	unmet({command, expect}: Step, outcome: Outcome, earlier: readonly Outcome[]): string[] {
		return unmet(expect, {command, outcome, earlier, machine: this.machine});
	}
}
