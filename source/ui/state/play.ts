// Playing a scenario on screen: its machine is started, and its steps are taken one by one.

import type {Scenario, Step} from '../../machine/scenario.js';
import {messageOf, UserError} from '../../user-error.js';
import {dispatch} from './dispatch.js';
import {BOTTOM, TOP} from './list.js';
import {focusOn, type Play, type Store, say, show} from './store.js';
import {goTo} from './time.js';

export const nextStep = ({scenario, taken}: Play): Step | undefined => scenario.steps[taken.length];

export function startScenario(store: Store, name: string): void {
	const scenario = load(store, name);
	if (scenario === undefined) return;
	if (dispatch(store, {do: 'start', machine: scenario.machine}) === undefined) return;
	play(store, scenario, false);
	say(store, `${scenario.name}: . takes the next of its ${scenario.steps.length} steps.`, 'key');
}

/** The machine is the scenario's by now. */
export function play(store: Store, scenario: Scenario, presented: boolean): void {
	const {entries = [], at: start = 0} = store.getState().machine.lab?.history ?? {};
	store.setState(({places}) => ({
		play: {scenario, start, before: entries[start - 1], taken: [], presented},
		places: {...places, scenario: TOP},
	}));
	toScenario(store);
	if (presented)
		say(store, 'Space takes the first step, and so does PgDn of a clicker; PgUp goes back.', 'key');
}

/**
 * Where somebody has left the scenario's path, to try something, the machine goes back to where that was.
 * @returns whether it had been left
 */
function backOnPath(store: Store, {scenario, start, before, taken}: Play): boolean {
	const history = store.getState().machine.lab?.history;
	if (history === undefined) return false;
	const {entries} = history;
	if (entries[start - 1] !== before) {
		store.setState({play: undefined});
		say(store, `The session has left ${scenario.name} from before its beginning; o starts it again.`, 'warn');
		return true;
	}
	// Who has gone back and done something else has taken the place of steps.
	const other = taken.findIndex((_, i) => entries[start + i]?.command !== scenario.steps[i].command);
	const there = other < 0 ? taken.length : other;
	if (history.at === start + there && other < 0) return false;
	if (!goTo(store, start + there)) return true;
	for (const {command} of scenario.steps.slice(there, taken.length)) dispatch(store, command);
	store.setState({timeline: false});
	say(store, `Back where the path was left, after step ${taken.length}.`, 'key');
	toScenario(store);
	return true;
}

function toScenario(store: Store): void {
	show(store, 'overview');
	focusOn(store, 'scenario');
}

/** Undoes the last step that was taken. */
export function stepBack(store: Store): void {
	const {play} = store.getState();
	if (play === undefined || backOnPath(store, play)) return;
	const {start, taken} = play;
	if (taken.length === 0) say(store, `This is where ${play.scenario.name} begins.`, 'key');
	else if (goTo(store, start + taken.length - 1)) {
		store.setState(({places}) => ({
			play: {...play, taken: taken.slice(0, -1)},
			timeline: false,
			places: {...places, scenario: BOTTOM},
		}));
	}
	toScenario(store);
}

/** One that does not fit this disk is refused, and that is said. */
function load(store: Store, name: string): Scenario | undefined {
	try {
		return store.getState().machine.lab?.scenarios.load(name);
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
		say(store, messageOf(error), 'warn');
		return undefined;
	}
}

/** Takes the next step. One that starts the machine anew goes on with the same scenario. */
export function takeStep(store: Store): void {
	const {machine, play} = store.getState();
	if (machine.lab === undefined || play === undefined) return;
	if (backOnPath(store, play)) return;
	const step = nextStep(play);
	if (step === undefined) {
		say(store, `${play.scenario.name} has ended; o lists the scenarios.`, 'key');
		return;
	}
	const outcome = dispatch(store, step.command);
	if (outcome === undefined) return;
	const earlier = play.taken.map(({outcome}) => outcome);
	const taken = [...play.taken, {outcome, unmet: machine.lab.scenarios.unmet(step, outcome, earlier)}];
	store.setState(({places}) => ({play: {...play, taken}, places: {...places, scenario: BOTTOM}}));
	if ('vm' in step.command) {
		const {vm} = step.command;
		store.setState(({form, state}) => ({
			form: {...form, vm: state.vms.some(({name}) => name === vm) ? vm : form.vm},
		}));
	}
	toScenario(store);
}
