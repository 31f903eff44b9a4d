// The format of scenarios as a JSON Schema, made of the tables that the parser reads by. Draft 7 is what editors know.

import {MACHINE} from '../build/spec.js';
import {expectationsSchema} from './expectations.js';
import {schemaOf} from './fields.js';
import type {Schema} from './kinds.js';
import {NOTE, PARTS} from './parse.js';
import {VERBS, type Verb} from './verbs.js';

export const scenarioSchema = (): Schema => ({
	$schema: 'http://json-schema.org/draft-07/schema#',
	title: 'A scenario of dmascope',
	...schemaOf(PARTS, ['steps']),
	definitions: {machine: schemaOf(MACHINE), step: stepSchema()},
});

/** One verb, and what may stand beside it. */
function stepSchema(): Schema {
	const verbs = Object.entries(VERBS);
	return {
		type: 'object',
		properties: {
			...Object.fromEntries(verbs.map(([name, verb]) => [name, verbSchema(verb)])),
			note: {description: NOTE.about, ...NOTE.kind.schema},
			expect: {description: 'what must come back', ...expectationsSchema},
		},
		additionalProperties: false,
		oneOf: verbs.map(([name]) => ({required: [name]})),
	};
}

/** Its fields, or the one that stands for them; nothing where all may be left out. */
function verbSchema({about, fields, needs = [], short}: Verb): Schema {
	const only = fields.find(({name}) => name === short);
	const paths = [
		schemaOf(fields, needs),
		...(only ? [only.kind.schema] : []),
		...(needs.length === 0 ? [{enum: [null, true]}] : []),
	];
	return {description: about, ...(paths.length === 1 ? paths[0] : {anyOf: paths})};
}
