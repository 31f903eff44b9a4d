// A scenario as the dashboard plays it, and the check of its outcomes against its expectations.

import type {Command, MachineSpec} from './command.js';
import type {Outcome} from './outcome.js';

export type Expectations = Readonly<Record<string, unknown>>;
export type Step = {
	command: Command;
	/** The command in a few words. */
	text: string;
	expect: Expectations;
	note?: string;
	line: number;
};
export type Scenario = {name: string; story: string; machine: MachineSpec; steps: Step[]};

export interface Scenarios {
	/** The scenarios that ship. */
	list(): readonly {name: string; story: string}[];
	/** Loads a scenario that ships, or a file. @throws UserError */
	load(name: string): Scenario;
	/** The expectations that a step just taken did not meet, one sentence each; `earlier`: the outcomes before it. */
	unmet(step: Step, outcome: Outcome, earlier: readonly Outcome[]): string[];
}
