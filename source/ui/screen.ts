// The whole screen as lines: a header with the views, panels where the view puts them, a message or what is typed,
// and hints.

import {footer, header, messageLine} from './frame.js';
import {fits, LEAST_COLUMNS, LEAST_ROWS, panelRows} from './layout.js';
import {overlayPanel} from './overlay.js';
import {panelLines} from './panel.js';
import {panels} from './panels/index.js';
import {boxes} from './place.js';
import {type Line, paint, wrap} from './rows.js';
import {greyed} from './state/list.js';
import type {Ui} from './state/store.js';
import {timelineRow} from './state/time.js';

/** A line for every row of the terminal, none wider than it. */
export function screenLines(ui: Ui): Line[] {
	const {columns, rows} = ui.size;
	if (!fits(ui.size)) {
		const sentence = `dmascope needs ${LEAST_COLUMNS}×${LEAST_ROWS}, and this terminal is ${columns}×${rows}: make it larger, or q to quit.`;
		return wrap(sentence, columns)
			.slice(0, rows)
			.map(line => paint([line.trim()], columns));
	}
	return [
		paint(header(ui), columns),
		...(ui.overlay ? overlayLines(ui) : boxLines(ui)),
		...(ui.timeline ? [paint(timelineRow(ui), columns)] : []),
		paint(messageLine(ui), columns),
		paint(footer(ui), columns),
	];
}

function overlayLines(ui: Ui): Line[] {
	const {columns} = ui.size;
	const {name, content} = overlayPanel(ui, columns - 2);
	return panelLines(content, {
		width: columns,
		height: panelRows(ui.size, ui.timeline),
		place: ui.places[name],
		focused: true,
	});
}

/** Panels that stand side by side share their lines. */
const boxLines = (ui: Ui): Line[] =>
	boxes(ui).flatMap(row => {
		const beside = row.map(({panel, width, height, behind}) => {
			const content = panels[panel](ui, width - 2, height - 2);
			return panelLines(ui.state.lost ? greyed(content) : content, {
				width,
				height,
				place: ui.places[panel],
				focused: panel === ui.focus,
				behind,
			});
		});
		return beside[0].map((_, y) => beside.flatMap(lines => lines[y]));
	});
