// Faults of a kernel's log, the newest first; and the chosen one in words.

import path from 'node:path';
import {explainWalk} from '../../explain/walk.js';
import type {LogFault, Logged} from '../../machine/logged.js';
import {grouped} from '../../words.js';
import {fit, type Row, widthOf, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';

export function loggedPanel({from, total, faults, closing}: Logged, width: number): List {
	const seen = `FAULTS ─ ${total === 0 ? 'none' : grouped(total)} in `;
	// Of a long path the end tells.
	const title = `${seen}${widthOf(seen + from) <= width - 2 ? from : path.basename(from)}`;
	if (faults.length === 0)
		return list(
			title,
			closing.flatMap(text => dim(text, width)),
		);
	const row = ({brief, count}: LogFault): Row => {
		const times = count > 1 ? ` ×${grouped(count)}` : '';
		const room = Math.max(12, width - 1 - widthOf(times));
		return [' ', widthOf(brief) > room ? fit(brief, room) : brief, [times, 'warn']];
	};
	return {...list(title, faults.map(row)), selects: true};
}

export const chosenLogFault = ({state, places}: Ui): LogFault | undefined =>
	state.logged?.faults[places.faults?.cursor ?? 0];

const LABEL = 9;

export function logFaultPanel(ui: Ui, {closing}: Logged, width: number): List {
	const logged = chosenLogFault(ui);
	if (logged === undefined) return list('IN WORDS', []);
	const room = Math.max(12, width - LABEL - 2);
	const [what, ...further] = logged.parts;
	const parts = [what, ...inTables(ui, logged), ...further].flatMap(({label, texts}) =>
		texts.flatMap((text, i) =>
			wrap(text, room).map((line, j): Row => {
				const first = i === 0 && j === 0 ? label : '';
				return [
					[` ${first.padEnd(LABEL)}`, 'dim'],
					[line.trim(), label === 'look' ? 'key' : 'plain'],
				];
			}),
		),
	);
	return list('IN WORDS', [
		...wrap(logged.title, width - 2).map((line): Row => [[` ${line.trim()}`, 'title']]),
		...parts,
		[],
		...closing.flatMap(text => dim(text, width)),
	]);
}

/** What the tables say of that access as they are now, where there are any to be read. */
function inTables({machine, state}: Ui, {access}: LogFault): LogFault['parts'] {
	if (access === undefined || state.unit === undefined) return [];
	const {end} = explainWalk(machine.memory, state, access.rid, access.iova, access.write);
	return [{label: 'tables', texts: [`As they are now: ${end.sentence}`]}];
}

const dim = (text: string, width: number): Row[] =>
	wrap(text, width - 2).map(line => [[` ${line.trim()}`, 'dim']]);
