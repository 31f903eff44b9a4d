// Playing a scenario on screen: its machine is started, and its steps are taken one by one.

import type {Outcome} from '../seam/command.js';
import type {Scenario, Step} from '../seam/play.js';
import {messageOf, UserError} from '../user-error.js';
import {BOTTOM, dispatch, focusOn, type Store, say, show, TOP} from './store.js';

/** How a step that was taken went: what came of it, and what of its expectations did not come true. */
export type Taken = {outcome: Outcome; unmet: readonly string[]};
export type Play = {scenario: Scenario; taken: readonly Taken[]};

export const nextStep = ({scenario, taken}: Play): Step | undefined => scenario.steps[taken.length];

/** Starts the scenario that is chosen in the list. */
export function startChosen(store: Store): void {
	const {machine, places} = store.getState();
	const chosen = machine.lab?.scenarios.list()[places.scenario?.cursor ?? 0];
	if (chosen) startScenario(store, chosen.name);
}

export function startScenario(store: Store, name: string): void {
	const scenario = load(store, name);
	if (scenario === undefined) return;
	if (dispatch(store, {do: 'start', machine: scenario.machine}) === undefined) return;
	store.setState(({places: known}) => ({play: {scenario, taken: []}, places: {...known, scenario: TOP}}));
	show(store, 'overview');
	focusOn(store, 'scenario');
	say(store, `${scenario.name}: . takes the next of its ${scenario.steps.length} steps.`, 'key');
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
	show(store, 'overview');
	focusOn(store, 'scenario');
}
