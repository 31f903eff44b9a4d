// A session as a scenario file, to be sent to a colleague, or kept as a test.

import path from 'node:path';
import {createNew} from '../../files.js';
import type {MachineSpec} from '../../machine/command.js';
import type {Entry} from '../../machine/history.js';
import {UserError} from '../../user-error.js';
import {plural, sizeText} from '../../words.js';
import {LONGEST} from './find.js';
import type {OutcomeJson} from './outcome-json.js';
import {scenarioText} from './write.js';

/** `outcomes`: what the steps are held to; there may be none. @throws UserError where the file cannot be made */
export function writeSession(
	file: string,
	machine: MachineSpec,
	entries: readonly Entry[],
	outcomes: readonly OutcomeJson[],
): void {
	const steps = entries.map(({command, note}, i) => ({
		command,
		note,
		expect: i < outcomes.length ? expectationsOf(outcomes[i]) : undefined,
	}));
	const name = path.basename(file).replace(/\.ya?ml$/, '');
	const troubles = entries.filter(({trouble}) => trouble).length;
	const story = `A session of ${plural(steps.length, 'step')}; losses, faults and refusals: ${troubles}.`;
	const text = scenarioText({name, story, machine, steps});
	if (Buffer.byteLength(text) > LONGEST)
		throw new UserError(
			`${file} would be larger than ${sizeText(LONGEST)}, and no scenario may be; go back, and write the steps up to there.`,
		);
	createNew(file, text);
}

/** What a step may be held to when it is done again. */
function expectationsOf({
	data,
	path,
	bytes,
	landed,
	faults,
	owner,
	bootable,
	error,
	domains,
	missing,
}: OutcomeJson) {
	const refused = domains === undefined ? undefined : (error ?? 'none');
	const all = {data, path, bytes, landed, faults, owner, bootable, error: refused, domains, missing};
	return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
