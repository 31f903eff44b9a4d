// Time: back and forth through what was done. The machine is taken there, and all that is shown is what it was then.

import type {Entry, History, Travel, Unsettled} from '../../machine/history.js';
import type {MachineState} from '../../machine/observed.js';
import type {Transfer} from '../../machine/transfer.js';
import {messageOf, UserError} from '../../user-error.js';
import {grouped, plural} from '../../words.js';
import {refresh} from './refresh.js';
import {type Store, say} from './store.js';
import {pauseWork} from './traffic.js';
import {startTravel} from './travel.js';

/** Takes the machine to where it was after `at` steps, and opens the timeline. `arrived`: what is done there */
export function goTo(store: Store, at: number, arrived: () => void = () => {}): void {
	const history = store.getState().machine.lab?.history;
	if (history) travelTo(store, history.travel(at), arrived);
}

/** The same for any travel. */
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
			ofHost: undefined,
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
			else if (history.first === 0) say(store, 'The beginning: ] goes on, step by step.', 'key');
			else say(store, `Forgotten before this: ${plural(history.first, 'step')}; ] goes on from here.`, 'key');
			arrived();
		},
		stopped: () => {
			look();
			say(store, `Stopped at step ${grouped(history.at)}.`, 'key');
		},
		failed: error => {
			if (!(error instanceof UserError)) throw error;
			look();
			const timeline = history.at < history.length || history.unsettled !== undefined;
			store.setState({timeline, leaving: false});
			say(store, failureText(messageOf(error), history.unsettled), 'bad');
		},
	});
}

/** Where the old blocks are; the timeline row tells the rest. */
function failureText(message: string, unsettled: Unsettled | undefined): string {
	if (unsettled === undefined) return message;
	const {file, unsaved} = unsettled;
	return file === undefined
		? `The disk’s old blocks cannot be saved: ${unsaved}; press u to save them elsewhere.`
		: `The disk’s old blocks are saved: ${file}`;
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

/** The newest 1,000 transfers are kept; steps before those have none. */
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

export const toneOf = ({trouble}: Entry) => (trouble ? 'bad' : 'good');
