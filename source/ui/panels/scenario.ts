// The scenarios that ship, to choose from; or the one that is played: its story, and its steps as they went.

import {firstSentence} from '../../words.js';
import type {Content} from '../content.js';
import {list} from '../content.js';
import {nextStep, type Play} from '../play.js';
import {type Row, wrap} from '../rows.js';
import type {Ui} from '../store.js';

export function scenarioPanel(ui: Ui, width: number, height: number): Content {
	return ui.play ? played(ui.play, width) : choice(ui, width, height);
}

/** Rows from which on there is room for the whole story of the chosen one. */
const ROOMY = 8;

function choice({machine, places}: Ui, width: number, height: number): Content {
	const scenarios = machine.lab?.scenarios.list() ?? [];
	const chosen = scenarios[places.scenario?.cursor ?? 0];
	return {
		...list(
			'SCENARIOS ─ ⏎ plays',
			scenarios.map(({name, story}): Row => [' ', [name.padEnd(18), 'key'], [firstSentence(story), 'dim']]),
			chosen && height >= ROOMY ? prose(chosen.story, width).slice(0, 3) : [],
		),
		selects: true,
	};
}

function played(play: Play, width: number): Content {
	const {scenario, taken} = play;
	const rows = scenario.steps.slice(0, taken.length + 1).flatMap((step, i): Row[] => {
		const done = taken[i];
		const sign = done === undefined ? '▸' : done.unmet.length === 0 ? '✓' : '✗';
		const tone = done === undefined ? 'key' : done.unmet.length === 0 ? 'good' : 'bad';
		return [
			[' ', [`${sign} ${i + 1} ${step.text}`, tone]],
			...(step.note ? prose(step.note, width) : []),
			...(done ? [[[`   ${done.outcome.said}`, 'plain']] satisfies Row] : []),
			...(done?.unmet.map((text): Row => [[`   ${text}`, 'bad']]) ?? []),
		];
	});
	const story = taken.length === 0 ? prose(scenario.story, width) : [];
	const end: Row[] = nextStep(play) ? [] : [[[' The scenario has ended; o lists the others.', 'key']]];
	const title = `SCENARIO ${scenario.name} ─ ${taken.length} of ${scenario.steps.length}`;
	return list(title, [...story, ...rows, ...end]);
}

const prose = (text: string, width: number): Row[] =>
	wrap(text.replaceAll('\n', ' '), width - 4).map(line => [[`   ${line.trim()}`, 'dim']]);
