// Which panels are on the screen now, and where: the view's, or one alone where it is zoomed or the screen is small.

import {type Box, isRoomy, type PanelId, panelRows} from './layout.js';
import {largeOverview, talkOverview} from './overview.js';
import type {Play} from './state/play.js';
import type {Ui} from './state/store.js';
import {viewIn} from './state/views.js';

type Placed = Pick<
	Ui,
	'view' | 'kind' | 'focus' | 'zoom' | 'large' | 'size' | 'recent' | 'timeline' | 'play'
>;

export function boxes(ui: Placed): Box[][] {
	const {view, kind, focus, zoom, large, size, recent, timeline, play} = ui;
	const rows = panelRows(size, timeline);
	if (!zoom && isRoomy(size)) {
		if (play?.presented && view === 'overview')
			return talkOverview(size.columns, rows, focus, besideIn(play));
		if (large && kind === 'lab' && view === 'overview')
			return largeOverview(size.columns, rows, focus, recent);
		return viewIn(ui).layout(size.columns, rows, recent);
	}
	const behind = zoom ? [] : viewIn(ui).panels.filter(panel => panel !== focus);
	return [[{panel: focus, width: size.columns, height: rows, behind}]];
}

/** What a step is seen in, beside the device model: a boot on the console, all else in the tables. */
const besideIn = ({scenario, taken}: Play): PanelId =>
	scenario.steps[taken.length - 1]?.command.do === 'boot' ? 'console' : 'host';

export const boxOf = (ui: Placed, panel: PanelId): Box | undefined =>
	boxes(ui)
		.flat()
		.find(box => box.panel === panel);
