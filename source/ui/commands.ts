// The one table of commands: it handles keys, and footer and help are made from it.

import {POLICIES} from '../seam/command.js';
import type {Content} from './content.js';
import {commandOf, commitDraft, moveField, stepField} from './form.js';
import {helpPanel} from './help.js';
import {boxOf, layout} from './layout.js';
import {panels} from './panels/index.js';
import {startScenario, takeStep} from './play.js';
import {dispatch, focusOn, moveFocus, type Store, say, type Ui} from './store.js';

export type UiCommand = {
	id: string;
	keys: readonly string[];
	/** As footer and help show the keys. */
	shown: string;
	label: string;
	description: string;
	group: 'Lab' | 'Form' | 'Scenario' | 'Look' | 'dmascope';
	/** Whether the footer has room for it. */
	hint?: boolean;
	/** Where the same keys do different things. */
	when?: (ui: Ui) => boolean;
	run: (store: Store, app: AppControls) => void;
};

/** What only the running program can do. */
export type AppControls = {exit: () => void; suspend: () => void};

export const inForm = ({focus}: Ui): boolean => focus === 'model';
const inScenarios = ({focus, play}: Ui): boolean => focus === 'scenario' && play === undefined;
const inList = (ui: Ui): boolean => ui.help || !inForm(ui);

export const commands: readonly UiCommand[] = [
	{
		id: 'play',
		keys: ['enter'],
		shown: '⏎',
		label: 'play',
		description: 'Start the chosen scenario',
		group: 'Scenario',
		when: inScenarios,
		hint: true,
		run: startScenario,
	},
	{
		id: 'run',
		keys: ['enter'],
		shown: '⏎',
		label: 'run',
		description: 'Run the transfer in the form',
		group: 'Lab',
		when: ui => !inScenarios(ui),
		hint: true,
		run: store => {
			const before = store.getState().form;
			const form = commitDraft(before);
			const command = commandOf(form, store.getState().state.vms);
			store.setState({form});
			if (typeof command === 'string') say(store, command, 'warn');
			// A number that was typed and refused goes again.
			else if (!dispatch(store, command)) store.setState({form: {...before, draft: undefined}});
		},
	},
	{
		id: 'policy',
		keys: ['p'],
		shown: 'p',
		label: 'policy',
		description: 'Next policy; binds ppt0 again',
		group: 'Lab',
		hint: true,
		run: store => {
			const {policy} = store.getState().state;
			if (policy === undefined) return say(store, 'This machine has no policy to switch.', 'warn');
			dispatch(store, {do: 'policy', policy: POLICIES[(POLICIES.indexOf(policy) + 1) % POLICIES.length]});
		},
	},
	{
		id: 'family',
		keys: ['v'],
		shown: 'v',
		label: 'IOMMU',
		description: 'Start anew with VT-d or AMD-Vi',
		group: 'Lab',
		hint: true,
		run: store => {
			const spec = store.getState().machine.lab?.spec;
			if (spec === undefined) return say(store, 'This machine has the IOMMU it has.', 'warn');
			dispatch(store, {do: 'start', machine: {...spec, iommu: spec.iommu === 'vt-d' ? 'amd-vi' : 'vt-d'}});
		},
	},
	{
		id: 'scenarios',
		keys: ['o'],
		shown: 'o',
		label: 'scenarios',
		description: 'Scenarios to play',
		group: 'Scenario',
		hint: true,
		run: store => {
			store.setState(({scroll}) => ({play: undefined, scroll: {...scroll, scenario: 0}}));
			focusOn(store, 'scenario');
		},
	},
	{
		id: 'step',
		keys: ['.'],
		shown: '.',
		label: 'step',
		description: 'The next step of the scenario',
		group: 'Scenario',
		when: ({play}) => play !== undefined,
		hint: true,
		run: takeStep,
	},
	{
		id: 'boot',
		keys: ['r'],
		shown: 'r',
		label: 'reboot',
		description: 'Guest looks for a disk to boot',
		group: 'Lab',
		run: store => void dispatch(store, {do: 'boot', vm: store.getState().form.vm}),
	},
	{
		id: 'guest',
		keys: ['n'],
		shown: 'n',
		label: 'guest',
		description: 'The next guest',
		group: 'Form',
		hint: true,
		run: store => {
			store.setState(({form, state, scroll}) => ({
				form: {...stepField({...commitDraft(form), chosen: 'vm'}, 1, state.vms), chosen: form.chosen},
				scroll: {...scroll, console: Number.MAX_SAFE_INTEGER},
			}));
			const {vm} = store.getState().form;
			say(store, `${vm}: Enter runs the transfer in the form.`, 'key');
		},
	},
	{
		id: 'previous-field',
		keys: ['left', 'h'],
		shown: '←',
		label: 'field',
		description: 'The field to the left',
		group: 'Form',
		when: inForm,
		run: store => store.setState(({form}) => ({form: moveField(form, -1)})),
	},
	{
		id: 'next-field',
		keys: ['right', 'l'],
		shown: '→',
		label: 'field',
		description: 'The field to the right',
		group: 'Form',
		when: inForm,
		run: store => store.setState(({form}) => ({form: moveField(form, 1)})),
	},
	{
		id: 'more',
		keys: ['up', 'k'],
		shown: '↑',
		label: 'more',
		description: 'More; digits type a number',
		group: 'Form',
		when: inForm,
		run: store => step(store, 1),
	},
	{
		id: 'less',
		keys: ['down', 'j'],
		shown: '↓',
		label: 'less',
		description: 'Less',
		group: 'Form',
		when: inForm,
		run: store => step(store, -1),
	},
	scrollCommand('up', ['up', 'k'], '↑', 'Scroll up', at => at - 1),
	scrollCommand('down', ['down', 'j'], '↓', 'Scroll down', at => at + 1),
	scrollCommand('page-up', ['pageup'], 'PgUp', 'A page up', (at, page) => at - page),
	scrollCommand('page-down', ['pagedown'], 'PgDn', 'A page down', (at, page) => at + page),
	scrollCommand('top', ['home', 'g'], 'g', 'To the top', () => 0),
	scrollCommand('bottom', ['end', 'G'], 'G', 'To the end', () => Number.MAX_SAFE_INTEGER),
	{
		id: 'next-panel',
		keys: ['tab'],
		shown: 'Tab',
		label: 'panel',
		description: 'The next panel',
		group: 'Look',
		hint: true,
		run: store => moveFocus(store, 1),
	},
	{
		id: 'previous-panel',
		keys: ['shift-tab'],
		shown: 'S-Tab',
		label: 'back',
		description: 'The previous panel',
		group: 'Look',
		run: store => moveFocus(store, -1),
	},
	{
		id: 'form',
		keys: ['escape'],
		shown: 'Esc',
		label: 'back',
		description: 'Back to the form, out of help',
		group: 'Look',
		run: store => {
			const {help, form} = store.getState();
			if (help) store.setState({help: false});
			else store.setState({form: {...form, draft: undefined}});
			if (!help) focusOn(store, 'model');
		},
	},
	{
		id: 'help',
		keys: ['?'],
		shown: '?',
		label: 'help',
		description: 'What every key does',
		group: 'dmascope',
		hint: true,
		run: store => store.setState(({help}) => ({help: !help, helpAt: 0})),
	},
	{
		id: 'suspend',
		keys: ['ctrl-z'],
		shown: '^Z',
		label: 'suspend',
		description: 'Back to the shell; fg returns',
		group: 'dmascope',
		run: (_store, app) => app.suspend(),
	},
	{
		id: 'quit',
		keys: ['q', 'ctrl-c'],
		shown: 'q',
		label: 'quit',
		description: 'Leave',
		group: 'dmascope',
		hint: true,
		run: (_store, app) => app.exit(),
	},
];

