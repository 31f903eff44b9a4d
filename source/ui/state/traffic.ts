// The guests at work: time passes here, ten times a second while they are.

import {UserError} from '../../user-error.js';
import {refresh} from './refresh.js';
import {type Store, say} from './store.js';

const TICK_MS = 100;
const RATES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] as const;
const FIRST_RATE = 10;

const timers = new WeakMap<Store, NodeJS.Timeout>();

/** Starts the guests' own work, or pauses it: then everything stays as it is, and can be looked at. */
export function toggleWork(store: Store): void {
	const workload = store.getState().machine.lab?.workload;
	if (workload === undefined) return;
	const guest = store.getState().machine.lab?.guest;
	if (guest !== undefined) {
		guest.pause(!guest.paused);
		say(store, guest.paused ? 'Paused. Space resumes.' : 'The guest runs again.', 'key');
		return;
	}
	if (workload.running) {
		pauseWork(store);
		say(store, 'Paused. Space resumes.', 'key');
		return;
	}
	try {
		workload.start({rate: workload.rate || FIRST_RATE});
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		say(store, error.message, 'warn');
		return;
	}
	let before = performance.now();
	const tick = () => {
		const now = performance.now();
		const elapsed = now - before;
		before = now;
		try {
			if (workload.tick(elapsed) > 0) refresh(store);
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
			pauseWork(store);
			say(store, error.message, 'bad');
		}
	};
	timers.set(store, setInterval(tick, TICK_MS).unref());
	store.setState(({recent}) => ({recent: ['traffic', ...recent.filter(panel => panel !== 'traffic')]}));
	say(store, `Guests issue ${workload.rate} reads/s; + and − change the rate.`, 'key');
}

/** Time stops, where it ran. */
export function pauseWork(store: Store): void {
	store.getState().machine.lab?.workload.stop();
	clearInterval(timers.get(store));
}

/** The next rate up or down. */
export function changeRate(store: Store, by: 1 | -1): void {
	const workload = store.getState().machine.lab?.workload;
	if (workload === undefined) return;
	const at = RATES.findIndex(rate => rate >= (workload.rate || FIRST_RATE));
	const rate = RATES[Math.min(RATES.length - 1, Math.max(0, at + by))];
	const {running} = workload;
	try {
		workload.start({rate});
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		say(store, error.message, 'warn');
		return;
	}
	if (!running) workload.stop();
	say(store, `${rate} requests/s${running ? '' : ', once Space starts them'}.`, 'key');
}
