// A session as a scenario file, to be sent to a colleague, or kept as a test.

import path from 'node:path';
import {createNew} from '../../files.js';
import type {MachineSpec} from '../../machine/command.js';
import {UserError} from '../../user-error.js';
import {grouped, plural, sizeText} from '../../words.js';
import {troubled} from '../time/entry.js';
import type {SessionStep} from '../time/steps.js';
import {LONGEST} from './find.js';
import type {OutcomeJson} from './outcome-json.js';
import {scenarioText} from './write.js';

/** `expect`: whether steps are held to their outcomes; `first`: how many steps came before. @throws UserError */
export function writeSession(
	file: string,
	{
		machine,
		steps,
		expect,
		first,
	}: {machine: MachineSpec; steps: readonly SessionStep[]; expect: boolean; first: number},
): void {
	const name = path.basename(file).replace(/\.ya?ml$/, '');
	const troubles = steps.filter(({outcome}) => troubled(outcome)).length;
	const begins = first > 0 ? ` It begins after step ${grouped(first)}, which started the machine.` : '';
	const story = `A session of ${plural(steps.length, 'step')}; losses, faults and refusals: ${troubles}.${begins}`;
	const written = steps.map(({command, note, outcome}) => ({
		command,
		note,
		expect: expect ? expectationsOf(outcome) : undefined,
	}));
	const text = scenarioText({name, story, machine, steps: written});
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
