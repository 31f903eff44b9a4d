import {type Content, list} from '../content.js';
import type {Ui} from '../store.js';

/** The console of the guest that the form names. */
export function consolePanel({state, form}: Ui): Content {
	const lines = state.vms.find(({name}) => name === form.vm)?.console ?? [];
	return list(
		`CONSOLE ${form.vm}`,
		lines.map(line => [line === 'no bootable disk' ? [line, 'bad'] : line]),
	);
}
