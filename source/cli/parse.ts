// The words of the command line: which command, and what was given to it.

import meow from 'meow';
import {didYouMean} from '../did-you-mean.js';
import {packageInside} from '../shipped.js';
import {UserError} from '../user-error.js';
import type {CliCommand} from './command.js';
import {COMMANDS} from './commands.js';
import {FLAGS, Given} from './flags.js';

/** `package`: what the package says of itself. */
export type Asked = {
	command: CliCommand;
	words: readonly string[];
	given: Given;
	package: {version?: string; description?: string};
};

type Meow = Record<string, {type: 'boolean'} | {type: 'string'; isMultiple: true; shortFlag?: string}>;

/** @throws UserError where they make no sense */
export function parse(argv: readonly string[], importMeta: ImportMeta): Asked {
	checkValues(argv);
	const flags: Meow = {};
	for (const [name, {takes, short}] of FLAGS)
		flags[camel(name)] =
			takes === undefined
				? {type: 'boolean'}
				: {type: 'string', isMultiple: true, ...(short === undefined ? {} : {shortFlag: short})};
	const cli = meow('', {importMeta, argv, flags, autoHelp: false, autoVersion: false});
	const given = new Given(valuesOf(cli.flags));
	const [name = '', ...words] = cli.input.map(String);
	return {command: commandOf(name), words, given, package: packageInside() ?? cli.pkg};
}

/** @throws UserError where flags or words are given that the command does not take */
export function checkAsked({command, words, given}: Asked): void {
	const name = command.name || 'dmascope';
	const strange = given.names.find(flag => !command.flags.some(own => own === flag));
	if (strange !== undefined) {
		const others = COMMANDS.filter(({flags}) => flags.some(own => own === strange));
		const theirs = others.map(other => `dmascope ${other.name}`.trim()).join(', ');
		throw new UserError(`${name} takes no --${strange}; it is for ${theirs}. dmascope --help says more.`);
	}
	if (command.wants !== undefined && words.length === 0)
		throw new UserError(`${name} takes ${command.wants}`);
	if (command.takes === undefined && words.length > 0)
		throw new UserError(`${name} takes no more words; leave out "${words.join(' ')}".`);
	for (const flag of given.names) {
		const count = given.times(flag);
		if (count > 1 && FLAGS.get(flag)?.many !== true)
			throw new UserError(`--${flag} is given ${count} times; give it once.`);
	}
}

function commandOf(name: string): CliCommand {
	const command = COMMANDS.find(known => known.name === name);
	if (command !== undefined) return command;
	const names = COMMANDS.map(known => known.name).filter(known => known !== '');
	const near = didYouMean(name, names);
	throw new UserError(`There is no command "${name}"; dmascope --help lists those there are.${near}`);
}

/** Flags by their letters: -o. */
const LETTERS: ReadonlyMap<string, string> = new Map(
	[...FLAGS].flatMap(([name, {short}]) => (short === undefined ? [] : [[`-${short}`, name]])),
);

/** @throws UserError where a flag has a value and takes none, or the other way round */
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
			throw new UserError(`--${name} needs a value; dmascope --help says which.`);
	});
}

/** What was given, by the names that flags have on the command line. @throws UserError for what is no flag */
function valuesOf(flags: Readonly<Record<string, unknown>>): Map<string, readonly string[]> {
	const values = new Map<string, readonly string[]>();
	for (const [key, value] of Object.entries(flags)) {
		const name = dashed(key);
		if (!FLAGS.has(name)) {
			const near = didYouMean(name, [...FLAGS.keys()]).replace('mean ', 'mean --');
			const flag = `${name.length === 1 ? '-' : '--'}${name}`;
			throw new UserError(`There is no flag ${flag}; dmascope --help lists those there are.${near}`);
		}
		const words = Array.isArray(value) ? value.map(String) : [];
		if (value === true || words.length > 0) values.set(name, words);
	}
	return values;
}

const camel = (name: string): string => name.replace(/-[a-z]/g, letter => letter.slice(1).toUpperCase());
const dashed = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
