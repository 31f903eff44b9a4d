// Waits for what a machine shows.

import assert from 'node:assert/strict';
import {setTimeout} from 'node:timers/promises';
import type {MachineState, ObservedMachine} from '../../source/machine/observed.js';

const PATIENCE_MS = 60_000;

export async function until(
	machine: ObservedMachine,
	there: (state: MachineState) => unknown,
): Promise<MachineState> {
	const start = performance.now();
	while (!there(machine.state())) {
		const {lost, faults, revision} = machine.state();
		const waited = performance.now() - start;
		assert.ok(
			waited < PATIENCE_MS,
			`not seen: ${JSON.stringify({revision, lost, faults: faults.slice(-3)})}`,
		);
		await setTimeout(5);
	}
	return machine.state();
}
