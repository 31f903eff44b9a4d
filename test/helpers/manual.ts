// The manual page, in mdoc(7), made from the tables of commands, options, keys and scenarios.

import type {CliCommand} from '../../source/cli/command.js';
import {COMMANDS} from '../../source/cli/commands.js';
import {FLAGS, type FlagName} from '../../source/cli/flags.js';
import {findScenario, shippedScenarios} from '../../source/lab/scenario/find.js';
import {parseHead} from '../../source/lab/scenario/parse.js';
import {wrapped} from '../../source/text/width.js';
import {GROUPS} from '../../source/ui/commands/command.js';
import {commands} from '../../source/ui/commands/index.js';
import {firstSentence} from '../../source/words.js';

/** Of the last change of substance. */
const DATE = 'November 28, 2026';

const ASCII: Readonly<Record<string, string>> = {
	...{'’': "'", '‘': "'", '“': '"', '”': '"', '…': '...', '–': '-', '−': '-', '→': 'Right', '←': 'Left'},
	...{'↑': 'Up', '↓': 'Down', '⏎': 'Enter', '⌫': 'Backspace', '×': 'x'},
};

/** Text of a line: no sign that roff would take for its own. */
function roff(text: string): string {
	return (
		text
			.replace(/[^ -~]/g, sign => ASCII[sign] ?? sign)
			.replaceAll('\\', '\\e')
			// mandoc would have macros for them, which the middle of a line cannot hold.
			.replace(/(Free|Net|Open)BSD/g, '$1\\&BSD')
	);
}

/** An argument of a macro: one word, whatever is in it. */
const argument = (text: string): string => `"${roff(text).replaceAll('"', '""')}"`;
/** Words that are macros when they stand at the end of a macro's line. */
const quoted = (text: string): string =>
	/^[A-Za-z0-9_-]+$/.test(text) && text.length > 3 ? text : argument(text);

function flagItem(name: FlagName): string[] {
	const {takes, short, about, choices = []} = FLAGS.get(name) ?? {about: ''};
	const value = takes === undefined ? '' : ` Ar ${quoted(takes)}`;
	const letter = short === undefined ? '' : `Fl ${short} , `;
	return [
		`.It ${letter}Fl \\-${name}${value}`,
		choices.some(word => about.startsWith(word)) ? `${roff(about)}.` : sentence(about),
	];
}

const sentence = (text: string): string => {
	const whole = roff(`${text.charAt(0).toUpperCase()}${text.slice(1)}`);
	return /[.!?]$/.test(whole) ? whole : `${whole}.`;
};

const takesOf = ({takes}: CliCommand): string => {
	if (takes === undefined) return '';
	const bare = takes.replace(/[[\]…]/g, '');
	const many = takes.endsWith('…') ? ' ...' : '';
	return takes.startsWith('[') ? ` Op Ar ${bare}` : ` Ar ${bare}${many}`;
};

const isCommand = ({name}: CliCommand): boolean => name !== '';

const list = (kind: string, items: readonly string[]): string[] => [`.Bl ${kind}`, ...items, '.El'];

const examplesOf = ({examples}: CliCommand): string[] =>
	examples.flatMap(([line, about]) => ['.Pp', sentence(about), `.Dl ${roff(line)}`]);

function commandPart(command: CliCommand): string[] {
	const {name, about, more = [], flags} = command;
	return [
		`.Ss ${name === '' ? 'The dashboard' : `dmascope ${name}`}`,
		sentence(about),
		...more.flatMap(line => ['.br', roff(line)]),
		...(flags.length === 0 ? [] : list('-tag -width Ds', flags.flatMap(flagItem))),
		...examplesOf(command),
	];
}

const keysPart = (): string[] =>
	GROUPS.flatMap(group => {
		const rows = commands.filter(command => command.group === group);
		return [
			`.Ss ${group}`,
			...list(
				'-tag -width Backspace -compact',
				rows.flatMap(({shown, description}) => [`.It Sy \\&${roff(shown)}`, sentence(description)]),
			),
		];
	});

const scenariosPart = (): string[] =>
	list(
		'-tag -width Ds -compact',
		shippedScenarios().flatMap(name => {
			const {path, text} = findScenario(name);
			return [`.It Sy ${name}`, sentence(firstSentence(parseHead(path, text).story))];
		}),
	);

/** A line of text as mdoc wants it: a sentence on lines of its own, none longer than 80 columns. */
const filled = (text: string): string[] =>
	text
		.split(/(?<=[.!?]) (?=[A-Z])/)
		.flatMap(sentence => wrapped(sentence, 76))
		.map(line => line.replace(/^([.'])/, '\\&$1'));

export function manual(description: string): string {
	const lines = [
		'.\\" Made by npm run docs from the tables of commands, options, keys and scenarios.',
		`.Dd ${DATE}`,
		'.Dt DMASCOPE 1',
		'.Os',
		'.Sh NAME',
		'.Nm dmascope',
		`.Nd ${roff(description.charAt(0).toLowerCase() + description.slice(1))}`,
		'.Sh SYNOPSIS',
		'.Nm',
		'.Op Ar options',
		...COMMANDS.filter(isCommand).flatMap(command => [
			'.Nm',
			`.Cm ${quoted(command.name)}${takesOf(command)}`,
			'.Op Ar options',
		]),
		'.Sh DESCRIPTION',
		'.Nm',
		'shows the IOMMU tables of a bhyve host and of its guests, and where DMA lands.',
		'Its home is a lab that runs on any machine: the host, its kernel, bhyve and the guests are models,',
		'while the disk, the page tables, the rings and every copy are real bytes.',
		'It also shows a running QEMU, a Linux host, and the IOMMU faults of a kernel log.',
		'.Sh COMMANDS',
		...COMMANDS.flatMap(commandPart),
		'.Sh KEYS',
		...keysPart(),
		'.Sh SCENARIOS',
		...scenariosPart(),
		'.Sh ENVIRONMENT',
		...list('-tag -width Ds', [
			'.It Ev NO_COLOR',
			'If set, the dashboard uses bold and inverse, and no colours.',
			'.It Ev XDG_CACHE_HOME , XDG_CONFIG_HOME , XDG_STATE_HOME',
			'Where the sample disk, the settings, and the old blocks of a disk are.',
		]),
		'.Sh FILES',
		...list('-tag -width Ds', [
			'.It Pa ~/.config/dmascope/config.yaml',
			'Keys, theme and other settings of the dashboard.',
			'.It Pa ~/.cache/dmascope',
			'The sample disk, and what Node compiled.',
			'.It Pa ~/.local/state/dmascope',
			'Old blocks of a disk that was only partly restored.',
		]),
		'.Sh EXIT STATUS',
		...list('-tag -width Ds -compact', [
			'.It 0',
			'Success; for run, every expectation held; for quiz grade, every answer is right.',
			'.It 1',
			'An expectation failed, or an answer is wrong.',
			'.It 2',
			'The command line or a file is wrong.',
		]),
		'.Sh SEE ALSO',
		'.Lk https://reviews.freebsd.org/D34607 "D34607"',
		'.Pp',
		'.Lk https://bugs.freebsd.org/bugzilla/show_bug.cgi?id=260178 "PR 260178"',
	];
	return `${lines.flatMap(line => (/^\.(\\"|[A-Z]|br)/.test(line) ? line : filled(line))).join('\n')}\n`;
}
