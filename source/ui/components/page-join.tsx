// A line over the map that joins the shown page's rows in the host's and the guest's table.

import {Box, type DOMElement, Text, useBoxMetrics} from 'ink';
import {useRef} from 'react';
import {hex} from '../../formats/address.js';
import {useTheme} from '../hooks/use-theme.js';
import {useParts} from '../hooks/use-ui.js';
import {type Place, settle} from '../state/list.js';
import {guestOf, hostOf, viewOf} from '../state/ranges-shown.js';
import {holds, shownTransfer, type Ui} from '../state/store.js';

/** A table's upper border and its column heads; with the lower border, what is no row of it. */
const HEAD = 2;
const FRAME = 3;

/** Where the row that holds an address stands in its panel; undefined where it is not in sight. */
function rowOf(
	ui: Ui,
	table: 'host' | 'guest',
	address: number | undefined,
	height: number,
): number | undefined {
	const ranges = viewOf(ui, table)?.ranges;
	const place: Place | undefined = ui.places[table];
	const plain = !ui.filters[table] && !ui.sorts[table] && !ui.unfolded[table]?.size;
	if (ranges === undefined || place === undefined || address === undefined || !plain) return undefined;
	const page = height - FRAME;
	const {top, cursor} = settle({count: ranges.length, page, selects: true}, place);
	const at = ranges[cursor] && holds(ranges[cursor], address) ? cursor : -1;
	return at >= top && at < top + page ? HEAD + at - top : undefined;
}

export function PageJoin() {
	const theme = useTheme();
	const ref = useRef<DOMElement>(null);
	const {height} = useBoxMetrics(ref);
	const {page, from, to} = useParts(ui => {
		const last = hostOf(ui) && guestOf(ui) ? shownTransfer(ui) : undefined;
		const shown = last?.vm === undefined ? undefined : last;
		return {
			page: shown?.iova,
			from: rowOf(ui, 'host', shown?.iova, height),
			to: rowOf(ui, 'guest', shown?.command.gpa, height),
		};
	});
	const color = theme.key.color;
	const joined = page !== undefined && from !== undefined && to !== undefined;
	return (
		<Box aria-hidden ref={ref} position="absolute" top={0} bottom={0} left={0} right={0}>
			{joined ? (
				<>
					<Half row={from} end="◀" side="left" color={color} />
					<Half row={to} end="▶" side="right" color={color} />
					{from === to ? null : (
						<Box
							position="absolute"
							top={Math.min(from, to)}
							left="50%"
							width={1}
							height={Math.abs(from - to) + 1}
							borderStyle={from < to ? DOWN : UP}
							borderColor={color}
							borderRight={false}
						/>
					)}
					<Box position="absolute" top={from} left={2}>
						<Text {...theme.key}>{` ${hex(page)} `}</Text>
					</Box>
				</>
			) : null}
		</Box>
	);
}

/** An elbow of lines: its corners are the ends of a box of one column. */
const ELBOW = {top: ' ', bottom: ' ', left: '│', right: ' ', topRight: ' ', bottomRight: ' '};
const DOWN = {...ELBOW, topLeft: '┐', bottomLeft: '└'};
const UP = {...ELBOW, topLeft: '┌', bottomLeft: '┘'};

type HalfProps = {
	readonly row: number;
	readonly end: string;
	readonly side: 'left' | 'right';
	readonly color: string | undefined;
};

function Half({row, end, side, color}: HalfProps) {
	return (
		<Box position="absolute" top={row} height={1} width="50%" {...(side === 'left' ? {left: 0} : {right: 0})}>
			{side === 'left' ? <Text color={color}>{end}</Text> : null}
			<Box
				flexGrow={1}
				height={1}
				borderStyle="single"
				borderColor={color}
				borderBottom={false}
				borderLeft={false}
				borderRight={false}
			/>
			{side === 'right' ? <Text color={color}>{end}</Text> : null}
		</Box>
	);
}
