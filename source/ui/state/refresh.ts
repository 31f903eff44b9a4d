// Looks at the machine again where it has changed, and says and lights up what is new.

import type {DomainView} from '../../explain/ranges.js';
import type {MachineState} from '../../machine/observed.js';
import {grouped} from '../../words.js';
import type {Form} from './form.js';
import {changedGroups} from './group-rows.js';
import {keepSelection} from './keep-selection.js';
import {rangeKey, type Store, say, viewDomains} from './store.js';

const LIT_MS = 1000;
const timers = new WeakMap<Store, NodeJS.Timeout>();

/** Looks at the machine again if it has changed, and lights up the rows that are new. */
export function refresh(store: Store): void {
	const {machine, views: before, state: old} = store.getState();
	const state = machine.state();
	if (state.revision === old.revision) return;
	sayNewFault(store, old, state);
	if (state.lost && state.lost.why !== old.lost?.why) say(store, state.lost.why, 'bad');
	if (old.lost && !state.lost) say(store, 'It is there again.', 'good');
	// Transfers change no table, and there may be ten of them a second.
	if (state.tables === old.tables) {
		store.setState(ui => ({state, places: keepSelection(ui, {...ui, state})}));
		light(store, changedGroups(old.host, state.host));
		return;
	}
	const views = viewDomains(machine, state, state.owned === old.owned ? before : []);
	const known = keysOf(before.filter(view => !views.includes(view)));
	const anew = views.filter(view => !before.includes(view));
	const changed = new Set([...keysOf(anew)].filter(key => !known.has(key)));
	store.setState(ui => ({
		...{state, views, form: withGuest(ui.form, state)},
		places: keepSelection(ui, {...ui, state, views}),
	}));
	light(store, new Set([...changed, ...changedGroups(old.host, state.host)]));
}

function light(store: Store, changed: ReadonlySet<string>): void {
	if (changed.size === 0 && store.getState().changed.size === 0) return;
	clearTimeout(timers.get(store));
	store.setState({changed});
	if (changed.size > 0)
		timers.set(store, setTimeout(() => store.setState({changed: new Set()}), LIT_MS).unref());
}

/** A fault of the kernel's log is not to be missed, whatever is looked at. */
function sayNewFault(store: Store, {logged: before}: MachineState, {logged: now}: MachineState): void {
	const newest = now?.faults[0];
	if (before === undefined || newest === undefined || newest === before.faults[0]) return;
	say(store, newest.count > 1 ? `${newest.brief}, ×${grouped(newest.count)}` : newest.brief, 'bad');
}

/** The form names a guest that there is. */
function withGuest(form: Form, {vms}: MachineState): Form {
	if (vms.some(({name}) => name === form.vm)) return form;
	return {...form, vm: vms[0]?.name ?? ''};
}

const keysOf = (views: readonly DomainView[]): Set<string> =>
	new Set(views.flatMap(({domain, ranges}) => ranges.map(range => rangeKey(domain.id, range))));
