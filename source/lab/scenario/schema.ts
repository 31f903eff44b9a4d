// The JSON Schema of scenarios, in Draft 7 for editors. In a separate file, the generator does not slow down the
// start.

import * as z from 'zod/mini';
import {machine} from './machine-fields.js';
import {file, step} from './parse.js';
import {VERB_NAMES} from './verbs.js';

export const scenarioSchema = () => {
	const oneCommand = step.check(z.meta({id: 'step', oneOf: VERB_NAMES.map(name => ({required: [name]}))}));
	machine.register(z.globalRegistry, {id: 'machine'});
	return z.toJSONSchema(file(oneCommand).check(z.meta({title: 'A scenario of dmascope'})), {
		target: 'draft-07',
		io: 'input',
	});
};
