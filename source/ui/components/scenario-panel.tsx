// The scenarios that ship, to choose from; or the one that is played: its story, and its steps as they went.

import {Box, type BoxProps, Text} from 'ink';
import {memo, useCallback, useMemo} from 'react';
import type {Step} from '../../machine/scenario.js';
import type {Row} from '../../text/rows.js';
import {firstSentence} from '../../words.js';
import {useMeasured} from '../hooks/use-measured.js';
import {useKeySign, useTheme} from '../hooks/use-theme.js';
import {useStore, useUi} from '../hooks/use-ui.js';
import {nextStep, startScenario} from '../state/play.js';
import type {Play, Taken} from '../state/store.js';
import {ListPanel} from './list-panel.js';
import {Prose} from './prose.js';
import {ScrollPanel} from './scroll-panel.js';

export const ScenarioPanel = memo(function ScenarioPanel(layout: BoxProps) {
	const play = useUi(ui => ui.play);
	if (play === undefined) return <Choice {...layout} />;
	return play.presented ? <Presented play={play} {...layout} /> : <Played play={play} {...layout} />;
});

/** Those that ship, each with what it shows. */
function Choice(layout: BoxProps) {
	const size = useMeasured();
	const sign = useKeySign();
	const store = useStore();
	const scenarios = useUi(({machine}) => machine.lab?.scenarios);
	const list = useMemo(() => {
		const all = scenarios?.list() ?? [];
		return {
			title: sign('SCENARIOS ─ ⏎ plays one'),
			head: [],
			count: all.length,
			row: (index: number): Row => {
				const {name, story} = all[index];
				return [' ', [name.padEnd(18), 'key'], [firstSentence(story), 'dim']];
			},
			selects: true,
		};
	}, [scenarios, sign]);
	const enter = useCallback(
		(index: number) => {
			const chosen = scenarios?.list()[index];
			if (chosen) startScenario(store, chosen.name);
		},
		[store, scenarios],
	);
	return <ListPanel id="scenario" list={list} size={size} enter={enter} {...layout} />;
}

type PlayProps = BoxProps & {readonly play: Play};

/** Whether the last step's packet is still on its way: its outcome is not told before it lands. */
const useMoving = (): boolean => useUi(({packet}) => packet !== undefined);

function Played({play, ...layout}: PlayProps) {
	const {scenario, taken} = play;
	const moving = useMoving();
	const shown = scenario.steps.slice(0, taken.length + 1);
	return (
		<ScrollPanel
			id="scenario"
			title={`SCENARIO ${scenario.name} ─ ${taken.length} of ${scenario.steps.length}`}
			{...layout}
		>
			{taken.length === 0 ? (
				<Prose tone="dim" indent={3}>
					{flat(scenario.story)}
				</Prose>
			) : null}
			{shown.slice(0, moving ? -1 : undefined).map((step, i) => (
				<StepRows
					key={step.line}
					step={step}
					number={i + 1}
					taken={moving && i === taken.length - 1 ? undefined : taken[i]}
				/>
			))}
			{nextStep(play) ? null : (
				<Prose tone="key" indent={1}>
					The scenario has ended; o lists the others.
				</Prose>
			)}
		</ScrollPanel>
	);
}

function StepRows({
	step,
	number,
	taken,
}: {
	readonly step: Step;
	readonly number: number;
	readonly taken?: Taken;
}) {
	const held = taken === undefined || taken.unmet.length === 0;
	const sign = taken === undefined ? '▸' : held ? '✓' : '✗';
	return (
		<Box flexDirection="column" flexShrink={0}>
			<Prose tone={taken === undefined ? 'key' : held ? 'good' : 'bad'} indent={1}>
				{`${sign} ${number} ${step.text}`}
			</Prose>
			{step.note ? (
				<Prose tone="dim" indent={3}>
					{flat(step.note)}
				</Prose>
			) : null}
			{taken ? (
				<Prose tone="plain" indent={3}>
					{taken.outcome.report}
				</Prose>
			) : null}
			{taken?.unmet.map(sentence => (
				<Prose key={sentence} tone="bad" indent={3}>
					{sentence}
				</Prose>
			))}
		</Box>
	);
}

/** For an audience: the step that was taken last, its outcome, and what to say; at first, the story. */
function Presented({play: {scenario, taken}, ...layout}: PlayProps) {
	const theme = useTheme();
	const at = taken.length;
	const step = scenario.steps[at - 1];
	const moving = useMoving();
	const last = taken[at - 1];
	const next = scenario.steps[at]?.text;
	return (
		<ScrollPanel id="scenario" title={`${scenario.name} ─ ${at} of ${scenario.steps.length}`} {...layout}>
			{step && last ? (
				<>
					<Text wrap="truncate">
						<Text {...theme.key}>{'   ▸ '}</Text>
						<Text {...theme.title}>{step.text}</Text>
					</Text>
					<Prose tone={moving || last.unmet.length === 0 ? 'key' : 'bad'} indent={3}>
						{moving ? '…' : last.outcome.report}
					</Prose>
					{(moving ? [] : last.unmet).map(sentence => (
						<Prose key={sentence} tone="bad" indent={3}>
							{sentence}
						</Prose>
					))}
					<Text> </Text>
					{step.note ? (
						<Prose tone="plain" indent={3}>
							{flat(step.note)}
						</Prose>
					) : null}
				</>
			) : (
				<>
					<Text> </Text>
					<Prose tone="plain" indent={3}>
						{flat(scenario.story)}
					</Prose>
				</>
			)}
			<Text> </Text>
			<Prose tone={next === undefined ? 'key' : 'dim'} indent={3}>
				{next === undefined ? 'The end.' : `next: ${next}`}
			</Prose>
		</ScrollPanel>
	);
}

const flat = (text: string): string => text.replaceAll('\n', ' ');
