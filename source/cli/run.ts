// dmascope run and dmascope check: scenarios without a terminal. All files are checked before the first step runs.

import {Lab} from '../lab/lab.js';
import {ALL, findScenario, pathOf, shippedScenarios} from '../lab/scenario/find.js';
import {type MachineFields, machineSet} from '../lab/scenario/machine-fields.js';
import {parseScenario} from '../lab/scenario/parse.js';
import {outcomeJson} from '../lab/scenario/step-report.js';
import type {Command} from '../machine/command.js';
import type {Outcome} from '../machine/outcome.js';
import type {Step} from '../machine/scenario.js';
import type {Print, PrintLine} from '../text/print.js';
import {messageOf, UserError} from '../user-error.js';
import {plural} from '../words.js';
import {type Given, labFlags} from './flags.js';
import {ReportFile} from './junit.js';
import {defaultMachine, type LabFlags, machineOf, openDisk, settingOf, unharmed} from './open-lab.js';
import {
	jsonPrinter,
	type Read,
	type Report,
	type ReportSink,
	type StepReport,
	textPrinter,
} from './run-report.js';
import {watch} from './watch.js';

/** `set`: overrides of the scenarios' machines; `junit`: the report for a CI system. */
export type RunOptions = {flags: LabFlags; set?: MachineFields; json?: boolean; junit?: ReportSink};

function optionsOf(given: Given): RunOptions {
	const report = given.text('junit');
	return {
		flags: labFlags(given),
		set: machineSet(given.all('set')),
		json: given.has('json'),
		junit: report === undefined ? undefined : new ReportFile(report, given.has('force')),
	};
}

/** @returns the exit code @throws UserError */
export async function run(words: readonly string[], given: Given, out: Print, err: Print): Promise<number> {
	const options = optionsOf(given);
	if (!given.has('watch')) return runScenarios(words, options, out, err);
	await watch(named(words).map(pathOf), () => runScenarios(words, options, out, err), err);
	return 0;
}

/** @returns the exit code @throws UserError */
export const check = async (
	words: readonly string[],
	given: Given,
	out: Print,
	err: Print,
): Promise<number> => checkScenarios(words, optionsOf(given), out, err);

/** The scenarios named by the arguments. */
const named = (words: readonly string[]): string[] =>
	words.flatMap(word => (word === ALL ? shippedScenarios() : [word]));

/**
 * Runs scenarios; steps go to `out`, broken expectations to `err`. @returns the exit code: 1 if an expectation
 * failed, 2 if a scenario is invalid and nothing has run. @throws UserError if an option is wrong and nothing has run
 */
export function runScenarios(
	words: readonly string[],
	options: RunOptions,
	out: PrintLine,
	err: PrintLine,
): 0 | 1 | 2 {
	const {flags, json = false, junit} = options;
	const names = named(words);
	const all = readScenarios(names, options, err);
	if (all.length < names.length) return 2;
	const inputs = [...all.map(({path}) => path), ...(flags.disk === undefined ? [] : [flags.disk])];
	junit?.check(inputs);
	const print = (json ? jsonPrinter : textPrinter)(out, all.length > 1);
	const reports = all.map(read => {
		print.begin(read);
		const report = play(read, flags, step => {
			print.step(read, step);
			for (const sentence of step.unmet) err(`${placeOf(read, step)}, ${step.step.text}: ${sentence}`);
		});
		print.end(report);
		return report;
	});
	print.total(reports);
	junit?.write(reports, inputs);
	return reports.every(({broken}) => broken === 0) ? 0 : 1;
}

/** Checks scenarios without running them. @returns the exit code @throws UserError */
export function checkScenarios(
	words: readonly string[],
	options: RunOptions,
	out: PrintLine,
	err: PrintLine,
): 0 | 2 {
	const names = named(words);
	const all = readScenarios(names, options, err);
	for (const {path, scenario} of all) {
		const expectations = scenario.steps.reduce((sum, {expect}) => sum + Object.keys(expect).length, 0);
		out(`${path}: ${plural(scenario.steps.length, 'step')}, ${plural(expectations, 'expectation')}`);
	}
	return all.length === names.length ? 0 : 2;
}

/** Reads the valid scenarios, and reports the errors of the others. @throws UserError if an option is wrong */
function readScenarios(names: readonly string[], {flags, set}: RunOptions, err: PrintLine): Read[] {
	machineOf(flags, defaultMachine(flags));
	const info = openDisk(unharmed(flags));
	const setting = settingOf(flags, info, set);
	try {
		return names.flatMap(name => {
			try {
				const {path, text} = findScenario(name);
				return [{name, path, scenario: parseScenario(path, text, setting)}];
			} catch (error) {
				if (!(error instanceof UserError)) throw error;
				err(`dmascope: ${messageOf(error)}`);
				return [];
			}
		});
	} finally {
		info.disk.close();
	}
}

/** Runs a scenario on a machine and a disk of its own; calls `done` after each step. */
function play(read: Read, flags: LabFlags, done: (step: StepReport) => void): Report {
	const {scenario} = read;
	const lab = new Lab(scenario.machine, openDisk(unharmed(flags)));
	const earlier: Outcome[] = [];
	try {
		const steps = scenario.steps.map((step, i): StepReport => {
			const number = i + 1;
			const outcome = dispatchAt(lab, step.command, placeOf(read, {step, number}));
			const unmet = lab.scenarios.unmet(step, outcome, earlier);
			earlier.push(outcome);
			const report = {number, step, outcome: outcomeJson(outcome), unmet};
			done(report);
			return report;
		});
		const expectations = steps.reduce((sum, {step}) => sum + Object.keys(step.expect).length, 0);
		const failed = steps.reduce((sum, {unmet}) => sum + unmet.length, 0);
		const broken = steps.filter(({unmet}) => unmet.length > 0).length;
		return {read, steps, expectations, held: expectations - failed, broken};
	} finally {
		lab.close();
	}
}

const placeOf = ({path}: Read, {step, number}: {step: Step; number: number}): string =>
	`${path}:${step.line}: step ${number}`;

/** The disk may change after the rehearsal; such an error names the step. */
function dispatchAt(lab: Lab, command: Command, place: string): Outcome {
	try {
		return lab.dispatch(command);
	} catch (error) {
		throw error instanceof UserError ? new UserError(`${place}: ${error.message}`) : error;
	}
}
