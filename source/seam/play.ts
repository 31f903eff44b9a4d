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
	/** @throws UserError */
	load(name: string): Scenario;
	/** The expectations of a step that its outcome does not meet, each as a sentence. */
	unmet(step: Step, outcome: Outcome): string[];
}
