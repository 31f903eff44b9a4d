// What is done to the lab, and what the dashboard shows of it then.

import {pageOf} from '../../formats/address.js';
import type {Command, TransferCommand} from '../../machine/command.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Transfer} from '../../machine/transfer.js';
import {messageOf, UserError} from '../../user-error.js';
import {BOTTOM, TOP} from './list.js';
import {rangesShown, type TableId} from './ranges-shown.js';
import {refresh} from './refresh.js';
import {holds, rangeKey, type Store, say, type Ui} from './store.js';
import type {PanelId} from './views.js';

/**
 * Does something to the machine, and shows what became of it.
 * @returns undefined where the command makes no sense, which is then said
 */
export function dispatch(store: Store, command: Command): Outcome | undefined {
	const {lab} = store.getState().machine;
	if (lab === undefined) {
		say(store, 'This machine is read-only.', 'warn');
		return undefined;
	}
	const past = lab.history !== undefined && lab.history.at < lab.history.length;
	let outcome: Outcome;
	try {
		outcome = lab.dispatch(command);
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		say(store, messageOf(error), 'warn');
		return undefined;
	}
	// A talk finds back to its path from another machine, too.
	if (command.do === 'start')
		store.setState(({play}) => ({
			...{last: {}, ofHost: undefined, access: undefined, page: 0},
			play: play?.presented ? play : undefined,
		}));
	if (past) store.setState({timeline: false});
	refresh(store);
	const bad =
		outcome.kind === 'boot'
			? !outcome.bootable
			: outcome.kind === 'lifecycle'
				? outcome.error !== undefined
				: outcome.kind === 'work'
					? outcome.work.data !== 'delivered'
					: outcome.kind === 'transfer' && outcome.transfer.data !== 'delivered';
	const transfer = outcome.kind === 'transfer' ? outcome.transfer : undefined;
	const shows: PanelId | undefined = transfer ? 'buffer' : outcome.kind === 'boot' ? 'console' : undefined;
	const now = performance.now();
	// A packet takes its time: where transfers follow each other faster, their verdicts are shown at once.
	const calm = !lab.workload.running && now - store.getState().transferAt > A_SECOND;
	const ui = store.getState();
	const {places, last, recent, verdictAt, motion, state} = ui;
	store.setState({
		message: {text: outcome.report, tone: bad ? 'bad' : 'good'},
		...(transfer === undefined
			? {}
			: {
					last: transfer.vm === undefined ? last : {...last, [transfer.vm]: transfer},
					ofHost: transfer.vm === undefined ? transfer : undefined,
					verdictAt: {
						...verdictAt,
						[transfer.vm ?? '']: {step: lab.history?.at ?? 0, tables: state.tables},
					},
					packet: motion && calm ? transfer.number : undefined,
					transferAt: now,
					...(transfer.command.do !== 'dma' && transfer.iova !== undefined
						? {page: pageOf(transfer.iova)}
						: {}),
				}),
		recent: shows ? [shows, ...recent.filter(panel => panel !== shows)] : recent,
		places: {
			...places,
			...(transfer ? follow(ui, transfer) : command.do === 'policy' ? toLit(ui) : {}),
			buffer: TOP,
			faults: TOP,
			console: BOTTOM,
		},
	});
	return outcome;
}

const A_SECOND = 1000;

/** Dispatches a command from the form, once its fields are checked. @returns undefined if it was refused */
export function dispatchForm(store: Store, command: TransferCommand): Outcome | undefined {
	try {
		store.getState().machine.lab?.check(command);
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		say(store, messageOf(error), 'warn');
		return undefined;
	}
	return dispatch(store, command);
}

/** Where the tables show a transfer's address and its buffer, as they are filtered, sorted and unfolded. */
function follow(ui: Ui, {iova, command, vm}: Transfer): Ui['places'] {
	// The guest's table is that of the transfer's guest, as soon as the form names it.
	const then = vm === undefined ? ui : {...ui, form: {...ui.form, vm}};
	const placeIn = (table: TableId, address: number): Ui['places'] => {
		// The last row that holds it is the smallest part of an unfolded run.
		const at = rangesShown(then, table)?.ranges.findLastIndex(range => holds(range, address)) ?? -1;
		return at < 0 ? {} : {[table]: {top: Math.max(0, at - 1), cursor: at}};
	};
	return {
		...((command.do === 'dma' && vm !== undefined) || iova === undefined ? {} : placeIn('host', iova)),
		...(vm === undefined ? {} : placeIn('guest', command.gpa)),
	};
}

/** Where the host's table shows the nearest of the rows that have just changed. */
function toLit(ui: Ui): Ui['places'] {
	const shown = rangesShown(ui, 'host');
	const from = ui.places.host?.cursor ?? 0;
	const newest = [...ui.changed.values()].at(-1);
	if (shown === undefined || newest === undefined) return {};
	const {id} = shown.view.domain;
	const lit = shown.ranges.flatMap((range, i) => (ui.changed.get(rangeKey(id, range)) === newest ? [i] : []));
	const at = lit.toSorted((a, b) => Math.abs(a - from) - Math.abs(b - from))[0];
	return at === undefined ? {} : {host: {top: Math.max(0, at - 1), cursor: at}};
}
