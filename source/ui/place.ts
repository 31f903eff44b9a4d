// Which panels are on the screen now, and where: the view's, or one alone where it is zoomed or the screen is small.

import {type Box, FRAME, isRoomy, type PanelId} from './layout.js';
import {largeOverview} from './overview.js';
import type {Ui} from './store.js';
import {views} from './views.js';

type Placed = Pick<Ui, 'view' | 'focus' | 'zoom' | 'large' | 'size' | 'recent'>;

export function boxes({view, focus, zoom, large, size, recent}: Placed): Box[][] {
	const rows = size.rows - FRAME;
	if (!zoom && isRoomy(size)) {
		if (large && view === 'overview') return largeOverview(size.columns, rows, focus, recent);
		return views[view].layout(size.columns, rows, recent);
	}
	const behind = zoom ? [] : views[view].panels.filter(panel => panel !== focus);
	return [[{panel: focus, width: size.columns, height: rows, behind}]];
}

export const boxOf = (ui: Placed, panel: PanelId): Box | undefined =>
	boxes(ui)
		.flat()
		.find(box => box.panel === panel);
