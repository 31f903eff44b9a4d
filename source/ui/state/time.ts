// Time: back and forth through what was done. The machine is taken there, and all that is shown is what it was then.

import type {Entry, History} from '../../machine/history.js';
import type {MachineState} from '../../machine/observed.js';
import type {Transfer} from '../../machine/transfer.js';
import {messageOf, UserError} from '../../user-error.js';
import {refresh} from './refresh.js';
import {type Store, say} from './store.js';
import {pauseWork} from './traffic.js';

/** Takes the machine to where it was after `at` steps, and opens the timeline. @returns whether it is there */
export function goTo(store: Store, at: number): boolean {
	const history = store.getState().machine.lab?.history;
	if (history === undefined) return false;
	pauseWork(store);
	const from = history.at;
	let otherwise: string | undefined;
	try {
		otherwise = history.go(at);
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		refresh(store);
		store.setState({timeline: false});
		say(store, messageOf(error), 'bad');
		return false;
	}
	refresh(store);
	const passed = history.entries.slice(Math.min(from, history.at), Math.max(from, history.at));
	const other = passed.some(({command}) => command.do === 'start');
	store.setState(({state, access, compared}) => ({
		timeline: true,
		last: lastTransfers(history, state),
		access: other ? undefined : access,
		compared: other ? undefined : compared,
	}));
	const entry = history.entries[history.at - 1];
	if (otherwise) say(store, otherwise, 'bad');
	else say(store, entry?.report ?? 'The beginning: ] goes on, step by step.', entry ? toneOf(entry) : 'key');
	return true;
}

/** To the end of what was done, and the timeline closes. */
export function leaveThePast(store: Store): void {
	const history = store.getState().machine.lab?.history;
	if (history && goTo(store, history.entries.length)) store.setState({timeline: false});
}

/** To the next or the last step before that lost something, faulted or was refused. */
export function goToTrouble(store: Store, by: 1 | -1): void {
	const history = store.getState().machine.lab?.history;
	if (history === undefined) return;
	const {entries, at} = history;
	const found =
		by === 1
			? entries.findIndex(({trouble}, i) => i >= at && trouble)
			: entries.findLastIndex(({trouble}, i) => i < at - 1 && trouble);
	if (found >= 0) goTo(store, found + 1);
	else say(store, `Nothing was lost, faulted or refused ${by === 1 ? 'after' : 'before'} this.`, 'key');
}

/** The last transfer of each guest that its user asked for, up to now. */
function lastTransfers({entries, at}: History, {transfers}: MachineState): Record<string, Transfer> {
	const last: Record<string, Transfer> = {};
	for (let i = at - 1; i >= 0 && entries[i].command.do !== 'start'; i--) {
		const {transfer: number} = entries[i];
		const found = number === undefined ? undefined : transfers.find(transfer => transfer.number === number);
		if (found?.vm !== undefined) last[found.vm] ??= found;
	}
	return last;
}

export const toneOf = ({trouble}: Entry) => (trouble ? 'bad' : 'good');
