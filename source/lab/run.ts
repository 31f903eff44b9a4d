// dmascope run: a scenario without a terminal, a line for each step.

import {hex} from '../formats/address.js';
import type {Command} from '../seam/observed.js';
import {grouped, plural} from '../words.js';
import type {Lab} from './lab.js';
import {findScenario, type OutcomeJson, outcomeJson, parseScenario, unmet} from './scenario.js';

export type Print = (line: string) => void;

/**
 * Runs a scenario; steps go to `out`, broken expectations to `err`.
 * @returns the exit code: 0, or 1 where an expectation did not hold. @throws UserError, before the first step
 */
export function runScenario(lab: Lab, nameOrPath: string, json: boolean, out: Print, err: Print): 0 | 1 {
	const {path, text} = findScenario(nameOrPath);
	const scenario = parseScenario(path, text, lab.limits);
	let held = 0;
	let expectations = 0;
	let broken = 0;
	scenario.steps.forEach((step, i) => {
		const outcome = outcomeJson(lab.dispatch(step.command));
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

const commandJson = (command: Command) => ('gpa' in command ? {...command, gpa: hex(command.gpa)} : command);

function commandText(command: Command): string {
	switch (command.do) {
		case 'policy':
			return `policy ${command.policy}`;
		case 'boot':
			return `boot ${command.vm}`;
		case 'dma':
			return `${command.device} ${command.access} ${hex(command.gpa)}`;
		default:
			return `${command.do} ${command.vm} LBA ${command.lba} ×${command.sectors} in ${command.segments}`;
	}
}

type Line = {step: number; command: ReturnType<typeof commandJson>; outcome: OutcomeJson; held: boolean};

function stepText({step, outcome, held, command}: Line): string {
	const what = 'gpa' in command ? {...command, gpa: Number(command.gpa)} : command;
	const start = `${`${step}`.padStart(3)} ${held ? '✓' : '✗'} ${commandText(what)}`;
	const {data, way = '', landed = 0, bytes = 0, faults = 0, found} = outcome;
	if (data === undefined) return start;
	const counts = `${grouped(landed)} of ${grouped(bytes)} bytes, ${plural(faults, 'fault')}`;
	const boot = found === undefined ? '' : `; ${found.at(-1)}`;
	return `${start.padEnd(40)} ${data.padEnd(9)} ${way.padEnd(7)} ${counts}${boot}`;
}
