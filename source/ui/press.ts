// From key presses and pastes to the form and to commands.

import {type AppControls, commands, inForm, type UiCommand} from './commands.js';
import {accepts, type} from './form.js';
import {fits} from './layout.js';
import type {Store, Ui} from './store.js';

const inHelp = ['help', 'form', 'suspend', 'quit', 'up', 'down', 'page-up', 'page-down', 'top', 'bottom'];
const whenTooSmall = ['suspend', 'quit'];

/** Whether a command means anything now: with the help open, or on a screen too small to show a thing, few do. */
export function possible({id, when}: UiCommand, ui: Ui): boolean {
	if (!fits(ui.size)) return whenTooSmall.includes(id);
	return ui.help ? inHelp.includes(id) : (when?.(ui) ?? true);
}

/** What a key press does: typing in the form first, then the table. */
export function press(store: Store, key: string, app: AppControls): void {
	const ui = store.getState();
	if (inForm(ui) && !ui.help && fits(ui.size) && accepts(ui.form, key)) {
		store.setState({form: type(ui.form, key)});
		return;
	}
	commands.find(command => command.keys.includes(key) && possible(command, ui))?.run(store, app);
}

/** Pasted text is a number for the chosen field, or nothing: it never runs commands. */
export function paste(store: Store, text: string): void {
	for (const key of text.trim()) {
		const ui = store.getState();
		if (inForm(ui) && !ui.help && accepts(ui.form, key)) store.setState({form: type(ui.form, key)});
	}
}
