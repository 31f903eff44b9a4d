// The way through time on the screen: what takes long goes on slice by slice, and keys and frames come in between.

import type {Progress, Travel} from '../seam/history.js';
import {grouped} from '../words.js';
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

/** `instead`: what is done in place of going on, as soon as the machine is whole. */
type Running = {travel: Travel; ends: Ends; next?: NodeJS.Immediate; instead?: () => void};
const running = new WeakMap<Store, Running>();

/** Begins at once: what is short is over when this returns. */
export function startTravel(store: Store, travel: Travel, ends: Ends): void {
	const run: Running = {travel, ends};
	running.set(store, run);
	let looks = 0;
	const memory = () => store.getState().machine.memory;
	let shown = memory();
	const slice = () => {
		const start = performance.now();
		const last = goOn(store, run, start + SLICE_MS);
		if (last === undefined) return;
		store.setState({travel: last});
		if (last.doing === 'steps' && run.instead !== undefined) {
			run.instead();
			return;
		}
		const now = performance.now();
		looks += (now - start) * LOOKING_SHARE;
		// What is shown of another machine's memory would be no table at all.
		if (last.doing === 'steps' && (looks > 0 || memory() !== shown)) {
			refresh(store);
			shown = memory();
			looks -= performance.now() - now;
		}
		run.next = setImmediate(slice);
	};
	slice();
}

/** @returns how far it is, or undefined where it has ended */
function goOn(store: Store, {travel, ends}: Running, until: number): Progress | undefined {
	try {
		for (;;) {
			const next = travel.next();
			if (next.done) {
				end(store);
				ends.arrived(next.value);
				return undefined;
			}
			if (performance.now() >= until) return next.value;
		}
	} catch (error) {
		end(store);
		ends.failed(error);
		return undefined;
	}
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
	} else run.instead = () => stopTravel(store);
}

/** Leaves, where a disk is being put back after that is done; whoever asks twice leaves at once. */
export function leaveTravel(store: Store, leave: () => void): void {
	const run = running.get(store);
	if (run === undefined || isWhole(store) || run.instead !== undefined) {
		endTravel(store);
		leave();
	} else run.instead = () => leaveTravel(store, leave);
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
