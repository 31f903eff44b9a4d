// dmascope run: a scenario without a terminal, a line for each step.

import {hex} from '../formats/address.js';
import type {Command, Outcome} from '../seam/command.js';
import type {Scenario, Step} from '../seam/play.js';
import {UserError} from '../user-error.js';
import {grouped, plural, sizeText} from '../words.js';
import {commandText} from './command-text.js';
import {Lab} from './lab.js';
import {defaultMachine, type LabFlags, machineOf, openDisk} from './open.js';
import {findScenario, type OutcomeJson, outcomeJson, parseScenario, type Setting, unmet} from './scenario.js';

export type Print = (line: string) => void;

/**
 * Runs a scenario; steps go to `out`, broken expectations to `err`.
 * @returns the exit code: 0, or 1 where an expectation did not hold. @throws UserError, before the first step
 */
export function runScenario(
	flags: LabFlags,
	nameOrPath: string,
	json: boolean,
	out: Print,
	err: Print,
): 0 | 1 {
	const {path, text} = findScenario(nameOrPath);
	const scenario = parseScenario(path, text, settingOf(flags));
	const lab = new Lab(scenario.machine, openDisk(flags));
	try {
		return runSteps(lab, path, scenario, json, out, err);
	} finally {
		lab.close();
	}
}

/** What the command line makes of a scenario's machine. */
const settingOf = (flags: LabFlags): Setting => ({
	base: defaultMachine(flags),
	override: machine => {
		const {hostMemory} = defaultMachine(flags);
		if (flags.hostMemory !== undefined && hostMemory !== machine.hostMemory) {
			const asked = sizeText(machine.hostMemory).replace(/ |iB/g, '');
			throw new UserError(`it is written for a host of ${asked}; run it with --host-memory ${asked}.`);
		}
		return machineOf(flags, machine);
	},
	writable: flags.writable,
});

function runSteps(lab: Lab, path: string, scenario: Scenario, json: boolean, out: Print, err: Print): 0 | 1 {
	let held = 0;
	let expectations = 0;
	let broken = 0;
	scenario.steps.forEach((step, i) => {
		const outcome = outcomeJson(dispatchAt(lab, step, `${path}:${step.line}: step ${i + 1}`));
		const failures = unmet(step, outcome);
		const asked = Object.keys(step.expect).length;
		expectations += asked;
		held += asked - failures.length;
		if (failures.length > 0) broken++;
		const line = {step: i + 1, command: commandJson(step.command), outcome, held: failures.length === 0};
		out(json ? JSON.stringify(line) : stepText(line));
		for (const failure of failures)
			err(`${path}:${step.line}: step ${i + 1}, ${commandText(step.command)}: ${failure}`);
	});
	const summary = {scenario: scenario.name, steps: scenario.steps.length, expectations, held, broken};
	const ending = `${scenario.name}: ${summary.steps} steps, ${held} of ${expectations} expectations held`;
	out(json ? JSON.stringify({summary}) : ending);
	return broken === 0 ? 0 : 1;
}

/** What makes no sense by the time it is reached is refused with its place. */
function dispatchAt(lab: Lab, {command}: Step, place: string): Outcome {
	try {
		return lab.dispatch(command);
	} catch (error) {
		throw error instanceof UserError ? new UserError(`${place}: ${error.message}`) : error;
	}
}

const commandJson = (command: Command) => ('gpa' in command ? {...command, gpa: hex(command.gpa)} : command);

type Line = {step: number; command: ReturnType<typeof commandJson>; outcome: OutcomeJson; held: boolean};

function stepText({step, outcome, held, command}: Line): string {
	const what = 'gpa' in command ? {...command, gpa: Number(command.gpa)} : command;
	const start = `${`${step}`.padStart(3)} ${held ? '✓' : '✗'} ${commandText(what)}`;
	const {
		data,
		way = '',
		landed = 0,
		bytes = 0,
		faults = 0,
		found,
		owner,
		error,
		domains,
		missing = 0,
	} = outcome;
	if (domains !== undefined)
		return `${start.padEnd(40)} ${(error ?? 'ok').padEnd(9)} ${plural(domains, 'domain')}, ${plural(missing, 'page')} missing from the host's`;
	if (data === undefined) return start;
	const counts = `${grouped(landed)} of ${grouped(bytes)} bytes, ${plural(faults, 'fault')}`;
	const more = found !== undefined ? `; ${found.at(-1)}` : owner ? `; memory of ${owner}` : '';
	return `${start.padEnd(40)} ${data.padEnd(9)} ${way.padEnd(7)} ${counts}${more}`;
}
