// The scenarios that ship, to choose from; or the one that is played: its story, and its steps as they went.

import {firstSentence} from '../../words.js';
import {keySign} from '../glyphs.js';
import {type Row, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import {nextStep} from '../state/play.js';
import type {Play, Ui} from '../state/store.js';

export function scenarioPanel(ui: Ui, width: number, height: number): List {
	if (ui.play === undefined) return choice(ui, width, height);
	return ui.play.presented ? presented(ui.play, width) : played(ui.play, width);
}

/** Rows from which on there is room for the whole story of the chosen one. */
const ROOMY = 8;

function choice({machine, places}: Ui, width: number, height: number): List {
	const scenarios = machine.lab?.scenarios.list() ?? [];
	const chosen = scenarios[places.scenario?.cursor ?? 0];
	return {
		...list(
			keySign('SCENARIOS ─ ⏎ plays'),
			scenarios.map(({name, story}): Row => [' ', [name.padEnd(18), 'key'], [firstSentence(story), 'dim']]),
			chosen && height >= ROOMY ? prose(chosen.story, width).slice(0, 3) : [],
		),
		selects: true,
	};
}

function played(play: Play, width: number): List {
	const {scenario, taken} = play;
	const rows = scenario.steps.slice(0, taken.length + 1).flatMap((step, i): Row[] => {
		const done = taken[i];
		const sign = done === undefined ? '▸' : done.unmet.length === 0 ? '✓' : '✗';
		const tone = done === undefined ? 'key' : done.unmet.length === 0 ? 'good' : 'bad';
		return [
			[' ', [`${sign} ${i + 1} ${step.text}`, tone]],
			...(step.note ? prose(step.note, width) : []),
			...(done ? [[[`   ${done.outcome.report}`, 'plain']] satisfies Row] : []),
			...(done?.unmet.map((text): Row => [[`   ${text}`, 'bad']]) ?? []),
		];
	});
	const story = taken.length === 0 ? prose(scenario.story, width) : [];
	const end: Row[] = nextStep(play) ? [] : [[[' The scenario has ended; o lists the others.', 'key']]];
	const title = `SCENARIO ${scenario.name} ─ ${taken.length} of ${scenario.steps.length}`;
	return list(title, [...story, ...rows, ...end]);
}

/** For an audience: the step that was taken last, what came of it, and what to say; at first, the story. */
function presented({scenario, taken}: Play, width: number): List {
	const at = taken.length;
	const title = `${scenario.name} ─ ${at} of ${scenario.steps.length}`;
	const text = (note: string): Row[] =>
		wrap(note.replaceAll('\n', ' '), width - 6).map(line => [`   ${line.trim()}`]);
	if (at === 0) return list(title, [[], ...text(scenario.story), [], nextRow(scenario.steps[0]?.text)]);
	const {text: what, note = ''} = scenario.steps[at - 1];
	const {
		outcome: {report},
		unmet,
	} = taken[at - 1];
	const next = scenario.steps[at]?.text;
	return list(title, [
		[
			['   ▸ ', 'key'],
			[what, 'title'],
		],
		[[`   ${report}`, unmet.length === 0 ? 'key' : 'bad']],
		...unmet.map((wrong): Row => [[`   ${wrong}`, 'bad']]),
		[],
		...text(note),
		[],
		next === undefined ? [['   The end.', 'key']] : nextRow(next),
	]);
}

const nextRow = (text = ''): Row => [
	['   next: ', 'dim'],
	[text, 'dim'],
];

const prose = (text: string, width: number): Row[] =>
	wrap(text.replaceAll('\n', ' '), width - 4).map(line => [[`   ${line.trim()}`, 'dim']]);
