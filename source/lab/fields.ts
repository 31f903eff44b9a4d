// Plain data from a file, taken apart field by field. Each error is a sentence that names the field.

import {UserError} from '../user-error.js';

export type Fields = Record<string, unknown>;

export const show = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value));

const isFields = (value: unknown): value is Fields =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws UserError where `value` is no map, or has a field that is not among `known`. */
export function fieldsOf(what: string, value: unknown, known: readonly string[]): Fields {
	if (known.length === 0 && value !== null && value !== undefined && value !== true)
		throw new UserError(`${what} takes nothing, and here is ${show(value)}.`);
	const fields = value ?? {};
	if (fields === true) return {};
	if (!isFields(fields))
		throw new UserError(`${what} takes fields (${known.join(', ')}), not ${show(value)}.`);
	const unknown = Object.keys(fields).find(name => !known.includes(name));
	if (unknown !== undefined)
		throw new UserError(`${what} has no field "${unknown}"; it takes ${known.join(', ')}.`);
	return fields;
}

export function numberIn(fields: Fields, name: string, fallback: number): number {
	const value = fields[name] ?? fallback;
	if (typeof value !== 'number') throw new UserError(`${name} is ${show(value)}; it takes a number.`);
	return value;
}

/** A word; a number is taken as it is written. */
export function textIn(fields: Fields, name: string, fallback = ''): string {
	const value = fields[name] ?? fallback;
	if (typeof value === 'number') return String(value);
	if (typeof value !== 'string') throw new UserError(`${name} is ${show(value)}; it takes a word.`);
	return value;
}

export function flagIn(fields: Fields, name: string, fallback: boolean): boolean {
	const value = fields[name] ?? fallback;
	if (typeof value !== 'boolean') throw new UserError(`${name} is ${show(value)}; it takes true or false.`);
	return value;
}

/** A list; one thing alone stands for a list of it. */
export function listIn(fields: Fields, name: string, fallback: readonly unknown[]): readonly unknown[] {
	const value = fields[name] ?? fallback;
	return Array.isArray(value) ? value : [value];
}

export function choiceIn<Choice extends string>(
	fields: Fields,
	name: string,
	allowed: readonly Choice[],
	fallback?: Choice,
): Choice {
	const value = fields[name] ?? fallback;
	const known = allowed.find(choice => choice === value);
	if (known !== undefined) return known;
	throw new UserError(`${name} is ${show(value)}; it may be ${allowed.join(', ')}.`);
}

export function oneOf(field: string, value: string, allowed: readonly string[]): void {
	if (!allowed.includes(value))
		throw new UserError(`${field} is ${show(value)}; it may be ${allowed.join(', ')}.`);
}

export function whole(field: string, value: number, least: number, most: number): void {
	if (Number.isSafeInteger(value) && value >= least && value <= most) return;
	throw new UserError(`${field} is ${show(value)}; it may be a whole number from ${least} to ${most}.`);
}
