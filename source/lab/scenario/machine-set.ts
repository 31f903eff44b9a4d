// Parts of a scenario's machine from the command line: --set policy=keep.

import {parse} from 'yaml';
import {messageOf, UserError} from '../../user-error.js';
import {defaultSpec, parseMachine} from '../build/spec.js';
import type {Fields} from './fields.js';

/** What a part is checked against here: as much memory as any host has. */
const LARGEST = defaultSpec(256 * 1024 ** 3);

/** What each word sets, as `machine` of a file would have it. @throws UserError */
export function machineSet(words: readonly string[]): Fields {
	const set = new Map<string, unknown>();
	for (const word of words) {
		const [, key, text] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
		if (key === undefined) throw new UserError(`--set ${word} sets nothing; write it as --set policy=keep.`);
		if (set.has(key)) throw new UserError(`--set ${key} is given twice; give it once.`);
		const wrong = (why: string) => new UserError(`--set ${word}: ${why}`);
		let value: unknown;
		try {
			value = parse(text);
		} catch (error) {
			throw wrong(`${messageOf(error).split('\n')[0]}.`);
		}
		if (value === null) throw wrong(`${key} needs a value.`);
		try {
			parseMachine({[key]: value}, LARGEST);
		} catch (error) {
			throw error instanceof UserError ? wrong(error.message) : error;
		}
		set.set(key, value);
	}
	return Object.fromEntries(set);
}
