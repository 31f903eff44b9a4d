import {Box, Text, useWindowSize} from 'ink';
import type {Entry} from '../../machine/history.js';
import {grouped} from '../../words.js';
import {useParts, useUi} from '../hooks/use-ui.js';
import type {Span} from '../rows.js';
import {toneOf} from '../state/time.js';
import {Line} from './line.js';

/** The session from its beginning to now: where the machine is, and a mark for each stretch with trouble in it. */
export function Timeline() {
	const {columns} = useWindowSize();
	const history = useUi(({machine}) => machine.lab?.history);
	useParts(({state}) => ({revision: state.revision}));
	if (history === undefined) return <Text> </Text>;
	const {entries, at} = history;
	const entry: Entry | undefined = entries[at - 1];
	const start = ` step ${grouped(at)} of ${grouped(entries.length)} `;
	const text = entry ? ` ${entry.note?.split('\n')[0] ?? entry.text}` : ' the beginning';
	const width = Math.max(10, Math.min(entries.length + 1, Math.floor(columns / 2) - start.length));
	return (
		<Box flexShrink={0} height={1} overflow="hidden">
			<Line row={[[start, 'key'], ...bar(entries, at, width), [text, entry ? toneOf(entry) : 'dim']]} />
		</Box>
	);
}

/** Cells from the beginning to the end; each stands for the steps that fall into it. */
function bar(entries: readonly Entry[], at: number, width: number): Span[] {
	const cellOf = (step: number) => Math.round((step * (width - 1)) / Math.max(1, entries.length));
	const troubled = new Set(entries.flatMap(({trouble}, i) => (trouble ? [cellOf(i + 1)] : [])));
	const here = cellOf(at);
	return Array.from({length: width}, (_, cell): Span => {
		if (cell === here) return ['●', troubled.has(cell) ? 'bad' : 'key'];
		if (troubled.has(cell)) return ['✗', 'bad'];
		return [cell < here ? '━' : '─', cell < here ? 'plain' : 'dim'];
	});
}