function scrollCommand(
	id: string,
	keys: readonly string[],
	shown: string,
	description: string,
	move: (at: number, page: number) => number,
): UiCommand {
	return {
		id,
		keys,
		shown,
		label: 'scroll',
		description,
		group: 'Look',
		when: inList,
		run: store => {
			const ui = store.getState();
			const {focus, size, scroll, choice} = ui;
			if (ui.help)
				return store.setState({
					helpAt: scrolled(helpPanel(commands, size.columns - 2), size.rows - 3, ui.helpAt, move),
				});
			if (inScenarios(ui)) return choose(store, move(choice, 3));
			const box = boxOf(layout(size.columns, size.rows, ui.recent), focus);
			if (box === undefined) return;
			const content = panels[focus](ui, box.width - 2, box.height - 2);
			store.setState({scroll: {...scroll, [focus]: scrolled(content, box.height, scroll[focus], move)}});
		},
	};
}

/** The first row in sight after a move, in a box of a given height. */
function scrolled(
	{head, count}: Content,
	height: number,
	at: number,
	move: (at: number, page: number) => number,
): number {
	const page = Math.max(1, height - 2 - head.length);
	const last = Math.max(0, count - page);
	return Math.min(Math.max(0, move(Math.min(at, last), page)), last);
}

/** Among the scenarios, those above the chosen one take a row each. */
function choose(store: Store, at: number): void {
	const last = (store.getState().machine.lab?.scenarios.list().length ?? 1) - 1;
	const choice = Math.min(last, Math.max(0, at));
	store.setState(({scroll}) => ({choice, scroll: {...scroll, scenario: Math.max(0, choice - 1)}}));
}

function step(store: Store, by: 1 | -1): void {
	const {state, form: before} = store.getState();
	const form = stepField(before, by, state.vms);
	store.setState({form});
	const {disk} = state;
	if (form.op !== before.op && form.op === 'write' && disk?.writable && !disk.sample) {
		say(store, `Enter now overwrites ${disk.path}, from LBA ${form.lba} on.`, 'warn');
	}
}
