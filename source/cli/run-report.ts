// What a run of scenarios came to, for those who print or write it.

import type {Scenario, Step} from '../machine/scenario.js';
import type {OutcomeJson} from '../outputs.js';

/** Where a report goes: checked before a run that reads `inputs`, written after it. Both throw UserErrors. */
export type ReportSink = {
	check(inputs: readonly string[]): void;
	write(reports: readonly Report[], inputs: readonly string[]): void;
};

/** A scenario that was read: `name` as it was asked for. */
export type Read = {name: string; path: string; scenario: Scenario};
export type StepReport = {number: number; step: Step; outcome: OutcomeJson; unmet: readonly string[]};
export type Report = {
	read: Read;
	steps: readonly StepReport[];
	expectations: number;
	held: number;
	broken: number;
};
