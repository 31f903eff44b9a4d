// A scenario to be looked at: a lab of its machine that remembers what is done.

import type {Scenario} from '../seam/play.js';
import {Lab} from './lab.js';
import {type LabFlags, openDisk, unharmed} from './open.js';
import {settingOf} from './run.js';
import {parseScenario} from './scenario.js';
import {findScenario} from './scenario-files.js';

/** Its machine at the start. `now`: a clock in milliseconds. @throws UserError */
export function openScenario(
	flags: LabFlags,
	nameOrPath: string,
	now: () => number,
): {lab: Lab; scenario: Scenario} {
	const info = openDisk(unharmed(flags));
	try {
		const {path, text} = findScenario(nameOrPath);
		const scenario = parseScenario(path, text, settingOf(flags, info));
		const lab = new Lab(scenario.machine, info);
		lab.keepHistory(now);
		return {lab, scenario};
	} catch (error) {
		info.disk.close();
		throw error;
	}
}
