// Parses data that people write. The error of each schema completes a sentence that says how to mend a value
// ("expected an integer ≥ 1"); parseData puts the field and its value before it.

import * as z from 'zod/mini';
import {didYouMean} from './did-you-mean.js';
import {type DataPath, UserError} from './user-error.js';
import {either, plain, show} from './words.js';

// A compiled parser pays after thousands of values; a file has a hundred.
z.config({jitless: true});

export type Schema<T> = z.ZodMiniType<T>;
export type Shape = z.core.$ZodShape;

/** Names that an error lists, at most. */
const MAX_NAMES = 30;

/** `name` stands for the whole value. @throws UserError with the path to the part that is wrong */
export function parseData<T>(schema: Schema<T>, data: unknown, name: string): T {
	const result = z.safeParse(schema, data);
	if (result.success) return result.data;
	const issue = mostTelling(result.error.issues, data);
	const path = pathOf(issue);
	if (issue.code === 'unrecognized_keys') throw new UserError(issue.message, [...path, issue.keys[0]], true);
	const field = path.findLast(part => typeof part === 'string') ?? name;
	throw new UserError(sentenceOf(issue, field, valueAt(data, path)), path);
}

/** The first issue; or a misspelt field of the same map, which explains a missing one. */
function mostTelling(issues: readonly z.core.$ZodIssue[], data: unknown): z.core.$ZodIssue {
	const all = issues.map(issue => (issue.code === 'invalid_union' ? closest(issue, data) : issue));
	const [first] = all;
	const misspelt = all.find(
		({code, path}) => code === 'unrecognized_keys' && path.join() === first.path.slice(0, -1).join(),
	);
	return misspelt ?? first;
}

/** The issue of the alternative that takes this type of value. */
function closest({path, errors}: z.core.$ZodIssueInvalidUnion, data: unknown): z.core.$ZodIssue {
	const all = errors.map(issues =>
		mostTelling(
			issues.map(issue => ({...issue, path: [...path, ...issue.path]})),
			data,
		),
	);
	return all.find(issue => !isWrongType(issue, path.length, data)) ?? all[0];
}

/** Whether a value has the wrong type as a whole, `depth` parts down. */
function isWrongType(issue: z.core.$ZodIssue, depth: number, data: unknown): boolean {
	if (issue.path.length > depth) return false;
	if (issue.code === 'invalid_value') return typeof valueAt(data, pathOf(issue)) !== 'string';
	return issue.code === 'invalid_type';
}

function sentenceOf({code, message}: z.core.$ZodIssue, field: string, value: unknown): string {
	if (value === undefined) return `${field} is missing; ${message}`;
	if (value === null || value === '' || (Array.isArray(value) && value.length === 0))
		return `${field} is empty; ${message}`;
	if (code === 'invalid_value' && typeof value === 'string')
		return `Unknown ${field} ${plain(value)}; ${message}`;
	return `${field} is ${code === 'not_multiple_of' ? `0x${Number(value).toString(16)}` : shown(value)}; ${message}`;
}

const pathOf = ({path}: z.core.$ZodIssue): (string | number)[] =>
	path.filter(part => typeof part !== 'symbol');

const valueAt = (data: unknown, path: DataPath): unknown =>
	path.reduce<unknown>((value, part) => (isMap(value) ? value[part] : undefined), data);

const isMap = (value: unknown): value is Readonly<Record<string | number, unknown>> =>
	typeof value === 'object' && value !== null;

/** A value in a sentence; lists and maps can be long. */
function shown(value: unknown): string {
	if (Array.isArray(value)) return 'a list';
	return isMap(value) ? 'a map' : show(value);
}

/** One of these words. */
export const choice = <const Word extends string>(words: readonly Word[]) =>
	z.enum(words, {
		error: ({input}) => `use ${either(words)}.${typeof input === 'string' ? didYouMean(input, words) : ''}`,
	});

const integer = (least: number, most: number): string =>
	`expected an integer ${most === Number.MAX_SAFE_INTEGER ? `≥ ${least}` : `from ${least} to ${most}`}.`;

export function whole(least: number, most = Number.MAX_SAFE_INTEGER, error = integer(least, most)) {
	return z.int(error).check(z.gte(least, error), z.lte(most, error));
}

export const flag = z.boolean('use true or false.');

/** A word of this form; `wanted` ends the sentence about another: "write bus:device:function." */
export const word = (form: RegExp, wanted: string) => z.string(wanted).check(z.regex(form, wanted));

/** Prose, or a name; a number is taken as a word. */
export const text = z.pipe(z.union([z.string('expected text.'), z.number()]), z.transform(String));

/** A list; a single value stands for a list of it. */
export const listOf = <T extends Schema<unknown>>(item: T) =>
	z.union([
		z.pipe(
			item,
			z.transform(one => [one]),
		),
		z.array(item),
	]);

/** A map with these fields; `noun` is what each of them is. */
export function fields<S extends Shape>(shape: S, noun = 'field') {
	const names = Object.keys(shape);
	return z.strictObject(shape, {
		error: issue => {
			if (issue.code !== 'unrecognized_keys')
				return names.length === 0
					? 'leave it empty.'
					: names.length > MAX_NAMES
						? `expected a map of ${noun}s.`
						: `expected a map with ${names.join(', ')}.`;
			const [key] = issue.keys;
			const near = didYouMean(key, names);
			const use = near !== '' && names.length > MAX_NAMES ? '.' : `; use ${names.join(', ')}.`;
			return `Unknown ${noun} ${plain(key)}${use}${near}`;
		},
	});
}

/** Adds a description for people who write files. */
export const about = <T extends Schema<unknown>>(description: string, schema: T): T =>
	schema.check(z.describe(description));
