// The console of a guest that really runs: whoever has entered it types into the guest, until Ctrl-].

import {BOTTOM} from './list.js';
import {placeOn, type Store, say} from './store.js';

/** Ctrl-], as for telnet and virsh console. */
const LEAVE = '\x1d';
/** What a terminal puts around a paste. */
const ESC = '\x1b';
const PASTE = new RegExp(`${ESC}\\[20[01]~`, 'g');

export function startTyping(store: Store): void {
	const {form, state} = store.getState();
	if (state.lost) {
		say(store, `${form.vm} is gone.`, 'warn');
		return;
	}
	store.setState({typing: true});
	placeOn(store, 'console', BOTTOM);
	say(store, `Keys go to ${form.vm}; Ctrl-] leaves.`, 'key');
}

/** Hands keys to the guest. @returns those that are for the dashboard */
export function typeIntoGuest(store: Store, keys: string): string {
	const {typing, machine, state, form} = store.getState();
	if (typing !== true || keys === '') return keys;
	const end = state.lost ? 0 : keys.indexOf(LEAVE);
	machine.lab?.guest?.type(keys.slice(0, end < 0 ? keys.length : end).replaceAll(PASTE, ''));
	placeOn(store, 'console', BOTTOM);
	if (end < 0) return '';
	store.setState({typing: false});
	say(store, `Keys are for dmascope again; Enter in CONSOLE types into ${form.vm}.`, 'key');
	return keys.slice(state.lost ? 0 : end + 1);
}
