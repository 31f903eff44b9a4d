// Maps of plain data, taken apart field by field.

import {didYouMean} from '../../did-you-mean.js';
import {UserError, within} from '../../user-error.js';
import {show} from '../../words.js';
import type {Kind, Schema} from './kinds.js';

export type Fields = Readonly<Record<string, unknown>>;

/** `about` is for those who write a file: what it is, and in parentheses what it is where it is left out. */
export type Field<T> = {name: string; about: string; kind: Kind<T>};
export const field = <T>(name: string, kind: Kind<T>, about: string): Field<T> => ({name, kind, about});

/** The value of a field; undefined where it is left out. @throws UserError */
export function valueIn<T>(fields: Fields, {name, kind}: Field<T>): T | undefined {
	const value = fields[name] ?? undefined;
	return value === undefined ? undefined : within(name, () => kind.read(value, name));
}

/** The same where it may not be left out. @throws UserError */
export const neededIn = <T>(fields: Fields, {name, kind}: Field<T>): T =>
	within(name, () => kind.read(fields[name] ?? undefined, name));

export const isFields = (value: unknown): value is Fields =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws UserError where `value` is no map, UserError where it has a field that is not among `known` */
export function fieldsOf(what: string, value: unknown, known: readonly {name: string}[]): Fields {
	const names = known.map(({name}) => name);
	const fields = value === true ? {} : (value ?? {});
	if (!isFields(fields) || (names.length === 0 && Object.keys(fields).length > 0)) {
		const takes = names.length === 0 ? 'nothing' : `fields (${names.join(', ')})`;
		throw new UserError(`${what} takes ${takes}, not ${show(value)}.`);
	}
	const unknown = Object.keys(fields).find(name => !names.includes(name));
	if (unknown === undefined) return fields;
	const near = didYouMean(unknown, names);
	const message = `${what} has no field ${show(unknown)}; it takes ${names.join(', ')}.${near}`;
	throw new UserError(message, [unknown], true);
}

/** A map with some of these fields, in JSON Schema. */
export const schemaOf = (fields: readonly Field<unknown>[], required: readonly string[] = []): Schema => ({
	type: 'object',
	properties: Object.fromEntries(
		fields.map(({name, about, kind}) => [name, {description: about, ...kind.schema}]),
	),
	...(required.length > 0 ? {required} : {}),
	additionalProperties: false,
});
