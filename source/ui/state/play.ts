// Playing a scenario on screen: its machine is started, and its steps are taken one by one.

import type {History, Travel} from '../../machine/history.js';
import type {Scenario, Step} from '../../machine/scenario.js';
import {messageOf, UserError} from '../../user-error.js';
import {dispatch} from './dispatch.js';
import {BOTTOM, TOP} from './list.js';
import {focusOn, type Play, type Store, say, show} from './store.js';
import {goTo, travelTo} from './time.js';

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
	const {history} = store.getState().machine.lab ?? {};
	const start = history?.at ?? 0;
	store.setState(({places}) => ({
		play: {scenario, start, before: history?.step(start)?.id, taken: [], presented},
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
function backOnPath(store: Store, play: Play): boolean {
	const {scenario, start, before, taken} = play;
	const history = store.getState().machine.lab?.history;
	if (history === undefined) return false;
	if (history.step(start)?.id !== before) {
		store.setState({play: undefined});
		say(store, `The session has left ${scenario.name} from before its beginning; o starts it again.`, 'warn');
		return true;
	}
	// Who has gone back and done something else has taken the place of steps.
	const other = taken.findIndex(({id}, i) => history.step(start + i + 1)?.id !== id);
	if (history.at === start + taken.length && other < 0) return false;
	const left = other < 0 ? taken.length : other;
	travelTo(store, backTo(history, start + left, scenario.steps.slice(left, taken.length)), () => {
		const again = taken.map((step, i) => ({...step, id: history.step(start + i + 1)?.id}));
		store.setState({play: {...play, taken: again}, timeline: false});
		say(store, `Back where the path was left, after step ${taken.length}.`, 'key');
		toScenario(store);
	});
	return true;
}

/** To the last step on the path that is still there, and the others once more. */
function* backTo(history: History, at: number, steps: readonly Step[]): Travel {
	const differs = yield* history.travel(at);
	yield* history.replay(steps);
	return differs;
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
	if (taken.length === 0) {
		say(store, `This is where ${play.scenario.name} begins.`, 'key');
		toScenario(store);
		return;
	}
	goTo(store, start + taken.length - 1, () => {
		store.setState(({places}) => ({
			play: {...play, taken: taken.slice(0, -1)},
			timeline: false,
			places: {...places, scenario: BOTTOM},
		}));
		toScenario(store);
	});
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
	const {history, scenarios} = machine.lab;
	const id = history?.step(history.at)?.id;
	const taken = [...play.taken, {id, outcome, unmet: scenarios.unmet(step, outcome, earlier)}];
	store.setState(({places}) => ({play: {...play, taken}, places: {...places, scenario: BOTTOM}}));
	if ('vm' in step.command) {
		const {vm} = step.command;
		store.setState(({form, state}) => ({
			form: {...form, vm: state.vms.some(({name}) => name === vm) ? vm : form.vm},
		}));
	}
	toScenario(store);
}
