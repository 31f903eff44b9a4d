// From key presses and pastes to what is typed, and to commands.

import {UNPRINTABLE} from '../printable.js';
import {type AppControls, runCommand} from './commands/command.js';
import {commands, possible} from './commands/index.js';
import {accepts, commitDraft, edit, type} from './form.js';
import {fits} from './layout.js';
import {MOST_TYPED, typed} from './prompt.js';
import type {Store} from './store.js';

/** What a key press does: what is being typed first, then the table. */
export function press(store: Store, key: string, app: AppControls): void {
	const ui = store.getState();
	const types = fits(ui.size) && ui.travel === undefined;
	if (types && ui.prompt && typed(store, key, app)) return;
	if (types && ui.overlay === undefined && accepts(ui.form, key)) {
		store.setState({form: type(ui.form, key)});
		return;
	}
	const command = commands.find(other => other.keys.includes(key) && possible(other, ui, fits(ui.size)));
	// What was typed is taken before anything else happens, but Escape drops it.
	const typing = ui.form.draft !== undefined && !command?.terminal;
	if (typing && key !== 'escape' && key !== 'enter') store.setState({form: commitDraft(ui.form)});
	if (command) runCommand(command, store, app);
}

/** Pasted text is typed: into the line that is open, or as a number into the chosen field. It never runs commands. */
export function paste(store: Store, text: string, app: AppControls): void {
	const line = text.replace(UNPRINTABLE, ' ').trim().replace(/\s+/g, ' ').slice(0, MOST_TYPED);
	const {prompt, focus, overlay, form, travel} = store.getState();
	if (travel !== undefined) return;
	if (prompt) {
		for (const char of line) typed(store, char, app);
	} else if (focus === 'model' && overlay === undefined) {
		store.setState({form: form.draft === undefined ? edit(form) : form});
		for (const char of line) {
			const {form: now} = store.getState();
			if (accepts(now, char)) store.setState({form: type(now, char)});
		}
	}
}
