// The file that a user keeps settings in: looks, and keys of their own. It is checked as a whole, and refused with
// one sentence that says where it is wrong and what was probably meant.

import fs from 'node:fs';
import path from 'node:path';
import {isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument} from 'yaml';
import {nearest} from '../did-you-mean.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';
import type {Environment} from './terminal/environment.js';
import {THEMES, type ThemeName} from './theme.js';

export type Config = {
	theme?: ThemeName;
	ascii?: boolean;
	mouse?: boolean;
	large?: boolean;
	/** By the id of a command: its keys, in place of those it has. */
	keys: Readonly<Record<string, readonly string[]>>;
};

/** What is to be known of a command: commands of two different places may have the same key. */
export type KeyedCommand = {id: string; keys: readonly string[]; place?: string};

const SETTINGS = ['theme', 'ascii', 'mouse', 'large', 'keys'];
const KEY_NAMES = [
	'enter',
	'escape',
	'tab',
	'shift-tab',
	'space',
	'backspace',
	'up',
	'down',
	'left',
	'right',
	'pageup',
	'pagedown',
	'home',
	'end',
];
/** Whatever else is set, it leaves. */
const ALWAYS = 'ctrl-c';

/** Where the file is looked for. The XDG base directory specification has relative paths ignored. */
export function configPath({XDG_CONFIG_HOME, HOME}: Environment): string | undefined {
	if (XDG_CONFIG_HOME && path.isAbsolute(XDG_CONFIG_HOME))
		return path.join(XDG_CONFIG_HOME, 'dmascope', 'config.yaml');
	return HOME ? path.join(HOME, '.config', 'dmascope', 'config.yaml') : undefined;
}

/**
 * The settings of a file that was named, or of the one in its usual place, where there may be none.
 * @throws UserError
 */
export function loadConfig(
	named: string | undefined,
	env: Environment,
	commands: readonly KeyedCommand[],
): Config {
	const file = named ?? configPath(env);
	if (file === undefined) return {keys: {}};
	let text: string;
	try {
		text = fs.readFileSync(file, 'utf8');
	} catch (error) {
		const none = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
		if (none && named === undefined) return {keys: {}};
		if (none) throw new UserError(`There is no ${file}; check the path after --config.`);
		throw new UserError(`${file} cannot be read: ${messageOf(error)}.`);
	}
	return parseConfig(file, text, commands);
}

type Fail = (node: unknown, message: string) => never;

/** @throws UserError as `file:line:column: sentence` */
export function parseConfig(file: string, text: string, commands: readonly KeyedCommand[]): Config {
	const lines = new LineCounter();
	const document = parseDocument(text, {lineCounter: lines, prettyErrors: false});
	const failAt = (offset: number, message: string): never => {
		const {line, col} = lines.linePos(offset);
		throw new UserError(`${file}:${line}:${col}: ${message}`);
	};
	const fail: Fail = (node, message) => failAt(offsetOf(node), message);
	const broken = document.errors[0];
	if (broken) failAt(broken.pos[0], `this is not YAML: ${broken.message}`);
	const root = document.contents;
	const config: Config = {keys: {}};
	if (root === null || (isScalar(root) && root.value === null)) return config;
	if (!isMap(root)) return fail(root, `a config file is a map with ${SETTINGS.join(', ')}.`);
	for (const item of root.items) {
		const name = textOf(item.key) ?? '';
		if (name === 'theme') config.theme = themeOf(item, fail);
		else if (name === 'ascii' || name === 'mouse' || name === 'large')
			config[name] = switchOf(name, item, fail);
		else if (name === 'keys') config.keys = keysOf(item, commands, fail);
		else fail(item.key, `"${name}" is no setting${meant(name, SETTINGS)}`);
	}
	return config;
}

function themeOf({key, value}: Pair, fail: Fail): ThemeName {
	const word = textOf(value) ?? '';
	return (
		THEMES.find(theme => theme === word) ?? fail(value ?? key, `"${word}" is no theme${meant(word, THEMES)}`)
	);
}

function switchOf(name: string, {key, value}: Pair, fail: Fail): boolean {
	const on = isScalar(value) ? value.value : undefined;
	return typeof on === 'boolean' ? on : fail(value ?? key, `${name} is true or false.`);
}

function keysOf({key, value}: Pair, commands: readonly KeyedCommand[], fail: Fail): Config['keys'] {
	if (!isMap(value))
		return fail(value ?? key, 'keys is a map: the id of a command, and its key or list of keys.');
	const ids = commands.map(({id}) => id);
	const keys: Record<string, readonly string[]> = {};
	const written: {id: string; key: string; node: unknown}[] = [];
	for (const pair of value.items) {
		const id = textOf(pair.key) ?? '';
		if (!ids.includes(id)) fail(pair.key, `there is no command "${id}"${meant(id, ids)}`);
		const nodes = isSeq(pair.value) ? pair.value.items : [pair.value ?? pair.key];
		const own = nodes.map(node => ({id, key: keyOf(node, fail), node}));
		keys[id] = own.map(({key}) => key);
		written.push(...own);
	}
	const all = withKeys(commands, {keys});
	for (const {id, key, node} of written) {
		const other = clashing(all, commands, id, key);
		if (other) fail(node, `${nameOf(key)} is the key of ${id} and of ${other}; give one of them another.`);
	}
	return keys;
}

/** Another command that the same key would mean at the same time. */
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
		// Those that have had a key in common from the start are never possible at once.
		return !keysBefore(id).some(shared => keysBefore(other.id).includes(shared));
	})?.id;
}

function keyOf(node: unknown, fail: Fail): string {
	const word =
		textOf(node) ?? fail(node, 'a key is written as a word or a character, such as q, ctrl-r or "?".');
	if (word === ALWAYS) return fail(node, `${ALWAYS} leaves dmascope, always; choose another key.`);
	if (word === 'space') return ' ';
	if (KEY_NAMES.includes(word) || /^ctrl-[a-z]$/.test(word) || /^[^\p{C}\p{Z}]$/u.test(word)) return word;
	return fail(
		node,
		`"${word}" is no key${meant(word, [...KEY_NAMES, 'one character', 'ctrl- and a letter'])}`,
	);
}

const nameOf = (key: string): string => (key === ' ' ? 'space' : key);

/** How the sentence about a wrong word ends. */
function meant(word: string, words: readonly string[]): string {
	const near = nearest(word, words);
	return near === undefined ? `; there are ${words.join(', ')}.` : `; did you mean ${near}?`;
}

/** A word as it is written: 1, ~ and true are keys as well. */
function textOf(node: unknown): string | undefined {
	if (!isScalar(node)) return undefined;
	return typeof node.value === 'string' ? node.value : (node.source ?? undefined);
}

const offsetOf = (node: unknown): number =>
	typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
		? node.range[0]
		: 0;

/** The table of commands with the keys that a user has chosen. */
export function withKeys<T extends KeyedCommand>(commands: readonly T[], {keys}: Pick<Config, 'keys'>): T[] {
	return commands.map(command => {
		const chosen = keys[command.id];
		if (chosen === undefined) return command;
		return {...command, keys: command.keys.includes(ALWAYS) ? [...chosen, ALWAYS] : chosen};
	});
}
