// The shipped scenarios, as the dashboard lists, plays and checks them.

import type {ObservedMachine} from '../../machine/observed.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Scenario, Scenarios, Step} from '../../machine/scenario.js';
import {unmet} from './expectations.js';
import {findScenario, shippedScenarios} from './find.js';
import {parseHead, parseScenario, type Setting} from './parse.js';

export class LabScenarios implements Scenarios {
	private readonly machine: ObservedMachine;
	private readonly setting: Setting;
	private heads: readonly {name: string; story: string}[] | undefined;

	/** `machine` takes the steps. */
	constructor(machine: ObservedMachine, setting: Setting) {
		this.machine = machine;
		this.setting = setting;
	}

	list(): readonly {name: string; story: string}[] {
		this.heads ??= shippedScenarios().map(name => parseHead(name, findScenario(name).text));
		return this.heads;
	}

	load(name: string): Scenario {
		return parseScenario(name, findScenario(name).text, this.setting);
	}

	unmet({command, expect}: Step, outcome: Outcome, earlier: readonly Outcome[]): string[] {
		return unmet(expect, {command, outcome, earlier, machine: this.machine});
	}
}
