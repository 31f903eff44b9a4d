import {Text} from 'ink';
import {commands, type UiCommand} from './commands.js';
import {paint, type Row} from './rows.js';

const GROUPS = ['Lab', 'Form', 'Look', 'dmascope'] as const;

const WORDS: readonly Row[] = [
	['A raw disk behind a guest: the host disk controller writes guest memory itself, looked up in the'],
	['host domain. remove takes the pages of a guest with a passthru device out of it; keep leaves them;'],
	['bounce takes them out and copies every transfer through a buffer of bhyve.'],
	['The host is modelled. The disk, its bytes, the tables and the copies are real.'],
];

const commandRow = ({shown, description}: UiCommand): Row => [[`  ${shown.padEnd(6)}`, 'key'], description];

/** What every key does, made from the table of commands. */
export function Help({columns, rows}: {readonly columns: number; readonly rows: number}) {
	const lines: Row[] = [
		[['dmascope: where did that DMA land?', 'title']],
		...WORDS.map((row): Row => [[String(row[0]), 'dim']]),
	];
	for (const group of GROUPS) {
		const inGroup = commands.filter(command => command.group === group);
		lines.push([[group, 'title']], ...inGroup.map(commandRow));
	}
	// Two columns where one is too long for the screen.
	const fits = lines.length <= rows;
	const intro = lines.slice(0, WORDS.length + 1);
	const rest = lines.slice(WORDS.length + 1);
	const half = Math.ceil(rest.length / 2);
	const width = Math.floor(columns / 2);
	const painted = fits
		? lines.map(row => paint(row, columns))
		: [
				...intro.map(row => paint(row, columns)),
				...Array.from(
					{length: half},
					(_, i) => paint(rest[i], width) + paint(rest[half + i] ?? [], columns - width),
				),
			];
	return <Text wrap="truncate">{painted.slice(0, rows).join('\n')}</Text>;
}
