// From key presses and pastes to what is typed, and to commands.

import {UNPRINTABLE} from '../../printable.js';
import {accepts, commitDraft, edit, type} from '../state/form.js';
import {type Store, say, type Ui} from '../state/store.js';
import {panelsOf, VIEWS} from '../state/views.js';
import {type AppControls, runCommand} from './command.js';
import {commands, isAvailable} from './index.js';
import {handlePromptKey, MOST_TYPED} from './prompt.js';

/** What a key press does: what is being typed first, then the table. */
export function handleKey(store: Store, key: string, app: AppControls): void {
	// Any key skips the packet to its end, and does what it does.
	if (store.getState().packet !== undefined) store.setState({packet: undefined});
	const ui = store.getState();
	const large = app.fits();
	const types = large && ui.travel === undefined;
	if (types && ui.prompt && handlePromptKey(store, key, app)) return;
	if (types && ui.overlay === undefined && (accepts(ui.form, key) || beginsNumber(ui, key))) {
		const begins = ui.form.draft === undefined;
		store.setState({form: type(begins ? edit(ui.form) : ui.form, key)});
		if (begins) say(store, `Typing a number; Esc drops it.${viewHint(ui, key)}`, 'key');
		return;
	}
	const opens = app.list()?.handle.enter !== undefined;
	const command = commands.find(other => other.keys.includes(key) && isAvailable(other, ui, large, opens));
	// What was typed is taken before anything else happens, but Escape drops it.
	const typing = ui.form.draft !== undefined && !command?.terminal;
	if (typing && key !== 'escape' && key !== 'enter') store.setState({form: commitDraft(ui.form)});
	if (command) runCommand(command, store, app);
}

/** A digit goes into the chosen field of the form, where that is a number. */
const beginsNumber = ({focus, view, form}: Ui, key: string): boolean =>
	focus === 'model' && view === 'overview' && accepts(edit(form), key) && /^[0-9]$/.test(key);

/** Who meant a view and not a number. */
function viewHint({kind}: Ui, key: string): string {
	const view = VIEWS[Number(key) - 1];
	return view && panelsOf(kind, view) ? ` Alt-${key} opens ${view}.` : '';
}

/** Pasted text is typed: into the line that is open, or as a number into the chosen field. It never runs commands. */
export function paste(store: Store, text: string, app: AppControls): void {
	const line = text.replace(UNPRINTABLE, ' ').trim().replace(/\s+/g, ' ').slice(0, MOST_TYPED);
	const {prompt, focus, overlay, form, travel} = store.getState();
	if (travel !== undefined) return;
	if (prompt) {
		for (const char of line) handlePromptKey(store, char, app);
	} else if (focus === 'model' && overlay === undefined) {
		store.setState({form: form.draft === undefined ? edit(form) : form});
		for (const char of line) {
			const {form: now} = store.getState();
			if (accepts(now, char)) store.setState({form: type(now, char)});
		}
	}
}
