// The diagram of what is shown: the walk that is looked up, or the path of the last transfer.

import {explainWalk} from '../explain/walk.js';
import type {Palette} from '../picture/palette.js';
import {pathDiagram} from '../picture/path-diagram.js';
import {walkDiagram} from '../picture/walk-diagram.js';
import {UserError} from '../user-error.js';
import {accessOf} from './hooks/use-walk.js';
import {shownTransfer, type Ui} from './state/store.js';
import type {DiagramId} from './state/views.js';

/** What a view is about: a walk, or a transfer's path. */
export const diagramFor = ({view}: Pick<Ui, 'view'>): DiagramId =>
	view === 'overview' || view === 'transfers' || view === 'compare' ? 'path' : 'walk';

/** As SVG. @throws UserError where there is nothing to draw */
export function diagramOf(ui: Ui, id: DiagramId, palette: Palette): string {
	const {machine, tables, state} = ui;
	if (id === 'path') {
		const transfer = shownTransfer(ui);
		if (transfer === undefined) throw new UserError('No transfer has been made; run one first.');
		return pathDiagram(state, transfer, palette);
	}
	const access = accessOf(ui);
	if (access === undefined) throw new UserError('This machine has no device whose walk could be drawn.');
	const device = tables.devices.find(({rid}) => rid === access.rid)?.name ?? 'unknown';
	const walk = explainWalk(machine.memory, tables, access.rid, access.iova, access.write);
	return walkDiagram({walk, device}, palette);
}
