// One access through every level, bit by bit, to memory or to the fault; and what the caches hold of it.

import {Box, type BoxProps, Text} from 'ink';
import {memo, useMemo} from 'react';
import {UNKNOWN} from '../../explain/ranges.js';
import {qwordText, type Walk} from '../../explain/walk.js';
import type {WalkStep} from '../../explain/walk-steps.js';
import {hex} from '../../formats/address.js';
import {type Rid, ridText} from '../../formats/pci.js';
import {plural} from '../../words.js';
import {useDeviceReach} from '../hooks/use-device-reach.js';
import {useTheme} from '../hooks/use-theme.js';
import {useUi} from '../hooks/use-ui.js';
import {type CachedPageNow, type ShownWalk, useWalk} from '../hooks/use-walk.js';
import type {Access} from '../state/store.js';
import {Line} from './line.js';
import {Panel} from './panel.js';
import {Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';
import {isWithoutTables, TableGaps} from './table-gaps.js';

const titleOf = ({access: {rid, iova, write}, device}: ShownWalk): string =>
	`WALK ─ ${device} ${ridText(rid)} ${write ? 'writes' : 'reads'} ${hex(iova)}`;

/** Columns that sentences about the walk stand in from its head. */
const INDENT = 5;

type Props = BoxProps & {
	/** An access that is explained beside the panel; undefined: the one that was looked up last. */
	readonly access?: Access;
};

export const WalkPanel = memo(function WalkPanel({access, ...layout}: Props) {
	const shown = useWalk(access);
	const lab = useUi(({machine}) => machine.lab !== undefined);
	const without = useUi(isWithoutTables);
	if (without)
		return (
			<ScrollPanel id="walk" title="WALK" {...layout}>
				<TableGaps />
			</ScrollPanel>
		);
	if (shown === undefined)
		return (
			<Panel id="walk" title="WALK" {...layout}>
				<Prose>Nothing to look up: this machine has no device yet.</Prose>
			</Panel>
		);
	const {walk, page} = shown;
	const alone = access === undefined;
	return (
		<ScrollPanel id="walk" title={titleOf(shown)} {...layout}>
			{alone ? <ReachWords rid={shown.access.rid} /> : null}
			<Prose tone="title">{summaryOf(walk)}</Prose>
			<Ending walk={walk} brief={!alone} />
			{lab ? (
				<CachedWords page={page} />
			) : (
				<Prose tone="dim" indent={INDENT}>
					The IOMMU may still answer from its caches, which cannot be seen from here.
				</Prose>
			)}
			<Text> </Text>
			{walk.steps.map(step => (
				<StepRows key={step.entryAddress} step={step} />
			))}
		</ScrollPanel>
	);
});

/** What the device reaches at all. */
function ReachWords({rid}: {readonly rid: Rid}) {
	const devices = useUi(({state}) => state.devices);
	const reach = useDeviceReach(useMemo(() => devices.filter(device => device.rid === rid), [devices, rid]));
	return reach.length === 0 ? null : <Prose tone="key">{reach[0].sentence}</Prose>;
}

const COUNTS = ['no table', 'one table', 'two tables', 'three tables', 'four tables', 'five tables'];

/** The walk in a sentence. */
export function summaryOf({steps, end}: Walk): string {
	if (steps.length === 0) return 'The IOMMU does not look this address up.';
	const count = COUNTS[steps.length] ?? `${steps.length} tables`;
	const last = steps.at(-1);
	if (end.kind === 'memory') return `The IOMMU looks the address up in ${count} and finds a page.`;
	const name = last?.name ?? 'the last';
	return `The IOMMU looks the address up in ${count}; the walk ends at ${/entry$/.test(name) ? `the ${name}` : name}.`;
}

function StepRows({step: {name, index, entryAddress, raw, fields, verdict}}: {readonly step: WalkStep}) {
	return (
		<Box flexDirection="column" flexShrink={0}>
			{raw.map((word, i) => (
				<Line
					key={hex(entryAddress + 8 * i)}
					row={[
						[i === 0 ? ` ${name.padEnd(19)}` : ' '.repeat(20), 'title'],
						i === 0 ? [`[${index}]`.padEnd(7), 'key'] : ' '.repeat(7),
						[`${hex(entryAddress + 8 * i)} `, 'dim'],
						qwordText(word),
					]}
				/>
			))}
			{fields.map(([field, value, meaning]) => (
				<Line
					key={field}
					row={['     ', [`${field} `.padEnd(10), 'dim'], `${value} `.padEnd(13), [meaning, 'dim']]}
				/>
			))}
			{verdict ? (
				<Prose tone="bad" indent={INDENT}>
					{verdict}
				</Prose>
			) : null}
		</Box>
	);
}

function Ending({walk: {end}, brief}: {readonly walk: Walk; readonly brief: boolean}) {
	if (end.kind === 'fault') {
		const head = <Line row={[[` ✗ FAULT ${end.text} (${end.reason})`, 'bad']]} />;
		if (brief) return head;
		return (
			<>
				{head}
				<Prose tone="plain" indent={INDENT}>
					{end.sentence}
				</Prose>
				<Prose tone="key" indent={INDENT}>
					{end.check}
				</Prose>
				{end.unrecorded ? (
					<Prose tone="dim" indent={INDENT}>
						{end.unrecorded}
					</Prose>
				) : null}
			</>
		);
	}
	const size = end.pages === undefined ? '' : `, an entry of ${plural(end.pages, 'page')}`;
	const rights = `${end.read ? 'r' : '-'}${end.write ? 'w' : '-'}`;
	return (
		<>
			<Line
				row={[
					[' ✓ MEMORY ', 'good'],
					[hex(end.hpa), 'key'],
					`${end.owner === UNKNOWN ? '' : ` of ${end.owner}`}, ${rights}${size}`,
				]}
			/>
			<Prose tone="plain" indent={INDENT}>
				{end.sentence}
			</Prose>
		</>
	);
}

function CachedWords({page: {hpa, read, write, agrees}}: {readonly page: Partial<CachedPageNow>}) {
	if (hpa === undefined)
		return (
			<Prose tone="dim" indent={INDENT}>
				Not in the IOTLB; walking the page tables.
			</Prose>
		);
	const held = `The IOTLB holds ${hex(hpa)} ${read ? 'r' : '-'}${write ? 'w' : '-'}`;
	return agrees ? (
		<Prose tone="dim" indent={INDENT}>{`${held}, as the tables do, and answers first.`}</Prose>
	) : (
		<Prose
			tone="warn"
			indent={INDENT}
		>{`${held}; the tables say otherwise. It is STALE, and answers first until it is invalidated.`}</Prose>
	);
}

/** The walk as a strip: root ▶ context ▶ level 4 ▶ … ▶ page. */
export const WalkStrip = memo(function WalkStrip(layout: BoxProps) {
	const theme = useTheme();
	const shown = useWalk();
	if (shown === undefined) return null;
	const {walk} = shown;
	return (
		<Panel id="walk" title={titleOf(shown)} {...layout}>
			<Box>
				{walk.steps.map(({name, index, entryAddress, raw, verdict}, i) => (
					<Box key={entryAddress} flexDirection="column" flexShrink={1} marginLeft={1}>
						<Box>
							<Text wrap="truncate" {...theme[verdict ? 'bad' : 'title']}>{`${name} [${index}]`}</Text>
							<Text {...theme[verdict ? 'bad' : 'good']}>
								{i === walk.steps.length - 1 ? (walk.end.kind === 'fault' ? ' ✗' : ' ▶') : ' ▶ '}
							</Text>
						</Box>
						<Text wrap="truncate" {...theme.dim}>
							{hex(entryAddress)}
						</Text>
						<Text wrap="truncate">{raw[0] ? qwordText(raw[0]) : '–'}</Text>
					</Box>
				))}
				<Box flexDirection="column" flexShrink={0} marginLeft={1}>
					{walk.end.kind === 'memory' ? (
						<>
							<Text {...theme.good}>page</Text>
							<Text {...theme.key}>{hex(walk.end.hpa)}</Text>
							<Text>{walk.end.owner}</Text>
						</>
					) : (
						<>
							<Text {...theme.bad}>fault</Text>
							<Text wrap="truncate" {...theme.bad}>
								{walk.end.text}
							</Text>
						</>
					)}
				</Box>
			</Box>
		</Panel>
	);
});
