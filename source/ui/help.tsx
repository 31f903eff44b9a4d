import {commands, type UiCommand} from './commands.js';
import {Lines} from './lines.js';
import {paint, type Row, type Span, wrap} from './rows.js';

const INTRO = [
	'A guest reads a raw disk: the host’s disk controller writes the guest’s memory itself, and is looked up in the host domain. Policy remove takes the pages of a guest with a passthru device out of that domain, keep leaves them, bounce copies each transfer through a buffer of bhyve. The host is modelled; the disk and its bytes, the tables and the copies are real.',
];
const LEGEND = [
	'▸ looked up there, or the buffer · ✗ no longer mapped · * bytes that differ',
	'chain: descriptors, status · iovec entries (cpy: copied) · result of preadv · PRDs · controller · faults (flt) · what landed',
];
const COLUMNS: readonly (readonly UiCommand['group'][])[] = [
	['Lab', 'Scenario'],
	['Form', 'Look'],
];

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
	const prose = (texts: readonly string[]): string[] =>
		texts
			.flatMap(text => wrap(text, Math.min(columns - 2, 98)))
			.map(line => paint([[` ${line.trim()}`, 'dim']], columns));
	const general = commands
		.filter(({group}) => group === 'dmascope')
		.flatMap(({shown, description}): Span[] => [' ', [shown, 'key'], ` ${description} `]);
	const lines = [
		paint([[' dmascope: where did that DMA land?', 'title']], columns),
		...prose(INTRO),
		...prose(LEGEND),
		...Array.from(
			{length: Math.max(left.length, right.length)},
			(_, i) => paint(left[i] ?? [], width) + paint(right[i] ?? [], columns - width),
		),
		paint([[' dmascope', 'title'], ' ', ...general], columns),
	];
	return <Lines lines={lines.slice(0, rows)} width={columns} />;
}
