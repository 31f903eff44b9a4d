// Opens the dashboard on a terminal, or prints a snapshot.

import os from 'node:os';
import type {Lab} from '../lab/lab.js';
import {parseHistory} from '../lab/scenario/machine-fields.js';
import type {ObservedMachine} from '../machine/observed.js';
import {jsonLines, type Print, versioned} from '../text/print.js';
import type {Opening} from '../ui/dashboard.js';
import type {DisplayFlags} from '../ui/display-flags.js';
import {UserError} from '../user-error.js';
import {type LabFlags, openLab, openScenario} from './open-lab.js';

export type Opened = {lab: LabFlags; display: DisplayFlags; history?: string};

const now = (): number => performance.now();
export const onTerminal = (): boolean =>
	process.stdin.isTTY && process.stdout.isTTY && process.env.TERM !== 'dumb';

/** No command. @returns the exit code @throws UserError */
export async function open(
	{replay, json, ...opened}: Opened & {replay?: string; json: boolean},
	out: Print,
): Promise<number> {
	const interactive = onTerminal() && !json;
	const most = historyBytes(opened);
	if (!interactive) await checkDisplay(opened.display);
	const {lab, scenario} =
		replay === undefined ? {lab: openLab(opened.lab), scenario: undefined} : openScenario(opened.lab, replay);
	try {
		if (interactive) return await show(lab, opened.display, most, scenario && {replay: scenario.steps});
		for (const {command} of scenario?.steps ?? []) lab.dispatch(command);
		await printSnapshot(lab, json, out);
		return 0;
	} finally {
		lab.close();
	}
}

/** @returns the exit code @throws UserError */
export async function present(words: readonly string[], opened: Opened): Promise<number> {
	const [name = '', other] = words;
	if (other !== undefined) throw new UserError(`present takes one scenario; leave out "${other}".`);
	const most = historyBytes(opened);
	const {lab, scenario} = openScenario(opened.lab, name);
	try {
		if (!onTerminal()) throw new UserError(`present needs a terminal; use dmascope run ${name} without one.`);
		return await show(lab, opened.display, most, {present: scenario});
	} finally {
		lab.close();
	}
}

const historyBytes = ({history}: Opened): number | undefined =>
	history === undefined ? undefined : parseHistory(history);

/** Shows a lab, and keeps its history from now on. */
async function show(lab: Lab, display: DisplayFlags, most?: number, opening?: Opening): Promise<number> {
	lab.keepHistory(now, most);
	// By default a signal could leave a disk partly restored without a word.
	if (lab.disk.writable && !lab.disk.overlaid) exitOnSignals();
	const {dashboard} = await import('../ui/dashboard.js');
	return dashboard(lab, display, opening);
}

/** A running QEMU. @returns the exit code @throws UserError */
export async function attach(
	words: readonly string[],
	{display, json, ...how}: {display: DisplayFlags; every?: string; log?: string; json: boolean},
	out: Print,
): Promise<number> {
	const interactive = onTerminal() && !json;
	if (!interactive) await checkDisplay(display);
	const {openQemu} = await import('../live/qemu/open.js');
	const machine = await openQemu(words, how);
	try {
		if (!interactive) {
			await machine.readLog();
			await printSnapshot(machine, json, out);
			return 0;
		}
		const {dashboard} = await import('../ui/dashboard.js');
		return await dashboard(machine, display);
	} finally {
		machine.close();
	}
}

async function printSnapshot(machine: ObservedMachine, json: boolean, out: Print): Promise<void> {
	const {snapshotJson, snapshotLines} = await import('../explain/snapshot.js');
	out(json ? jsonLines(versioned(snapshotJson(machine))) : snapshotLines(machine));
}

/** Checks the options of the dashboard in a pipe, where nothing else reads them. @throws UserError */
export async function checkDisplay(display: DisplayFlags): Promise<void> {
	if (display.cast !== undefined) throw new UserError('--cast needs a terminal to record; leave it out.');
	if (display.theme === undefined && display.config === undefined) return;
	const {readDisplay} = await import('../ui/display-flags.js');
	readDisplay(display, {});
}

/** Exits on signals, so that `exit` handlers run: by default a signal ends Node without that event. */
export function exitOnSignals(): void {
	for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const)
		process.once(signal, () => process.exit(128 + os.constants.signals[signal]));
}
