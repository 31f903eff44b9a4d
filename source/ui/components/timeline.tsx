import {Box, Text, useWindowSize} from 'ink';
import type {History} from '../../machine/history.js';
import {type Row, rowText, type Span} from '../../text/rows.js';
import {fit, widthOf} from '../../text/width.js';
import {grouped, plural} from '../../words.js';
import {useParts, useUi} from '../hooks/use-ui.js';
import {toneOf} from '../state/time.js';
import {Line} from './line.js';

/** What a screen reader leaves out. */
const BAR = /[━─●✗]+/g;

/** Columns that the bar has beside a long text. */
const LEAST_BAR = 24;

/** The session from its beginning to now, as wide as the screen. */
export function Timeline() {
	const {columns} = useWindowSize();
	const history = useUi(({machine}) => machine.lab?.history);
	// The history is one object: its place in time changes with the machine's revision.
	useParts(({state, travel}) => ({revision: state.revision, travel}));
	if (history === undefined) return <Text> </Text>;
	const row = timelineRow(history, columns);
	return (
		<Box flexShrink={0} height={1} overflow="hidden" aria-label={rowText(row).replace(BAR, '')}>
			<Line row={row} />
		</Box>
	);
}

/** Where the machine is, what was done there, and a mark for each stretch with trouble in it. */
function timelineRow(history: History, columns: number): Row {
	const {at, length, first, unsettled} = history;
	const start = ` step ${grouped(at)} of ${grouped(length)} `;
	if (unsettled?.problem !== undefined) {
		const {done, blocks, problem} = unsettled;
		const text = `DISK NEITHER OLD NOR NEW: ${grouped(done)} of ${plural(blocks, 'block')} restored; ${problem}`;
		return [
			[start, 'key'],
			[text, 'bad'],
			[' · ( retries · u saves', 'key'],
		];
	}
	const entry = history.step(at);
	const text = entry
		? ` ${entry.note?.split('\n')[0] ?? entry.text}`
		: first === 0
			? ' the beginning'
			: ' earlier steps are forgotten';
	const reach = first === 0 ? '' : ` ${reachText(history)} ·`;
	const beside = columns - widthOf(start + reach);
	const told = fit(text, Math.min(widthOf(text), Math.max(Math.floor(beside / 2), beside - LEAST_BAR)));
	return [
		[start, 'key'],
		...bar(history, Math.max(1, beside - widthOf(told))),
		[reach, 'plain'],
		[told, entry ? toneOf(entry) : 'dim'],
	];
}

/** How far back it goes where steps are forgotten: reaches back 14 min · 840,000 steps */
function reachText({reach, length, first}: History): string {
	const seconds = Math.round(reach / 1000);
	const time = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
	return `reaches back ${time} · ${plural(length - first, 'step')}`;
}

/** Cells from the first step to the last; each stands for the steps that fall into it. */
function bar(history: History, width: number): Span[] {
	const {first, length, at} = history;
	const share = (width - 1) / Math.max(1, length - first);
	// The last step that falls into a cell or one before it.
	const lastOf = (cell: number) => first + Math.min(length - first, Math.ceil((cell + 0.5) / share) - 1);
	const here = Math.round((at - first) * share);
	return Array.from({length: width}, (_, cell): Span => {
		const troubled = history.troubles(lastOf(cell)) > (cell === 0 ? 0 : history.troubles(lastOf(cell - 1)));
		if (cell === here) return ['●', troubled ? 'bad' : 'key'];
		if (troubled) return ['✗', 'bad'];
		return [cell < here ? '━' : '─', cell < here ? 'plain' : 'dim'];
	});
}
