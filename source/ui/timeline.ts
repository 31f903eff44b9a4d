// Time: back and forth through what was done. The machine is taken there, and all that is shown is what it was then.

import type {Entry, History, Travel, Unsettled} from '../machine/history.js';
import type {MachineState, Transfer} from '../machine/observed.js';
import {messageOf, UserError} from '../user-error.js';
import {grouped, plural} from '../words.js';
import {refresh} from './refresh.js';
import type {Row, Span} from './rows.js';
import {type Store, say, type Ui} from './store.js';
import {pauseWork} from './traffic.js';
import {startTravel} from './travel.js';

/** Takes the machine to where it was after `at` steps, and opens the timeline. `arrived`: what is done there */
export function goTo(store: Store, at: number, arrived: () => void = () => {}): void {
	const history = store.getState().machine.lab?.history;
	if (history) travelTo(store, history.travel(at), arrived);
}

/** The same by any way. */
export function travelTo(store: Store, travel: Travel, arrived: () => void = () => {}): void {
	const {machine} = store.getState();
	const history = machine.lab?.history;
	if (history === undefined) return;
	pauseWork(store);
	const {memory} = machine;
	const look = () => {
		refresh(store);
		const other = machine.memory !== memory;
		store.setState(({state, access, compared}) => ({
			timeline: true,
			last: lastTransfers(history, state),
			access: other ? undefined : access,
			compared: other ? undefined : compared,
		}));
	};
	startTravel(store, travel, {
		arrived: differs => {
			look();
			const entry = history.step(history.at);
			if (differs) say(store, differs, 'bad');
			else if (entry) say(store, entry.report, toneOf(entry));
			else say(store, 'The beginning: ] goes on, step by step.', 'key');
			arrived();
		},
		stopped: () => {
			look();
			say(store, `Stopped at step ${grouped(history.at)}.`, 'key');
		},
		failed: error => {
			if (!(error instanceof UserError)) throw error;
			look();
			store.setState({timeline: history.at < history.length || history.unsettled !== undefined});
			say(store, failureText(messageOf(error), history.unsettled), 'bad');
		},
	});
}

/** What is safe by now; the timeline says how a disk is that is not put back, and what can be done. */
function failureText(message: string, unsettled: Unsettled | undefined): string {
	if (unsettled === undefined) return message;
	const {file, unsaved} = unsettled;
	return file === undefined
		? `What the disk held cannot be saved: ${unsaved}; press u to save it elsewhere.`
		: `What the disk held is saved: ${file}`;
}

/** To the end of what was done, and the timeline closes. */
export function leaveThePast(store: Store): void {
	const history = store.getState().machine.lab?.history;
	if (history) goTo(store, history.length, () => store.setState({timeline: false}));
}

/** To the next or the last step before that lost something, faulted or was refused. */
export function goToTrouble(store: Store, by: 1 | -1): void {
	const history = store.getState().machine.lab?.history;
	if (history === undefined) return;
	const found = history.trouble(history.at, by);
	if (found !== undefined) goTo(store, found);
	else say(store, `Nothing was lost, faulted or refused ${by === 1 ? 'after' : 'before'} this.`, 'key');
}

/** As many transfers are kept, and none is in steps before. */
const LOOKED_THROUGH = 1000;

/** The last transfer of each guest that its user asked for, up to now. */
function lastTransfers(history: History, {transfers}: MachineState): Record<string, Transfer> {
	const last: Record<string, Transfer> = {};
	for (let number = history.at; number > history.at - LOOKED_THROUGH; number--) {
		const step = history.step(number);
		if (step === undefined || step.command.do === 'start') break;
		const found =
			step.transfer === undefined ? undefined : transfers.find(transfer => transfer.number === step.transfer);
		if (found?.vm !== undefined) last[found.vm] ??= found;
	}
	return last;
}

const toneOf = ({trouble}: Entry) => (trouble ? 'bad' : 'good');

/** Where in time the machine is, what was done there, and the way: a mark for each stretch with trouble in it. */
export function timelineRow({machine, size}: Ui): Row {
	const history = machine.lab?.history;
	if (history === undefined) return [];
	const {at, length, first, unsettled} = history;
	const start = ` step ${grouped(at)} of ${grouped(length)} `;
	if (unsettled?.problem !== undefined) {
		const {done, blocks, problem} = unsettled;
		const text = `DISK NEITHER OLD NOR NEW: ${grouped(done)} of ${plural(blocks, 'block')} put back; ${problem}`;
		return [
			[start, 'key'],
			[text, 'bad'],
			[' · ( retries · u saves', 'key'],
		];
	}
	const entry = history.step(at);
	const text = entry ? ` ${entry.note?.split('\n')[0] ?? entry.text}` : ' the beginning';
	const width = Math.max(10, Math.min(length - first + 1, Math.floor(size.columns / 2) - start.length));
	const reach: Span[] = first === 0 ? [] : [[` ${reachText(history)} ·`, 'plain']];
	return [[start, 'key'], ...bar(history, width), ...reach, [text, entry ? toneOf(entry) : 'dim']];
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
