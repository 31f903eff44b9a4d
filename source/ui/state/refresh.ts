// Looks at the machine again where it has changed, and says and lights up what is new.

import type {DomainView, Range} from '../../explain/ranges.js';
import type {MachineState} from '../../machine/observed.js';
import {grouped} from '../../words.js';
import type {Form} from './form.js';
import {changedGroups} from './group-rows.js';
import {rangeKey, type Store, say, viewDomains} from './store.js';

const LIT_MS = 1000;

/** Looks at the machine again if it has changed, and lights up the rows that are new. */
export function refresh(store: Store): void {
	const {machine, views: before, state: old} = store.getState();
	const state = machine.state();
	if (state.revision === old.revision) return;
	sayNewFault(store, old, state);
	if (state.lost && state.lost.why !== old.lost?.why) say(store, state.lost.why, 'bad');
	if (old.lost && !state.lost) say(store, `${state.title} is back.`, 'good');
	// Transfers change no table, and there may be ten of them per second.
	if (state.tables === old.tables) {
		store.setState({state: withTablesOf(old, state)});
		light(store, changedGroups(old.host, state.host));
		return;
	}
	const views = viewDomains(machine, state, state.owned === old.owned ? before : []);
	store.setState(({form}) => ({state, tables: state, views, form: withGuest(form, state)}));
	light(store, new Set([...newRows(before, views), ...changedGroups(old.host, state.host)]));
}

/** What has not changed stays the same object: panels that show it are not made again. */
function withTablesOf(before: MachineState, now: MachineState): MachineState {
	const {unit, domains, devices, owned} = before;
	const vms = same(before.vms, now.vms);
	const disk = same(before.disk, now.disk);
	const tally = same(before.tally, now.tally);
	const faultLog = same(before.faultLog, now.faultLog);
	const counters = same(before.counters, now.counters);
	return {...now, unit, domains, devices, owned, vms, disk, tally, faultLog, counters};
}

const same = <T>(before: T, now: T): T => (JSON.stringify(before) === JSON.stringify(now) ? before : now);

/** Lights rows up for a second. A row that changes again stays lit for another. */
function light(store: Store, rows: ReadonlySet<string>): void {
	if (rows.size === 0) return;
	const batch = Symbol();
	store.setState(({changed}) => {
		const lit = new Map(changed);
		for (const row of rows) {
			// The newest come last.
			lit.delete(row);
			lit.set(row, batch);
		}
		return {changed: lit};
	});
	const out = () => {
		const {changed} = store.getState();
		const lit = new Map([...changed].filter(([, by]) => by !== batch));
		if (lit.size < changed.size) store.setState({changed: lit});
	};
	setTimeout(out, LIT_MS).unref();
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

/** The keys of the rows that were not there before. A domain can have millions of rows, of which few are new. */
function* newRows(before: readonly DomainView[], now: readonly DomainView[]): Generator<string> {
	const old = new Map(before.map(view => [view.domain.id, view]));
	for (const view of now) {
		const known = old.get(view.domain.id);
		if (known === view) continue;
		const rows = known?.ranges ?? [];
		let at = 0;
		for (const range of view.ranges) {
			while (at < rows.length && rows[at].iova < range.iova) at++;
			if (at === rows.length || !isSame(rows[at], range)) yield rangeKey(view.domain.id, range);
		}
	}
}

const isSame = (a: Range, b: Range): boolean =>
	a.iova === b.iova && a.hpa === b.hpa && a.pages === b.pages && a.read === b.read && a.write === b.write;
