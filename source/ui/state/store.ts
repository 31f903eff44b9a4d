// The dashboard's state, outside React. The machine is looked at again only when something was done to it.

import {createStore, type StoreApi} from 'zustand/vanilla';
import {type DomainView, type Range, viewDomain} from '../../explain/ranges.js';
import {PAGE_SIZE, pageOf} from '../../formats/address.js';
import type {Rid} from '../../formats/pci.js';
import type {Progress} from '../../machine/history.js';
import type {MachineKind, MachineState, ObservedMachine} from '../../machine/observed.js';
import type {Outcome} from '../../machine/outcome.js';
import type {Scenario} from '../../machine/scenario.js';
import type {Transfer} from '../../machine/transfer.js';
import type {Comparable, Comparison} from '../../machine/workload.js';
import type {Tone} from '../../text/tones.js';
import {commitDraft, type Form, newForm} from './form.js';
import {BOTTOM, type Place, TOP} from './list.js';
import {type PanelId, panelsOf, type ViewId} from './views.js';

/** What lies over the panels. */
export type Overlay = 'help' | 'glossary' | 'palette';
/** A page of text to read, where arrows scroll. */
export const isReading = ({overlay}: Pick<Ui, 'overlay'>): boolean =>
	overlay === 'help' || overlay === 'glossary';
export type Message = {text: string; tone: Tone};

/** Rows that just changed, by key, each with the change that lit it: they stay lit for a second. */
export type Lit = ReadonlyMap<string, symbol>;

export type Ui = {
	machine: ObservedMachine;
	/** Without a lab behind it nothing can be done to it, and there are fewer views. */
	kind: MachineKind;
	state: MachineState;
	/** The state at the last change of tables: walks and explanations depend on nothing that came later. */
	tables: MachineState;
	views: readonly DomainView[];
	changed: Lit;
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
	places: Readonly<Partial<Record<PanelId | Overlay, Place>>>;
	form: Form;
	/** The last transfer of each guest that the dashboard's user asked for. */
	last: Readonly<Record<string, Transfer>>;
	/** The last transfer, where it was of no guest: a host device's own DMA. */
	ofHost?: Transfer;
	/** When its verdict was reached: the step of the session, and the tables of that moment. */
	verdictAt: Readonly<Record<string, {step: number; tables: number}>>;
	/** The transfer whose packet is on its way across the screen, by its number. */
	packet?: number;
	/** Whether packets are drawn moving. */
	motion: boolean;
	/** When the last transfer was asked for, in milliseconds of performance.now(). */
	transferAt: number;
	/** What lies over the panels, and the text that is being typed into it. */
	overlay?: Overlay;
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
	/** What was compared last, and its results, one per policy. */
	compared?: {command: Comparable; what: string; results: readonly Comparison[]};
	/** The scenario that is played. */
	play?: Play;
	/** Whether the way through time is shown. */
	timeline: boolean;
	/** How far a long travel to another step is. Most keys do nothing meanwhile. */
	travel?: Progress;
	/** Whether keys go to the guest's console. */
	typing?: boolean;
	/** Whether a warning said what leaving would lose. */
	leaving?: boolean;
	message: Message;
};

/** How a step went: its outcome, and the expectations that did not hold. */
export type Taken = {id?: number; outcome: Outcome; unmet: readonly string[]};
/** A scenario that is played. */
export type Play = {
	scenario: Scenario;
	/** How many steps of the session came before it, and the id of the last of them. */
	start: number;
	before?: number;
	taken: readonly Taken[];
	/** To an audience: its notes are large. */
	presented: boolean;
};

/** An access to look up: as the IOMMU is asked. */
export type Access = {rid: Rid; iova: number; write: boolean};
/** A line that is being typed. */
export type Prompt = {
	asks: 'filter' | 'address' | 'palette' | 'file' | 'expect' | 'undo' | 'screen' | 'diagram';
	text: string;
	problem?: string;
};

export type Store = StoreApi<Ui>;

