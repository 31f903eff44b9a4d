// What a shell can complete, made of the tables of commands and flags: the same for every shell.

import {ALL, shippedScenarios} from '../lab/scenario/find.js';
import type {CliCommand} from './command.js';
import {FLAGS} from './flags.js';

/** What may stand in a place: some words, and files where `files` is set. */
export type Values = {readonly words: readonly string[]; readonly files: boolean};
/** `values`: of a flag that takes one. */
export type FlagRow = {
	readonly name: string;
	readonly about: string;
	readonly many: boolean;
	readonly values?: Values;
};
export type CommandRow = {
	readonly name: string;
	readonly about: string;
	readonly flags: readonly FlagRow[];
	readonly values: Values;
};
export type CompletionTable = {
	readonly commands: readonly CommandRow[];
	readonly valued: readonly (FlagRow & {readonly values: Values})[];
};

const NONE: Values = {words: [], files: false};

/** By the name that the help gives a value. */
function valuesOf(takes: string | undefined, choices: readonly string[] | undefined): Values {
	if (takes === undefined) return NONE;
	if (choices !== undefined) return {words: choices, files: false};
	const scenarios = takes.startsWith('SCENARIO');
	const many = takes.endsWith('…');
	return {
		words: scenarios ? [...shippedScenarios(), ...(many ? [ALL] : [])] : [],
		files: scenarios || /^\[?(FILE|PATH|SOCKET)\b/.test(takes),
	};
}

export function completionTable(commands: readonly CliCommand[]): CompletionTable {
	const rows = new Map(
		[...FLAGS].map(([name, {takes, choices, many = false, about}]): [string, FlagRow] => {
			const values = takes === undefined ? undefined : valuesOf(takes, choices);
			return [name, {name, about, many, values}];
		}),
	);
	const rowOf = (name: string): FlagRow[] => [rows.get(name) ?? []].flat();
	return {
		commands: commands.map(({name, takes, choices, about, flags}) => ({
			name,
			about,
			flags: [...flags, 'help', ...(name === '' ? ['version'] : [])].flatMap(rowOf),
			values: valuesOf(takes, choices),
		})),
		valued: [...rows.values()].flatMap(row => (row.values ? [{...row, values: row.values}] : [])),
	};
}
