// As much of JSON Schema (draft 7) as the schema of scenarios uses; what else is in a schema is refused.

import assert from 'node:assert/strict';

type Json = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Json =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

const TYPES: Record<string, (value: unknown) => boolean> = {
	object: isMap,
	array: Array.isArray,
	string: value => typeof value === 'string',
	boolean: value => typeof value === 'boolean',
	integer: Number.isInteger,
	number: value => typeof value === 'number',
	null: value => value === null,
};

type Check = (rule: unknown, value: unknown, schema: Json, root: Json) => boolean;
const every = (rules: unknown, fits: (rule: unknown) => boolean): boolean =>
	Array.isArray(rules) && rules.every(fits);
const count = (rules: unknown, fits: (rule: unknown) => boolean): number =>
	Array.isArray(rules) ? rules.filter(fits).length : 0;

const RULES: Record<string, Check> = {
	$schema: () => true,
	title: () => true,
	description: () => true,
	default: () => true,
	definitions: () => true,
	type: (types, value) => (Array.isArray(types) ? types : [types]).some(type => TYPES[String(type)](value)),
	const: (only, value) => value === only,
	enum: (values, value) => Array.isArray(values) && values.includes(value),
	minimum: (least, value) => typeof value !== 'number' || value >= Number(least),
	maximum: (most, value) => typeof value !== 'number' || value <= Number(most),
	multipleOf: (of, value) => typeof value !== 'number' || value % Number(of) === 0,
	pattern: (pattern, value) => typeof value !== 'string' || new RegExp(String(pattern), 'u').test(value),
	minItems: (least, value) => !Array.isArray(value) || value.length >= Number(least),
	items: (item, value, _, root) => !Array.isArray(value) || value.every(each => fits(item, each, root)),
	required: (names, value) => !isMap(value) || every(names, name => Object.hasOwn(value, String(name))),
	properties: (known, value, _, root) =>
		!isMap(value) ||
		!isMap(known) ||
		Object.entries(value).every(
			([name, inside]) => !Object.hasOwn(known, name) || fits(known[name], inside, root),
		),
	additionalProperties: (rule, value, {properties}, root) => {
		if (!isMap(value)) return true;
		const known = isMap(properties) ? properties : {};
		const others = Object.keys(value).filter(name => !Object.hasOwn(known, name));
		return rule === false ? others.length === 0 : others.every(name => fits(rule, value[name], root));
	},
	propertyNames: (rule, value, _, root) =>
		!isMap(value) || Object.keys(value).every(name => fits(rule, name, root)),
	allOf: (forms, value, _, root) => every(forms, path => fits(path, value, root)),
	anyOf: (forms, value, _, root) => count(forms, path => fits(path, value, root)) > 0,
	oneOf: (forms, value, _, root) => count(forms, path => fits(path, value, root)) === 1,
};

/** Whether a schema lets a value pass. */
export function fits(schema: unknown, value: unknown, root: unknown = schema): boolean {
	assert.ok(isMap(schema) && isMap(root));
	if (typeof schema.$ref === 'string') {
		const name = schema.$ref.replace('#/definitions/', '');
		assert.ok(isMap(root.definitions) && name in root.definitions, schema.$ref);
		return fits(root.definitions[name], value, root);
	}
	return Object.entries(schema).every(([keyword, rule]) => {
		assert.ok(keyword in RULES, `${keyword} is not known here`);
		return RULES[keyword](rule, value, schema, root);
	});
}
