// Scenarios: the commands of a session in a YAML file, each with what must come back.

import {didYouMean} from '../../did-you-mean.js';
import type {Command, MachineSpec} from '../../machine/command.js';
import type {Scenario, Step} from '../../machine/scenario.js';
import {UserError, within} from '../../user-error.js';
import {show} from '../../words.js';
import type {Limits} from '../build/limits.js';
import {parseMachine, withoutPassthru} from '../build/spec.js';
import {parseCommand, verbs} from './command.js';
import {commandText} from './command-text.js';
import {parseExpectations} from './expectations.js';
import {type Fields, field, fieldsOf, isFields, valueIn} from './fields.js';
import {raw, text} from './kinds.js';
import {YamlData} from './yaml-data.js';

export const VERSION = 1;

const FORMAT = field('dmascope', raw({const: VERSION}), 'the version of this format');
const NAME = field('name', text, 'what it is called (its file)');
const STORY = field('story', text, 'what it shows; its first sentence stands alone in lists');
const MACHINE = field('machine', raw({$ref: '#/definitions/machine'}), 'the machine at the start');
const STEPS = field(
	'steps',
	raw({type: 'array', minItems: 1, items: {$ref: '#/definitions/step'}}),
	'what is done, one after the other',
);
export const PARTS = [FORMAT, NAME, STORY, MACHINE, STEPS];
export const NOTE = field('note', text, 'what an audience is told before it');
const EXPECT = 'expect';

/**
 * Before a scenario is run it is rehearsed on a machine of its own, which is then thrown away, as is all that it writes:
 * what makes no sense by the time that it is reached is found before the first step.
 */
export type Trial = {
	readonly limits: Limits;
	/** @throws UserError */
	dispatch(command: Command): unknown;
};

/** What a scenario is read against: what its machine is where it does not say, and what the command line says of it. */
export type Setting = {
	base: MachineSpec;
	/** Parts of `machine` in place of the file's own. */
	set?: Fields;
	override: (machine: MachineSpec) => MachineSpec;
	/** A machine to rehearse on, with a disk of its own. @throws UserError where it cannot be built */
	power: (machine: MachineSpec) => Trial;
};

/** @throws UserError as `file:line:column: sentence`; a scenario makes sense from its first step to its last, or is refused */
export function parseScenario(file: string, text: string, setting: Setting): Scenario {
	const yaml = new YamlData(file, text);
	return yaml.placed(() => {
		const parts = partsOf(yaml.data);
		const machine = within(MACHINE.name, () => machineOf(parts, setting));
		const steps = stepsOf(parts);
		const trial = within(MACHINE.name, () => setting.power(machine));
		const commands: Command[] = [];
		return {
			...headOf(file, parts),
			machine,
			steps: steps.map((item, i) => {
				const line = yaml.lineOf([STEPS.name, i]);
				return within(STEPS.name, () => within(i, () => ({...parseStep(item, trial, commands), line})));
			}),
		};
	});
}

/** What lists say of a scenario. @throws UserError */
export function parseHead(file: string, text: string): {name: string; story: string; steps: number} {
	const yaml = new YamlData(file, text);
	return yaml.placed(() => {
		const parts = partsOf(yaml.data);
		return {...headOf(file, parts), steps: stepsOf(parts).length};
	});
}

function partsOf(data: unknown): Fields {
	if (!isFields(data))
		throw new UserError(`a scenario is a map with ${PARTS.map(({name}) => name).join(', ')}.`);
	const parts = fieldsOf('a scenario', data, PARTS);
	const version = parts[FORMAT.name] ?? VERSION;
	if (version === VERSION) return parts;
	const message = `dmascope is ${show(version)}; write dmascope: ${VERSION}, or take a dmascope that knows this version.`;
	throw new UserError(message, [FORMAT.name]);
}

const headOf = (file: string, parts: Fields): {name: string; story: string} => ({
	name: valueIn(parts, NAME) ?? file,
	story: valueIn(parts, STORY)?.trim() ?? '',
});

function stepsOf(parts: Fields): readonly unknown[] {
	const steps = parts[STEPS.name];
	if (Array.isArray(steps) && steps.length > 0) return steps;
	throw new UserError('steps is a list of at least one step.', [STEPS.name]);
}

function machineOf(parts: Fields, {base, set = {}, override}: Setting): MachineSpec {
	const described = parts[MACHINE.name] ?? {};
	const whole = isFields(described) ? {...described, ...set} : described;
	const machine = parseMachine(whole, base);
	return override(set.iommu === 'none' && set.guests === undefined ? withoutPassthru(machine) : machine);
}

/** Reads a step, rehearses it, and reads what is expected of it. */
function parseStep(item: unknown, trial: Trial, commands: Command[]): Omit<Step, 'line'> {
	if (!isFields(item)) throw new UserError(`a step is one of ${verbs.join(', ')}, with its fields.`);
	const words = [...verbs, EXPECT, NOTE.name];
	const names = Object.keys(item);
	const unknown = names.find(name => !words.includes(name));
	if (unknown !== undefined) {
		const message = `${show(unknown)} is no step; a step is one of ${verbs.join(', ')}, and may have expect and note.`;
		throw new UserError(`${message}${didYouMean(unknown, words)}`, [unknown], true);
	}
	const [verb, other] = names.filter(name => verbs.includes(name));
	if (verb === undefined) throw new UserError('this step has no command.');
	if (other !== undefined)
		throw new UserError(`a step is one command; this one is ${verb} and ${other}.`, [other], true);
	const command = within(verb, () => {
		const read = parseCommand(verb, item[verb], trial.limits);
		// One request of a workload makes as much sense as all of them.
		trial.dispatch(read.do === 'work' ? {...read, count: 1} : read);
		return read;
	});
	commands.push(command);
	const expect = within(EXPECT, () =>
		parseExpectations(item[EXPECT] ?? {}, {commands, limits: trial.limits}),
	);
	return {command, text: commandText(command), expect, note: valueIn(item, NOTE)?.trim()};
}
