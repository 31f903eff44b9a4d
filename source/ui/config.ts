// The user's config file: the look, and keys.

import path from 'node:path';
import * as z from 'zod/mini';
import {didYouMean} from '../did-you-mean.js';
import {readRegular} from '../files.js';
import {choice, fields, listOf, parseData, word} from '../parse-data.js';
import type {Environment} from '../text/terminal.js';
import {THEMES, type ThemeName} from '../text/tones.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';
import {YamlFile} from '../yaml-file.js';
import {KEY_NAMES} from './commands/keys.js';

export type Config = {
	theme?: ThemeName;
	ascii?: boolean;
	mouse?: boolean;
	motion?: boolean;
	large?: boolean;
	/** By the ID of a command: the keys that replace its own. */
	keys: Readonly<Record<string, readonly string[]>>;
};

/** A command and its keys; commands of two different places may have the same key. */
export type KeyedCommand = {id: string; keys: readonly string[]; place?: string};

/** Bytes of a file: far more than all settings. */
const LONGEST = 2 ** 16;
/** The key that always leaves. */
const LEAVE = 'ctrl-c';

/** The usual place of the file. The XDG base directory specification ignores relative paths. */
export function configPath({XDG_CONFIG_HOME, HOME}: Environment): string | undefined {
	if (XDG_CONFIG_HOME && path.isAbsolute(XDG_CONFIG_HOME))
		return path.join(XDG_CONFIG_HOME, 'dmascope', 'config.yaml');
	return HOME ? path.join(HOME, '.config', 'dmascope', 'config.yaml') : undefined;
}

/** The settings of the named file, or of the one in the usual place if there is one. @throws UserError */
export function loadConfig(
	named: string | undefined,
	env: Environment,
	commands: readonly KeyedCommand[],
): Config {
	const file = named ?? configPath(env);
	if (file === undefined) return {keys: {}};
	let text: string;
	try {
		text = readRegular(file, {limit: LONGEST, mend: 'name a config file'}).toString('utf8');
	} catch (error) {
		if (error instanceof UserError) throw error;
		const none = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
		if (none && named === undefined) return {keys: {}};
		if (none) throw new UserError(`${file} does not exist; check the path after --config.`);
		throw new UserError(`Cannot read ${file}: ${messageOf(error)}.`);
	}
	return parseConfig(file, text, commands);
}

const NO_KEY = 'use a character, ctrl- and a letter, or a name such as enter or pageup.';
const isKey = (key: string): boolean =>
	KEY_NAMES.includes(key) || /^ctrl-[a-z]$/.test(key) || /^(alt-)?[^\p{C}\p{Z}]$/u.test(key);
const key = z.string(NO_KEY).check(
	z.refine(isKey, {error: ({input}) => `${NO_KEY}${didYouMean(String(input), KEY_NAMES)}`, abort: true}),
	z.refine(key => key !== LEAVE, `${LEAVE} always leaves dmascope; choose another key.`),
);

/** The failsafe schema of YAML makes words of everything: 1, ~ and true are keys as well. */
const onOff = z.pipe(
	word(/^(true|false)$/, 'use true or false.'),
	z.transform(value => value === 'true'),
);

const schemaOf = (commands: readonly KeyedCommand[]) =>
	fields(
		{
			theme: z.optional(choice(THEMES)),
			ascii: z.optional(onOff),
			mouse: z.optional(onOff),
			motion: z.optional(onOff),
			large: z.optional(onOff),
			keys: z._default(
				fields(Object.fromEntries(commands.map(({id}) => [id, z.optional(listOf(key))])), 'command'),
				{},
			),
		},
		'setting',
	);

/** @throws UserError as `file:line:column: sentence` */
export function parseConfig(file: string, text: string, commands: readonly KeyedCommand[]): Config {
	const yaml = new YamlFile(file, text, 'failsafe');
	return yaml.locate(() => {
		const config = parseData(schemaOf(commands), yaml.data || {}, 'the config file');
		return {...config, keys: checkKeys(config.keys, commands)};
	});
}

/** @throws UserError if two commands would have the same key at the same time */
function checkKeys(
	keys: Readonly<Record<string, readonly string[] | undefined>>,
	commands: readonly KeyedCommand[],
): Config['keys'] {
	const chosen = Object.fromEntries(Object.entries(keys).map(([id, own = []]) => [id, own]));
	const all = withKeys(commands, {keys: chosen});
	for (const [id, own] of Object.entries(chosen))
		own.forEach((key, i) => {
			const other = clashing(all, commands, id, key);
			if (other === undefined) return;
			throw new UserError(`${key} is the key of ${id} and of ${other}; choose another for one of them.`, [
				'keys',
				id,
				i,
			]);
		});
	return chosen;
}

/** Another command that has the same key at the same time. */
function clashing(
	all: readonly KeyedCommand[],
	before: readonly KeyedCommand[],
	id: string,
	key: string,
): string | undefined {
	const own = all.find(command => command.id === id);
	const keysBefore = (name: string) => before.find(command => command.id === name)?.keys ?? [];
	return all.find(other => {
		if (other.id === id || !other.keys.includes(key)) return false;
		if (own?.place !== undefined && other.place !== undefined) return own.place === other.place;
		// Commands that share a key by default are never available together.
		return !keysBefore(id).some(shared => keysBefore(other.id).includes(shared));
	})?.id;
}

/** The table of commands with the user's keys. */
export function withKeys<T extends KeyedCommand>(commands: readonly T[], {keys}: Pick<Config, 'keys'>): T[] {
	return commands.map(command => {
		const chosen = keys[command.id];
		if (chosen === undefined) return command;
		return {...command, keys: command.keys.includes(LEAVE) ? [...chosen, LEAVE] : chosen};
	});
}
