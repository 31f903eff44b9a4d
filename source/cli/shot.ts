// dmascope shot: a picture of a view, or a diagram, without a terminal.

import {checkNew} from '../files.js';
import type {ObservedMachine} from '../machine/observed.js';
import type {Step} from '../machine/scenario.js';
import type {Print} from '../text/print.js';
import {UserError} from '../user-error.js';
import {type Given, labFlags} from './flags.js';
import {openLab, openScenario} from './open-lab.js';

/** @returns the exit code @throws UserError */
export async function shot(given: Given, out: Print): Promise<number> {
	const {takeShot, readShot} = await import('../ui/shot.js');
	const file = given.text('output');
	if (file === undefined) throw new UserError('shot needs -o FILE, such as -o walk.svg.');
	const wanted = readShot(file, {
		view: given.text('view'),
		diagram: given.text('diagram'),
		size: given.text('size'),
		theme: given.text('theme'),
		ascii: given.has('ascii'),
		large: given.has('large'),
	});
	checkNew(file);
	const {machine, steps} = await openMachine(given);
	try {
		await takeShot(machine, steps, wanted);
	} finally {
		machine.close();
	}
	out(`Saved to ${file}.`);
	return 0;
}

/** What there is to see: a lab, a scenario's before its steps, or a host. */
async function openMachine(given: Given): Promise<{machine: ObservedMachine; steps: readonly Step[]}> {
	const [after, root] = [given.text('after'), given.text('root')];
	if (root !== undefined) {
		if (after !== undefined)
			throw new UserError('--root shows a host, which no scenario changes; leave out --after.');
		const {openHost} = await import('../live/host/open.js');
		return {machine: await openHost({root, log: given.text('log'), trace: false}), steps: []};
	}
	if (given.has('log')) throw new UserError('--log is the log of a host; add --root with its capture.');
	const flags = labFlags(given);
	if (after === undefined) return {machine: openLab(flags), steps: []};
	const {lab, scenario} = openScenario(flags, after);
	return {machine: lab, steps: scenario.steps};
}
