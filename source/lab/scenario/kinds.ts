// The kinds of values that the fields of a scenario have: how each is read, and what a JSON Schema says of it.

import {didYouMean} from '../../did-you-mean.js';
import {hex} from '../../formats/address.js';
import {UserError, within} from '../../user-error.js';
import {show} from '../../words.js';

export type Schema = Readonly<Record<string, unknown>>;

export type Kind<T> = {
	/** @throws UserError that calls the value by `name` */
	read: (value: unknown, name: string) => T;
	schema: Schema;
};

/** What is read by its own rules, later. */
export const raw = (schema: Schema): Kind<unknown> => ({schema, read: value => value});

/** The one of these words that `value` is. @throws UserError with the nearest of them */
export function oneOf<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word {
	const known = words.find(word => word === value);
	if (known !== undefined) return known;
	const near = typeof value === 'string' ? didYouMean(value, words) : '';
	const may = words.length === 0 ? 'there is none.' : `it may be ${words.join(', ')}.${near}`;
	throw new UserError(`${name} is ${show(value)}; ${may}`);
}

export const choice = <const Word extends string>(words: readonly Word[]): Kind<Word> => ({
	schema: {enum: words},
	read: (value, name) => oneOf(name, value, words),
});

export const whole = (least: number, most: number): Kind<number> => ({
	schema: {type: 'integer', minimum: least, maximum: most},
	read: (value, name) => {
		if (typeof value !== 'number') throw new UserError(`${name} is ${show(value)}; it takes a number.`);
		if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
		const end = most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`;
		throw new UserError(`${name} is ${show(value)}; it may be a whole number from ${least} ${end}.`);
	},
});

const addresses = whole(0, 2 ** 52);

/** An address, at every so many bytes. */
export const address = (multiple = 1): Kind<number> => ({
	schema: {...addresses.schema, ...(multiple > 1 ? {multipleOf: multiple} : {})},
	read: (value, name) => {
		const at = addresses.read(value, name);
		if (at % multiple === 0) return at;
		throw new UserError(`${name} is ${hex(at)}; it may be a multiple of ${multiple}.`);
	},
});

export const flag: Kind<boolean> = {
	schema: {type: 'boolean'},
	read: (value, name) => {
		if (typeof value === 'boolean') return value;
		throw new UserError(`${name} is ${show(value)}; it takes true or false.`);
	},
};

/** Prose, or a name. A number is taken as it is written. */
export const text: Kind<string> = {
	schema: {type: 'string'},
	read: (value, name) => {
		if (typeof value === 'number') return String(value);
		if (typeof value === 'string') return value;
		throw new UserError(`${name} is ${show(value)}; it takes a word.`);
	},
};

/** A word of a certain form; `wanted` says which in the rest of a sentence. */
export const word = (form: RegExp, wanted: string): Kind<string> => ({
	schema: {type: 'string', pattern: form.source},
	read: (value, name) => {
		const given = text.read(value, name);
		if (form.test(given)) return given;
		throw new UserError(`${name} is ${show(value)}; ${wanted}`);
	},
});

/** A list; one thing alone stands for a list of it. */
export const listOf = <T>(kind: Kind<T>): Kind<readonly T[]> => ({
	schema: {anyOf: [kind.schema, {type: 'array', items: kind.schema}]},
	read: (value, name) => {
		const items: readonly unknown[] = Array.isArray(value) ? value : [value];
		return items.map((item, i) => within(i, () => kind.read(item, name)));
	},
});
