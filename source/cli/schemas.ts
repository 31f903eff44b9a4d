// The JSON Schemas that ship: of scenarios, and of what --json prints. Draft 7, which editors know.

import * as z from 'zod/mini';
import {scenarioSchema} from '../lab/scenario/schema.js';
import {
	bootReport,
	decodeLine,
	host,
	runLine,
	scenarioList,
	serveEvent,
	snapshot,
	traceLine,
} from '../outputs.js';
import {SCHEMA_VERSION} from '../text/print.js';
import type {SchemaName} from './flags.js';

type Output = Exclude<SchemaName, 'scenario'>;
type Schema = z.core.JSONSchema.BaseSchema;

const OUTPUTS: Record<Output, {title: string; schema: z.ZodMiniType}> = {
	snapshot: {title: 'What dmascope --json and dmascope qemu --json print', schema: snapshot},
	run: {title: 'A line of dmascope run --json', schema: runLine},
	decode: {title: 'A line of dmascope decode --json', schema: decodeLine},
	host: {title: 'What dmascope host --json prints', schema: host},
	trace: {title: 'A line of dmascope host --trace --json', schema: traceLine},
	scenarios: {title: 'What dmascope scenarios --json prints', schema: scenarioList},
	boot: {title: 'What dmascope boot --json prints', schema: bootReport},
	serve: {title: 'A line of dmascope serve --json', schema: serveEvent},
};

/** The type of what a command prints, without its version: to check it more strictly than its JSON Schema does. */
export const outputOf = (name: Output): z.ZodMiniType => OUTPUTS[name].schema;

export function schemaOf(name: SchemaName): object {
	if (name === 'scenario') return scenarioSchema();
	const {title, schema} = OUTPUTS[name];
	// Other fields may come without a new version, so they are let through.
	const json = z.toJSONSchema(schema, {
		target: 'draft-07',
		io: 'input',
		override: ({jsonSchema}) => {
			delete jsonSchema.readOnly;
		},
	});
	return {...withVersion(json), title};
}

/** Every object that is printed names the version: one, one of several, or each of a list. */
function withVersion(json: Schema): Schema {
	if (json.anyOf) return {...json, anyOf: json.anyOf.map(each => withVersion(asSchema(each)))};
	if (json.items && !Array.isArray(json.items)) return {...json, items: withVersion(asSchema(json.items))};
	return {
		...json,
		properties: {schemaVersion: {const: SCHEMA_VERSION}, ...json.properties},
		required: ['schemaVersion', ...(json.required ?? [])],
	};
}

const asSchema = (json: Schema | boolean): Schema => (typeof json === 'boolean' ? {} : json);
