// What --json prints, against its schemas: the strict ones that the types come from, and those that ship.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type {SchemaName} from '../../source/cli/flags.js';
import {outputOf} from '../../source/cli/schemas.js';
import {fits} from './schema.js';

export type Output = Exclude<SchemaName, 'scenario'>;
const SHIPPED = path.resolve(import.meta.dirname, '../../source/lab/scenario/scenarios');
export const shipped = (name: SchemaName): unknown =>
	JSON.parse(fs.readFileSync(path.join(SHIPPED, `${name}.schema.json`), 'utf8'));
const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

/** Both schemas take it, and the strict one knows each of its fields. */
export function check(name: Output, value: unknown): void {
	assert.ok(isObject(value) && value.schemaVersion === 1, JSON.stringify(value));
	const {schemaVersion: _, ...rest} = value;
	assert.deepEqual(outputOf(name).parse(rest), rest);
	assert.ok(fits(shipped(name), value), JSON.stringify(value));
	// A field that is gone or another breaks this test.
	for (const field of Object.keys(rest)) {
		const {[field]: gone, ...others} = rest;
		const renamed = {...others, [`${field}_`]: gone};
		assert.notDeepEqual(outputOf(name).safeParse(renamed).data, renamed, field);
	}
}
