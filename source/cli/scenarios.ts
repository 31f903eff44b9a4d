// dmascope scenarios and dmascope schema.

import {findScenario, shippedScenarios} from '../lab/scenario/find.js';
import {parseHead} from '../lab/scenario/parse.js';
import {scenarioSchema} from '../lab/scenario/schema.js';
import {jsonLines, type Print} from '../text/print.js';
import {firstSentence} from '../words.js';
import type {Given} from './flags.js';

/** @returns the exit code */
export function list(given: Given, out: Print): number {
	const names = shippedScenarios();
	if (given.has('names')) {
		for (const name of names) out(name);
		return 0;
	}
	const all = names.map(name => {
		const {path, text} = findScenario(name);
		const {story, steps} = parseHead(path, text);
		return {name, story, steps, file: path};
	});
	const width = Math.max(...names.map(name => name.length));
	if (given.has('json')) out(jsonLines(all));
	else for (const {name, story} of all) out(`${name.padEnd(width)}  ${firstSentence(story)}`);
	return 0;
}

/** @returns the exit code */
export function schema(out: Print): number {
	out(jsonLines(scenarioSchema()));
	return 0;
}
