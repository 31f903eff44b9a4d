import {Text} from 'ink';
import {commands, type UiCommand} from './commands.js';
import {paint, type Row, wrap} from './rows.js';

const INTRO = [
	'A guest reads a raw disk: the host’s disk controller writes the guest’s memory itself, and is looked up in the host domain. Policy remove takes the pages of a guest with a passthru device out of that domain, keep leaves them, and bounce copies each transfer through a buffer of bhyve.',
	'The host is modelled. The disk and its bytes, the tables and the copies are real.',
];
const COLUMNS: readonly (readonly UiCommand['group'][])[] = [['Lab', 'Form', 'dmascope'], ['Look']];

const commandRow = ({shown, description}: UiCommand): Row => [[`   ${shown.padEnd(6)}`, 'key'], description];

/** What every key does, made from the table of commands. */
export function Help({columns, rows}: {readonly columns: number; readonly rows: number}) {
	const width = Math.floor(Math.min(columns, 100) / 2);
	const [left, right] = COLUMNS.map(groups =>
		groups.flatMap((group): Row[] => [
			[[` ${group}`, 'title']],
			...commands.filter(command => command.group === group).map(commandRow),
		]),
	);
	const intro = INTRO.flatMap(text => wrap(text, Math.min(columns - 2, 98))).map(
		(line): Row => [[` ${line.trim()}`, 'dim']],
	);
	const lines = [
		paint([[' dmascope: where did that DMA land?', 'title']], columns),
		...intro.map(row => paint(row, columns)),
		...Array.from(
			{length: Math.max(left.length, right.length)},
			(_, i) => paint(left[i] ?? [], width) + paint(right[i] ?? [], columns - width),
		),
	];
	return <Text wrap="truncate">{lines.slice(0, rows).join('\n')}</Text>;
}
