// A scenario to be looked at, and a lab of its machine.

import {Lab} from '../lab/lab.js';
import {findScenario} from '../lab/scenario/find.js';
import {parseScenario} from '../lab/scenario/parse.js';
import type {Scenario} from '../machine/scenario.js';
import {type LabFlags, openDisk, unharmed} from './open-lab.js';
import {settingOf} from './run-scenarios.js';

/** Its machine at the start. @throws UserError */
export function openScenario(flags: LabFlags, nameOrPath: string): {lab: Lab; scenario: Scenario} {
	const info = openDisk(unharmed(flags));
	try {
		const {path, text} = findScenario(nameOrPath);
		const scenario = parseScenario(path, text, settingOf(flags, info));
		return {lab: new Lab(scenario.machine, info), scenario};
	} catch (error) {
		info.disk.close();
		throw error;
	}
}