export const rangeKey = (domain: number, {iova, hpa, pages, read, write}: Range): string =>
	`${domain}:${iova}:${hpa}:${pages}:${read}${write}`;

export function createUi(machine: ObservedMachine): Store {
	const state = machine.state();
	const vm = state.vms[0]?.name ?? '';
	const {kind} = machine;
	const views = viewDomains(machine, state);
	const first = state.transfers.findLast(transfer => transfer.vm === vm);
	return createStore<Ui>(() => ({
		machine,
		kind,
		state,
		tables: state,
		views,
		changed: new Map(),
		view: 'overview',
		focus: firstPanel(kind, 'overview'),
		focusOf: {},
		zoom: false,
		large: false,
		recent: ['console'],
		places: {console: BOTTOM, ...firstPlaces(views, first)},
		form: newForm(vm, machine.lab?.defaultGpa ?? 0),
		last: {},
		verdictAt: {},
		motion: true,
		transferAt: Number.NEGATIVE_INFINITY,
		filters: {},
		sorts: {},
		unfolded: {},
		page: pageOf(first?.iova ?? 0),
		timeline: false,
		message: {
			text:
				machine.greeting ??
				(kind !== 'lab' ? LOOKING : `Press Enter to have ${vm} read the raw disk; press t for a tour.`),
			tone: 'key',
		},
	}));
}

/** The tables open where the first transfer that is shown was looked up, and where its buffer is. */
function firstPlaces(views: readonly DomainView[], first: Transfer | undefined): Ui['places'] {
	if (first?.iova === undefined) return {};
	const placeIn = (view: DomainView | undefined, address: number): Place => {
		const at = view?.ranges.findIndex(range => holds(range, address)) ?? -1;
		return at < 0 ? TOP : {top: Math.max(0, at - 1), cursor: at};
	};
	return {
		host: placeIn(
			views.find(({domain}) => domain.role === 'host'),
			first.iova,
		),
		guest: placeIn(
			views.find(({domain}) => domain.vm !== undefined && domain.vm === first.vm),
			first.command.gpa,
		),
	};
}

const LOOKING = 'Read-only. Press ? for what cannot be seen.';

const firstPanel = (kind: MachineKind, view: ViewId): PanelId => panelsOf(kind, view)?.[0] ?? 'faults';

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

/** The transfer whose path is shown: the last one that the form's guest was asked for, else its last one. */
export function shownTransfer({ofHost, last, form, state, machine}: Ui): Transfer | undefined {
	const latest = state.transfers.findLast(({vm}) => vm === form.vm);
	// A real guest makes its own transfers: the newest is shown.
	return ofHost ?? (machine.lab?.real ? latest : (last[form.vm] ?? latest));
}

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

/** The panel that the last step of a scenario is seen in. */
export function seenIn({play}: Pick<Ui, 'play'>): PanelId | undefined {
	const step = play?.scenario.steps[play.taken.length - 1]?.command.do;
	if (step === undefined) return undefined;
	return step === 'boot' ? 'console' : step === 'policy' || step === 'start' ? 'host' : 'model';
}

const WITHOUT: Record<MachineKind, string> = {
	lab: 'dmascope host --trace has the events of a real kernel',
	tables: 'this machine is read-only',
	host: 'a host’s kernel shows no more',
};

/** Goes to a view, to the panel of it that had the focus before. */
export function show(store: Store, view: ViewId): void {
	const {view: before, kind, focus, focusOf} = store.getState();
	if (panelsOf(kind, view) === undefined) {
		say(store, `No ${view} view here: ${WITHOUT[kind]}.`, 'warn');
		return;
	}
	store.setState({view, zoom: false, overlay: undefined, focusOf: {...focusOf, [before]: focus}});
	if (view !== before) focusOn(store, focusOf[view] ?? firstPanel(kind, view));
}

/** Moves a list to a place. */
export function placeOn(store: Store, panel: keyof Ui['places'], place: Place): void {
	store.setState(({places}) => ({places: {...places, [panel]: place}}));
}
