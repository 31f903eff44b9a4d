// Parses the command line. meow's own checks of commands, choices and unknown flags print their own messages or exit,
// and suggest nothing for a misspelt word; and after a command meow parses no options.

import meow from 'meow';
import {didYouMean} from '../did-you-mean.js';
import {packageInside} from '../shipped.js';
import {UserError} from '../user-error.js';
import {either, plain} from '../words.js';
import type {CliCommand} from './command.js';
import {COMMANDS} from './commands.js';
import {FLAGS, Given} from './flags.js';

/** `package`: the program's own package.json. */
export type Request = {
	command: CliCommand;
	words: readonly string[];
	given: Given;
	package: {version?: string; description?: string};
};

type Meow = Record<string, {type: 'boolean'} | {type: 'string'; isMultiple: true; shortFlag?: string}>;

/** @throws UserError if an option or the command is unknown */
export function parse(argv: readonly string[], importMeta: ImportMeta): Request {
	checkValues(argv);
	const flags: Meow = {};
	for (const [name, {takes, short}] of FLAGS)
		flags[camel(name.replace(NEGATED, ''))] =
			takes === undefined
				? {type: 'boolean'}
				: {type: 'string', isMultiple: true, ...(short === undefined ? {} : {shortFlag: short})};
	// Else --no-mouse would be the same as no flag.
	const booleanDefault = undefined;
	const cli = meow('', {importMeta, argv, flags, booleanDefault, autoHelp: false, autoVersion: false});
	const given = new Given(valuesOf(cli.flags));
	const [name = '', ...words] = cli.input.map(String);
	return {command: commandOf(name), words, given, package: packageInside() ?? cli.pkg};
}

/** @throws UserError if options or arguments do not belong to the command, or are missing */
export function checkRequest({command, words, given}: Request): void {
	const name = command.name || 'the dashboard';
	const strange = given.names.find(flag => !command.flags.some(own => own === flag));
	if (strange !== undefined) {
		const others = COMMANDS.filter(({flags}) => flags.some(own => own === strange));
		const theirs = either(others.map(other => `dmascope ${other.name}`.trim()));
		throw new UserError(`--${strange} does not apply to ${name}; use it with ${theirs}.`);
	}
	if (command.needs !== undefined && words.length === 0)
		throw new UserError(`${name} needs ${command.needs}`);
	if (command.takes === undefined && words.length > 0)
		throw new UserError(`${name} takes no arguments; leave out "${words.join(' ')}".`);
	for (const flag of given.names) {
		const count = given.times(flag);
		if (count > 1 && FLAGS.get(flag)?.many !== true)
			throw new UserError(`--${flag} was given ${count} times; give it once.`);
	}
}

function commandOf(name: string): CliCommand {
	const command = COMMANDS.find(known => known.name === name);
	if (command !== undefined) return command;
	const names = COMMANDS.map(known => known.name).filter(known => known !== '');
	throw new UserError(`Unknown command ${plain(name)}; see --help.${didYouMean(name, names)}`);
}

/** Options by their letters: -o. */
const LETTERS: ReadonlyMap<string, string> = new Map(
	[...FLAGS].flatMap(([name, {short}]) => (short === undefined ? [] : [[`-${short}`, name]])),
);

/** @throws UserError if an option lacks its value, or has one that it does not take */
function checkValues(argv: readonly string[]): void {
	const words = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
	words.forEach((word, i) => {
		const [, long = '', value] = /^--([^=]+)(=.*)?$/s.exec(word) ?? [];
		const name = LETTERS.get(word) ?? long;
		const flag = FLAGS.get(name);
		if (flag === undefined) return;
		if (flag.takes === undefined && value !== undefined)
			throw new UserError(`--${name} takes no value; leave out ${value}.`);
		const missing = value === '=' || (value === undefined && (words[i + 1] ?? '--').startsWith('--'));
		if (flag.takes !== undefined && missing)
			throw new UserError(`--${name} needs a value: --${name} ${flag.takes}.`);
	});
}

/** The given options by their names on the command line. @throws UserError if one is unknown */
function valuesOf(flags: Readonly<Record<string, unknown>>): Map<string, readonly string[]> {
	const values = new Map<string, readonly string[]>();
	for (const [key, value] of Object.entries(flags)) {
		if (value === undefined) continue;
		const name = value === false ? `no-${dashed(key)}` : dashed(key);
		if (!FLAGS.has(name)) {
			const near = didYouMean(name, [...FLAGS.keys()]).replace('mean ', 'mean --');
			const option = plain(key.length === 1 ? `-${key}` : `--${name}`);
			throw new UserError(`Unknown option ${option}; see --help.${near}`);
		}
		const words = Array.isArray(value) ? value.map(String) : [];
		if (typeof value === 'boolean' || words.length > 0) values.set(name, words);
	}
	return values;
}

/** meow takes --no-mouse as a flag mouse that is false. */
const NEGATED = /^no-/;

const camel = (name: string): string => name.replace(/-[a-z]/g, letter => letter.slice(1).toUpperCase());
const dashed = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
