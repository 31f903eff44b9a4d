// Refused accesses, the newest first and repeats as one, with what hardware and kernel made of them; and the chosen
// one in words.

import {coalesceFaults, explainFault, type FaultRow} from '../../explain/faults.js';
import {faultCountText, faultLogText} from '../../explain/snapshot.js';
import {hex} from '../../formats/address.js';
import type {HostFacts} from '../../machine/host.js';
import type {Fault} from '../../machine/observed.js';
import {grouped} from '../../words.js';
import {keySign} from '../glyphs.js';
import {type Row, widthOf, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';
import {logFaultPanel, loggedPanel} from './logged.js';

const latest = new WeakMap<readonly Fault[], readonly FaultRow[]>();

export function faultsShown({state: {faults}}: Ui): readonly FaultRow[] {
	const known = latest.get(faults);
	if (known) return known;
	const rows = coalesceFaults(faults).toSorted((a, b) => b.last - a.last);
	latest.set(faults, rows);
	return rows;
}

export function faultsPanel(ui: Ui, width: number): List {
	if (ui.state.logged) return loggedPanel(ui.state.logged, width);
	if (ui.state.host) return list('FAULTS ─ not seen', prose(whyNone(ui.state.host), width));
	const {faultLog} = ui.state;
	const seen = `FAULTS ─ ${faultCountText(faultLog, ui.state.faults)}`;
	const kept = faultLogText(faultLog);
	const whole = `${seen} · ${kept}`;
	// What does not fit into the title stands in rows below it: that nobody logs them is the point.
	const fits = widthOf(whole) <= width - 2;
	const title = fits ? whole : seen;
	const head = fits ? [] : wrap(kept, width - 2).map((line): Row => [[` ${line.trim()}`, 'dim']]);
	const rows = faultsShown(ui);
	if (rows.length === 0) return list(title, [[[` ${noneWords(ui)}`, 'dim']]], head);
	return {title, head, count: rows.length, row: index => faultRow(rows[index], width), selects: true};
}

const noneWords = ({kind}: Ui): string =>
	kind !== 'lab' ? 'No refused access can be read.' : 'No access has been refused.';

function faultRow(
	{device, write, lowest, highest, owner, reason, text, count, last}: FaultRow,
	width: number,
): Row {
	const who = owner === undefined ? '' : ` ${owner}`;
	const why = width >= 62 ? `: ${text} (${reason})` : `: reason ${reason}`;
	return [
		[` #${last} `, 'dim'],
		`${device} ${write ? 'write' : 'read'} `,
		[highest === lowest ? hex(lowest) : `${hex(lowest)}…`, 'key'],
		[who, 'guest'],
		count > 1 ? [` ×${grouped(count)}`, 'warn'] : '',
		why,
	];
}

export function faultPanel(ui: Ui, width: number): List {
	if (ui.state.logged) return logFaultPanel(ui, ui.state.logged, width);
	const row = faultsShown(ui)[ui.places.faults?.cursor ?? 0];
	if (ui.state.host) return list('IN WORDS', []);
	if (row === undefined) return list('IN WORDS', [[` ${noneWords(ui)}`]]);
	const {sentence, check} = explainFault(ui.machine.memory, ui.state, row);
	return list(keySign('IN WORDS ─ ⏎ in the list shows the walk'), [
		...prose([sentence], width),
		...wrap(check, width - 2).map((line): Row => [[` ${line.trim()}`, 'key']]),
		...logRows(ui),
	]);
}

/** A host's faults are in its kernel's log alone. */
const whyNone = ({notSeen}: HostFacts): string[] =>
	notSeen.filter(({what}) => what.startsWith('faults')).flatMap(({what, how}) => [what, how]);

const prose = (texts: readonly string[], width: number): Row[] =>
	texts.flatMap(text => wrap(text, width - 2)).map(line => [` ${line.trim()}`]);

/** Nothing where the kernel's log cannot be seen. */
function logRows({state}: Ui): Row[] {
	const {kernelLines, kernelLogged} = state.faultLog;
	if (kernelLogged === undefined) return [];
	return [
		[],
		kernelLines.length === 0
			? [[' The kernel’s log says nothing of it.', 'dim']]
			: [[' The kernel’s log:', 'dim']],
		...kernelLines.slice(-20).map((line): Row => [`   ${line.trim()}`]),
	];
}
