// The dashboard on a terminal; where there is none, a snapshot.

import type {ObservedMachine} from '../machine/observed.js';
import {jsonLines, type Print} from '../print.js';
import type {DisplayFlags} from '../ui/display-flags.js';
import {UserError} from '../user-error.js';
import {type LabFlags, openLab} from './open-lab.js';
import {openScenario} from './open-scenario.js';

export type Opened = {lab: LabFlags; look: DisplayFlags; replay?: string; json: boolean};

const now = (): number => performance.now();
export const onTerminal = (): boolean =>
	process.stdin.isTTY && process.stdout.isTTY && process.env.TERM !== 'dumb';

/** No command. @returns the exit code @throws UserError */
export async function open({lab: flags, look, replay, json}: Opened, out: Print): Promise<number> {
	const interactive = onTerminal() && !json;
	if (!interactive) await checkDisplay(look);
	const lab = replay === undefined ? openLab(flags) : replayed(flags, replay);
	try {
		if (!interactive) {
			await printSnapshot(lab, json, out);
			return 0;
		}
		if (replay === undefined) lab.keepHistory(now);
		else lab.history?.go(0);
		const {dashboard} = await import('../ui/dashboard.js');
		return await dashboard(lab, look, replay === undefined ? undefined : 'replayed');
	} finally {
		lab.close();
	}
}

/** @returns the exit code @throws UserError */
export async function present(
	words: readonly string[],
	flags: LabFlags,
	look: DisplayFlags,
): Promise<number> {
	const [name = '', other] = words;
	if (other !== undefined) throw new UserError(`present takes one scenario; leave out "${other}".`);
	const {lab, scenario} = openScenario(flags, name, now);
	try {
		if (!onTerminal())
			throw new UserError(`present needs a terminal; dmascope run ${name} plays it without one.`);
		const {dashboard} = await import('../ui/dashboard.js');
		return await dashboard(lab, look, {present: scenario});
	} finally {
		lab.close();
	}
}

/** A running QEMU. @returns the exit code @throws UserError */
export async function attach(
	words: readonly string[],
	{look, json, ...how}: {look: DisplayFlags; every?: string; log?: string; json: boolean},
	out: Print,
): Promise<number> {
	const interactive = onTerminal() && !json;
	if (!interactive) await checkDisplay(look);
	const {openQemu} = await import('../live/qemu/open.js');
	const machine = await openQemu(words, how);
	try {
		if (!interactive) {
			await machine.readLog();
			await printSnapshot(machine, json, out);
			return 0;
		}
		const {dashboard} = await import('../ui/dashboard.js');
		return await dashboard(machine, look);
	} finally {
		machine.close();
	}
}

/** A lab with all steps of a scenario done. */
function replayed(flags: LabFlags, name: string) {
	const {lab, scenario} = openScenario(flags, name, now);
	lab.history?.replay(scenario.steps);
	return lab;
}

async function printSnapshot(machine: ObservedMachine, json: boolean, out: Print): Promise<void> {
	const {snapshotJson, snapshotLines} = await import('../explain/snapshot.js');
	out(json ? jsonLines(snapshotJson(machine)) : snapshotLines(machine));
}

/** What is wrong in them is said in a pipe, too. */
export async function checkDisplay(look: DisplayFlags): Promise<void> {
	if (look.cast !== undefined)
		throw new UserError('--cast records what a terminal shows, and here is none; leave it out.');
	if (look.theme === undefined && look.config === undefined) return;
	const {readDisplay} = await import('../ui/display-flags.js');
	readDisplay(look, {});
}
