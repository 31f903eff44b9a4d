// A scenario as the dashboard plays it: plain data, and how its outcomes are held against what was expected.

import type {Command, MachineSpec, Outcome} from './command.js';

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
	/** Those that ship. */
	list(): readonly {name: string; story: string}[];
	/** One that ships, or a file. @throws UserError */
	load(name: string): Scenario;
	/**
	 * Of a step that this machine has just taken: which of its expectations did not come true, each as a sentence.
	 * `earlier` are the outcomes of the steps before it.
	 */
	unmet(step: Step, outcome: Outcome, earlier: readonly Outcome[]): string[];
}
