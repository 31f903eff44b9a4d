// The way through time on the screen: what takes long goes on slice by slice, and keys and frames come in between.

import type {Progress, Travel} from '../../machine/history.js';
import {grouped} from '../../words.js';
import {refresh} from './refresh.js';
import type {Store} from './store.js';

/** How long the screen may stand still. */
const SLICE_MS = 40;
/** A look at the machine on the way is worth so much of the time that travelling takes. */
const LOOKING_SHARE = 1 / 5;

/** What is done at the end of a travel. Whatever happens, one of them is called, once. */
export type Ends = {
	arrived: (differs: string | undefined) => void;
	/** Given up on the way: the machine is whole, somewhere in between. */
	stopped: () => void;
	failed: (error: unknown) => void;
};

/** `instead`: what is done in place of going on, as soon as the disk is put back. */
type Running = {travel: Travel; ends: Ends; next?: NodeJS.Immediate; instead?: 'stop' | (() => void)};
const running = new WeakMap<Store, Running>();

/** Begins at once: what is short is over when this returns. */
export function startTravel(store: Store, travel: Travel, ends: Ends): void {
	const run: Running = {travel, ends};
	running.set(store, run);
	const look = looker(store);
	const slice = () => {
		const start = performance.now();
		const next = goOn(travel, start + SLICE_MS);
		if ('value' in next && !next.done) {
			store.setState({travel: next.value});
			if (next.value.doing === 'steps') look(performance.now() - start);
			if (next.value.doing === 'disk' || run.instead === undefined) run.next = setImmediate(slice);
			else if (run.instead === 'stop') stopTravel(store);
			else leaveTravel(store, run.instead);
			return;
		}
		end(store);
		if ('error' in next) ends.failed(next.error);
		else ends.arrived(next.value);
		if (typeof run.instead === 'function') run.instead();
	};
	slice();
}

type Next = IteratorResult<Progress, string | undefined> | {error: unknown};

/** Goes on until so late. @returns how far it is, or how it ended */
function goOn(travel: Travel, until: number): Next {
	try {
		for (;;) {
			const next = travel.next();
			if (next.done || performance.now() >= until) return next;
		}
	} catch (error) {
		return {error};
	}
}

/** Looks at the machine on the way, as often as that is cheap. `spent`: milliseconds of travelling since the last time */
function looker(store: Store): (spent: number) => void {
	const {machine} = store.getState();
	let {memory} = machine;
	let budget = 0;
	return spent => {
		budget += spent * LOOKING_SHARE;
		// Tables of one machine are none in another's memory: that is looked at in any case.
		if (budget <= 0 && machine.memory === memory) return;
		const start = performance.now();
		refresh(store);
		memory = machine.memory;
		budget -= performance.now() - start;
	};
}

function end(store: Store): void {
	clearImmediate(running.get(store)?.next);
	running.delete(store);
	store.setState({travel: undefined});
}

/** Gives it up where it is, or as soon as the disk is put back. */
export function stopTravel(store: Store): void {
	const run = running.get(store);
	if (run === undefined) return;
	if (isWhole(store)) {
		end(store);
		run.ends.stopped();
	} else run.instead ??= 'stop';
}

/** Leaves, where a disk is being put back after that is done; whoever asks twice leaves at once. */
export function leaveTravel(store: Store, leave: () => void): void {
	const run = running.get(store);
	if (run === undefined || isWhole(store) || typeof run.instead === 'function') {
		endTravel(store);
		leave();
	} else run.instead = leave;
}

/** Nothing goes on after this. */
export function endTravel(store: Store): void {
	if (running.has(store)) end(store);
}

const isWhole = (store: Store): boolean => store.getState().travel?.doing !== 'disk';

export const travelText = ({doing, at, of}: Progress): string =>
	doing === 'steps'
		? `Replaying step ${grouped(at)} of ${grouped(of)} · Esc stops`
		: `Putting the disk back: ${grouped(at)} of ${grouped(of)} blocks`;
