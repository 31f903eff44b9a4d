// dmascope scenarios and dmascope schema.

import {unknownWord} from '../did-you-mean.js';
import {findScenario, shippedScenarios} from '../lab/scenario/find.js';
import {parseHead} from '../lab/scenario/parse.js';
import type {ScenarioList} from '../outputs.js';
import {jsonLines, type Print, versioned} from '../text/print.js';
import {UserError} from '../user-error.js';
import {firstSentence} from '../words.js';
import {type Given, SCHEMAS} from './flags.js';
import {schemaOf} from './schemas.js';

/** @returns the exit code */
export function list(given: Given, out: Print): number {
	const names = shippedScenarios();
	if (given.has('names')) {
		for (const name of names) out(name);
		return 0;
	}
	const all: ScenarioList = names.map(name => {
		const {path, text} = findScenario(name);
		const {story, steps} = parseHead(path, text);
		return {name, story, steps, file: path};
	});
	const width = Math.max(...names.map(name => name.length));
	if (given.has('json')) out(jsonLines(all.map(versioned)));
	else for (const {name, story} of all) out(`${name.padEnd(width)}  ${firstSentence(story)}`);
	return 0;
}

/** Of scenarios, or of what a command prints with --json. @returns the exit code @throws UserError */
export function schema([name, other]: readonly string[], out: Print): number {
	if (other !== undefined) throw new UserError(`schema takes one name; leave out "${other}".`);
	const known = SCHEMAS.find(each => each === (name ?? 'scenario'));
	if (known === undefined) throw new UserError(unknownWord('schema', name ?? '', SCHEMAS));
	out(jsonLines(schemaOf(known)));
	return 0;
}
