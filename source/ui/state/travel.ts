// Travels through time on the screen: a long one goes slice by slice, with keys and frames in between.

import type {Progress, Travel} from '../../machine/history.js';
import {grouped} from '../../words.js';
import {refresh} from './refresh.js';
import type {Store} from './store.js';

/** How long the screen may stand still. */
const SLICE_MS = 40;
/** How much time looking at the machine may take, compared with travelling. */
const LOOKING_SHARE = 1 / 5;

/** How a travel may end. One of them is called once, unless the program ends. */
export type Ends = {
	arrived: (differs: string | undefined) => void;
	/** Given up at a step in between. */
	stopped: () => void;
	failed: (error: unknown) => void;
};

/** `instead`: what to do as soon as the disk is restored, in place of replaying. */
type Running = {travel: Travel; ends: Ends; next?: NodeJS.Immediate; instead?: 'stop' | (() => void)};
const running = new WeakMap<Store, Running>();

/** Starts at once; a short travel is over when this returns. */
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

/** Travels until a point in time. @returns how far it is, or how it ended */
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

/** Looks at the machine on the way, as often as that is cheap. `spent`: milliseconds of travelling since the last look */
function looker(store: Store): (spent: number) => void {
	const {machine} = store.getState();
	let {memory} = machine;
	let budget = 0;
	return spent => {
		budget += spent * LOOKING_SHARE;
		// The tables of one machine mean nothing in another's memory, so a new machine is looked at in any case.
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

/** Stops at the step reached, or as soon as the disk is restored. */
export function stopTravel(store: Store): void {
	const run = running.get(store);
	if (run === undefined) return;
	if (isWhole(store)) {
		end(store);
		run.ends.stopped();
	} else run.instead ??= 'stop';
}

/** Leaves at once; while a disk is being restored, only when that is done, or when asked twice. */
export function leaveTravel(store: Store, leave: () => void): void {
	const run = running.get(store);
	if (run === undefined || isWhole(store) || typeof run.instead === 'function') {
		endTravel(store);
		leave();
	} else run.instead = leave;
}

/** Stops without a word. */
export function endTravel(store: Store): void {
	if (running.has(store)) end(store);
}

const isWhole = (store: Store): boolean => store.getState().travel?.doing !== 'disk';

export const travelText = ({doing, at, of}: Progress): string =>
	doing === 'steps'
		? `Replaying step ${grouped(at)} of ${grouped(of)} · Esc stops`
		: `Restoring the disk: ${grouped(at)} of ${grouped(of)} blocks`;
