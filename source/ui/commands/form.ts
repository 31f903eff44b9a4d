// The form of the device model, where it has the focus.

import {edit, moveField, stepField} from '../state/form.js';
import {type Store, say, type Ui} from '../state/store.js';
import type {UiCommand} from './command.js';

const inForm = ({focus}: Ui): boolean => focus === 'model';

export const formCommands: readonly UiCommand[] = [
	{
		id: 'previous-field',
		keys: ['left', 'h'],
		shown: '←',
		label: 'field',
		description: 'Select the field to the left',
		group: 'Form',
		place: 'form',
		when: inForm,
		run: store => store.setState(({form}) => ({form: moveField(form, -1)})),
	},
	{
		id: 'next-field',
		keys: ['right', 'l'],
		shown: '→',
		label: 'field',
		description: 'Select the field to the right',
		group: 'Form',
		place: 'form',
		when: inForm,
		run: store => store.setState(({form}) => ({form: moveField(form, 1)})),
	},
	{
		id: 'more',
		keys: ['up', 'k'],
		shown: '↑',
		label: 'more',
		description: 'Increase the value',
		group: 'Form',
		place: 'form',
		when: inForm,
		run: store => step(store, 1),
	},
	{
		id: 'less',
		keys: ['down', 'j'],
		shown: '↓',
		label: 'less',
		description: 'Decrease the value',
		group: 'Form',
		place: 'form',
		when: inForm,
		run: store => step(store, -1),
	},
	{
		id: 'edit',
		keys: ['e', 'backspace'],
		shown: 'e',
		label: 'edit',
		description: 'Type a number into the field (GPA in hex)',
		group: 'Form',
		hint: 3,
		place: 'form',
		when: inForm,
		run: store => store.setState(({form}) => ({form: edit(form)})),
	},
];

function step(store: Store, by: 1 | -1): void {
	const {state, form: before} = store.getState();
	const form = stepField(before, by, state.vms);
	store.setState({form});
	const {disk} = state;
	if (form.op !== before.op && form.op === 'write' && disk?.writable && !disk.sample) {
		say(store, `Enter now overwrites ${disk.path}, from LBA ${form.lba} on.`, 'warn');
	}
}
