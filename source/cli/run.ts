// dmascope run and dmascope check.

import {pathOf} from '../lab/scenario/find.js';
import {machineSet} from '../lab/scenario/machine-fields.js';
import type {Print} from '../text/print.js';
import {type Given, labFlags} from './flags.js';
import {ReportFile} from './junit.js';
import {checkScenarios, named, type RunOptions, runScenarios} from './run-scenarios.js';
import {watch} from './watch.js';

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
