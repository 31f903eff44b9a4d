// The dashboard's state, outside React. The machine is looked at again only when something was done to it.

import {createStore, type StoreApi} from 'zustand/vanilla';
import {type DomainView, type Range, viewDomain} from '../explain/ranges.js';
import {PAGE_SIZE} from '../formats/address.js';
import type {Rid} from '../formats/pci.js';
import type {Progress} from '../machine/history.js';
import type {MachineKind, MachineState, ObservedMachine, Transfer} from '../machine/observed.js';
import type {Comparison} from '../machine/workload.js';
import type {Place} from './content.js';
import {commitDraft, type Form, newForm} from './form.js';
import {keySign} from './glyphs.js';
import type {PanelId} from './layout.js';
import type {Play} from './play.js';
import type {Tone} from './theme.js';
import {type ViewId, viewIn, viewsOf} from './views.js';

export type Message = {text: string; tone: Tone};

export type Ui = {
	machine: ObservedMachine;
	/** Without a lab behind it nothing can be done to it, and there are fewer views. */
	kind: MachineKind;
	state: MachineState;
	views: readonly DomainView[];
	/** Ranges that are new since the last change, by key: lit for a second. */
	changed: ReadonlySet<string>;
	view: ViewId;
	focus: PanelId;
	/** The panel that had the focus when a view was left. */
	focusOf: Readonly<Partial<Record<ViewId, PanelId>>>;
	/** Whether the focused panel has the screen to itself. */
	zoom: boolean;
	/** For projectors: fewer panels, each larger. */
	large: boolean;
	/** Panels by when they were last looked at, the latest first. */
	recent: readonly PanelId[];
	places: Readonly<Partial<Record<PanelId | 'help' | 'palette', Place>>>;
	form: Form;
	/** The last transfer of each guest that the dashboard's user asked for. */
	last: Readonly<Record<string, Transfer>>;
	/** What lies over the panels, and the text that is being typed into it. */
	overlay?: 'help' | 'palette';
	prompt?: Prompt;
	/** By panel: what its rows are filtered by, and how they are sorted. */
	filters: Readonly<Partial<Record<PanelId, string>>>;
	sorts: Readonly<Partial<Record<PanelId, number>>>;
	/** By panel: the runs that are unfolded, by their keys. */
	unfolded: Readonly<Partial<Record<PanelId, ReadonlySet<string>>>>;
	/** The access whose walk is shown. */
	access?: Access;
	/** The page of host memory that is looked at. */
	page: number;
	/** The same under each policy, as it was compared last. */
	compared?: {what: string; results: readonly Comparison[]};
	/** The scenario that is played. */
	play?: Play;
	/** Whether the way through time is shown. */
	timeline: boolean;
	/** How far the machine is on its way to another step. Meanwhile hardly anything can be done. */
	travel?: Progress;
	/** Whether it was said what leaving would lose. */
	leaving?: boolean;
	message: Message;
	size: {columns: number; rows: number};
};

/** An access to look up: as the IOMMU is asked. */
export type Access = {rid: Rid; iova: number; write: boolean};
/** A line that is being typed. */
export type Prompt = {
	asks: 'filter' | 'address' | 'palette' | 'file' | 'expect' | 'undo';
	text: string;
	problem?: string;
};

export type Store = StoreApi<Ui>;

export const rangeKey = (domain: number, {iova, hpa, pages, read, write}: Range): string =>
	`${domain}:${iova}:${hpa}:${pages}:${read}${write}`;

export function createUi(machine: ObservedMachine, size = {columns: 80, rows: 24}): Store {
	const state = machine.state();
	const vm = state.vms[0]?.name ?? '';
	const {kind} = machine;
	return createStore<Ui>(() => ({
		machine,
		kind,
		state,
		views: viewDomains(machine, state),
		changed: new Set(),
		view: 'overview',
		focus: viewsOf({kind}).overview.first,
		focusOf: {},
		zoom: false,
		large: false,
		recent: ['console'],
		places: {console: BOTTOM},
		form: newForm(vm, machine.lab?.defaultGpa ?? 0),
		last: {},
		filters: {},
		sorts: {},
		unfolded: {},
		page: 0,
		timeline: false,
		message: {
			text:
				kind !== 'lab'
					? LOOKING
					: `${keySign('⏎')} has ${vm} read the raw disk: watch where the DMA lands. t gives a tour.`,
			tone: 'key',
		},
		size,
	}));
}

const LOOKING = 'It is only looked at. What cannot be known of it: ? says.';

/** A list's end, however long it is. */
export const BOTTOM: Place = {top: Number.MAX_SAFE_INTEGER, cursor: Number.MAX_SAFE_INTEGER};
export const TOP: Place = {top: 0, cursor: 0};

/** A domain that was decoded already, and is the same as before, need not be viewed again. */
export const viewDomains = (
	machine: ObservedMachine,
	state: MachineState,
	before: readonly DomainView[] = [],
): DomainView[] =>
	state.domains.map(domain => {
		const known = domain.mappings && before.find(view => view.domain === domain);
		return known ?? viewDomain(machine.memory, state.owned, domain);
	});

/** The transfer whose way is shown: the last one of the guest that the form names. */
export const shownTransfer = ({last, form}: Ui): Transfer | undefined => last[form.vm];

export const say = (store: Store, text: string, tone: Tone): void => store.setState({message: {text, tone}});

export const holds = ({iova, pages}: Range, address: number): boolean =>
	address >= iova && address < iova + pages * PAGE_SIZE;

export function focusOn(store: Store, panel: PanelId): void {
	store.setState(({recent, form}) => ({
		focus: panel,
		recent: [panel, ...recent.filter(other => other !== panel)],
		form: commitDraft(form),
	}));
}

const WITHOUT: Record<MachineKind, string> = {
	lab: 'the lab’s kernel says nothing of its maps; dmascope host has them of a real one',
	tables: 'this machine can only be looked at',
	host: 'of a host, what its kernel says is all there is',
};

/** Goes to a view, to the panel of it that had the focus before. */
export function show(store: Store, view: ViewId): void {
	const {view: before, kind, focus, focusOf} = store.getState();
	const to = viewsOf({kind})[view];
	if (to === undefined) {
		say(store, `There is no view of ${view} here: ${WITHOUT[kind]}.`, 'warn');
		return;
	}
	store.setState({view, zoom: false, overlay: undefined, focusOf: {...focusOf, [before]: focus}});
	if (view !== before) focusOn(store, focusOf[view] ?? to.first);
}

/** The terminal's size, as it is now. Nothing happens, and nothing is drawn, where it is the same. */
export function resize(store: Store, columns: number, rows: number): void {
	const {size} = store.getState();
	if (size.columns !== columns || size.rows !== rows) store.setState({size: {columns, rows}});
}

export function moveFocus(store: Store, by: 1 | -1): void {
	const {focus} = store.getState();
	const {panels} = viewIn(store.getState());
	focusOn(store, panels[(panels.indexOf(focus) + by + panels.length) % panels.length]);
}
