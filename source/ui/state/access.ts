// The accesses that rows stand for, and how their walks are opened.

import type {Device} from '../../machine/observed.js';
import type {Transfer} from '../../machine/transfer.js';
import {type Access, type Store, show, type Ui} from './store.js';
import {panelsOf} from './views.js';

/** Whether a machine has tables to walk; a host's may not be seen. */
export const canWalk = ({kind, state}: Pick<Ui, 'kind' | 'state'>): boolean =>
	panelsOf(kind, 'walk') !== undefined && (kind !== 'host' || state.unit !== undefined);

export function openWalk(store: Store, access: Access): void {
	store.setState({access});
	show(store, 'walk');
}

/** A transfer's first access to memory; undefined if it came to none. */
export function accessOfTransfer(
	{command, device: name, iova}: Transfer,
	devices: readonly Device[],
): Access | undefined {
	const device = devices.find(each => each.name === name);
	if (device === undefined || iova === undefined) return undefined;
	// A guest's read is a write to its memory.
	const write = command.do === 'dma' ? command.access === 'write' : command.do === 'read';
	return {rid: device.rid, iova, write};
}
