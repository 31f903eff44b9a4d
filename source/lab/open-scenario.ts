// A scenario to be looked at, and a lab of its machine.

import type {Scenario} from '../seam/play.js';
import {Lab} from './lab.js';
import {type LabFlags, openDisk, unharmed} from './open.js';
import {settingOf} from './run.js';
import {parseScenario} from './scenario.js';
import {findScenario} from './scenario-files.js';

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
