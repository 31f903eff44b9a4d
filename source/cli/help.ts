// The text of --help, made from the tables of commands and options.

import type {CliCommand} from './command.js';
import {COMMANDS} from './commands.js';
import {DISPLAY_FLAGS, FLAGS, type FlagName, LAB_FLAGS} from './flags.js';

export function helpText(command: CliCommand, description = ''): string {
	const sections =
		command.name === ''
			? general()
			: [
					...section('Usage', [[`$ dmascope ${command.name} ${command.takes ?? ''}`.trim(), '']]),
					...[sentence(command.about), ...(command.more ?? [])].map(line => `  ${line}`),
					'',
					...section('Options', command.flags.map(row)),
					...examples(command),
				];
	return ['', `  ${description}`, '', ...sections].join('\n').trimEnd();
}

const sentence = (about: string): string => `${about.charAt(0).toUpperCase()}${about.slice(1)}.`;

const general = (): string[] => [
	...section(
		'Usage',
		COMMANDS.map(({name, takes = '', about}) => [`$ dmascope ${name} ${takes}`.replace(/ +$/, ''), about]),
	),
	...section('Options', [...LAB_FLAGS, 'json' as const, 'help' as const, 'version' as const].map(row)),
	...section('The dashboard', DISPLAY_FLAGS.map(row)),
	...COMMANDS.filter(({name}) => name === '').flatMap(examples),
	...section('Help on a command', [['dmascope COMMAND --help', 'its arguments and options']]),
	...section('Exit codes', [
		['0', 'success; for run, every expectation held'],
		['1', 'an expectation failed'],
		['2', 'the command line or a file is wrong'],
	]),
];

const examples = ({examples}: CliCommand): string[] => [
	'  Examples',
	...examples.flatMap(([line, about]) => [`    ${line}`, `        ${about}`]),
	'',
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
