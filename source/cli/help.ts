// What dmascope --help says: made of the tables of commands and flags.

import type {CliCommand} from './command.js';
import {COMMANDS} from './commands.js';
import {DISPLAY_FLAGS, FLAGS, type FlagName, LAB_FLAGS} from './flags.js';

export function helpText(command: CliCommand, description = ''): string {
	const sections =
		command.name === ''
			? general()
			: [
					...section('Usage', [[`$ dmascope ${command.name} ${command.takes ?? ''}`.trim(), '']]),
					...[command.about, ...(command.more ?? [])].map(line => `  ${line}`),
					'',
					...section('Options', command.flags.map(row)),
				];
	return ['', `  ${description}`, '', ...sections].join('\n').trimEnd();
}

const general = (): string[] => [
	...section(
		'Usage',
		COMMANDS.map(({name, takes = '', about}) => [`$ dmascope ${name} ${takes}`.replace(/ +$/, ''), about]),
	),
	...section('Options', [...LAB_FLAGS, 'json' as const, 'help' as const, 'version' as const].map(row)),
	...section('The dashboard', DISPLAY_FLAGS.map(row)),
	...section('A command of its own', [
		['dmascope COMMAND --help', 'what it takes'],
		['dmascope run all', 'every scenario that ships'],
	]),
	...section('Exit codes', [
		['0', 'all well; with run, every expectation held'],
		['1', 'an expectation did not hold'],
		['2', 'the command line or a file is wrong'],
	]),
];

const row = (name: FlagName): [string, string] => {
	const {takes = '', about = '', short} = FLAGS.get(name) ?? {};
	return [`${short === undefined ? '' : `-${short}, `}--${name} ${takes}`.trim(), about];
};

function section(title: string, rows: readonly (readonly [string, string])[]): string[] {
	if (rows.length === 0) return [];
	const width = Math.max(...rows.map(([start]) => start.length));
	return [`  ${title}`, ...rows.map(([start, end]) => `    ${start.padEnd(width)}  ${end}`.trimEnd()), ''];
}
