// What is done to the machine.

import {POLICIES} from '../../machine/command.js';
import {dispatch, dispatchForm} from '../state/dispatch.js';
import {commandOf, commitDraft, stepField} from '../state/form.js';
import {BOTTOM} from '../state/list.js';
import {say} from '../state/store.js';
import {type UiCommand, withLab} from './command.js';

export const labCommands: readonly UiCommand[] = [
	{
		id: 'run',
		keys: ['enter'],
		shown: '⏎',
		label: 'run',
		description: 'Run the transfer in the form',
		group: 'Lab',
		hint: 10,
		place: 'form',
		when: ({focus}) => focus === 'model' || focus === 'buffer',
		why: withLab,
		run: store => {
			const before = store.getState().form;
			const form = commitDraft(before);
			const command = commandOf(form, store.getState().state.vms);
			store.setState({form});
			if (typeof command === 'string') say(store, command, 'warn');
			// A number that was typed and refused goes again.
			else if (!dispatchForm(store, command)) store.setState({form: {...before, draft: undefined}});
		},
	},
	{
		id: 'policy',
		keys: ['p'],
		shown: 'p',
		label: 'policy',
		description: 'Switch to the next policy; rebinds passthru devices',
		group: 'Lab',
		hint: 9,
		why: withLab,
		run: store => {
			const {policy = 'remove'} = store.getState().state;
			dispatch(store, {do: 'policy', policy: POLICIES[(POLICIES.indexOf(policy) + 1) % POLICIES.length]});
		},
	},
	{
		id: 'family',
		keys: ['v'],
		shown: 'v',
		label: 'IOMMU',
		description: 'Restart the machine with VT-d or AMD-Vi',
		group: 'Lab',
		hint: 4,
		why: withLab,
		run: store => {
			const spec = store.getState().machine.lab?.spec;
			if (spec)
				dispatch(store, {do: 'start', machine: {...spec, iommu: spec.iommu === 'vt-d' ? 'amd-vi' : 'vt-d'}});
		},
	},
	{
		id: 'boot',
		keys: ['r'],
		shown: 'r',
		label: 'reboot',
		description: 'Have the guest look for a disk to boot',
		group: 'Lab',
		why: ui => withLab(ui) ?? (ui.form.vm === '' ? 'There is no guest.' : undefined),
		run: store => void dispatch(store, {do: 'boot', vm: store.getState().form.vm}),
	},
	{
		id: 'guest',
		keys: ['n'],
		shown: 'n',
		label: 'guest',
		description: 'Select the next guest',
		group: 'Lab',
		hint: 5,
		why: withLab,
		run: store => {
			store.setState(({form, state, places}) => ({
				form: {...stepField({...commitDraft(form), chosen: 'vm'}, 1, state.vms), chosen: form.chosen},
				ofHost: undefined,
				places: {...places, console: BOTTOM},
			}));
			const {vm} = store.getState().form;
			say(store, vm === '' ? 'There is no guest.' : `${vm}: Enter in the form runs its transfer.`, 'key');
		},
	},
];
