import {type Row, wrap} from '../rows.js';
import {type List, list} from '../state/list.js';
import type {Ui} from '../state/store.js';

/** The console of the guest that the form names. */
export function consolePanel({state, form}: Ui, width: number): List {
	const lines = state.vms.find(({name}) => name === form.vm)?.console ?? [];
	const rows = lines.flatMap((line): Row[] => {
		const tone = line === 'no bootable disk' ? 'bad' : 'plain';
		return wrap(line, width - 2).map(part => [' ', [part, tone]]);
	});
	return list(`CONSOLE ${form.vm}`, rows);
}
