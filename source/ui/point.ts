// What the mouse does: a press focuses the panel under it and chooses its row, the wheel moves in it.

import type {Box} from './layout.js';
import {panels} from './panels/index.js';
import {boxes} from './place.js';
import {moved, settle, TOP} from './state/list.js';
import {focusOn, type Store, type Ui} from './state/store.js';
import type {MouseEvent} from './terminal/mouse.js';

/** Rows that a turn of the wheel moves. */
const WHEEL = 3;
/** The header. */
const ABOVE = 1;

export function point(store: Store, event: MouseEvent): void {
	const ui = store.getState();
	if (ui.overlay !== undefined || ui.prompt !== undefined) return;
	const found = boxAt(ui, event.x, event.y);
	if (found === undefined) return;
	const {box, row} = found;
	const content = panels[box.panel](ui, box.width - 2, box.height - 2);
	const place = ui.places[box.panel] ?? TOP;
	if (event.kind === 'wheel') {
		const by = event.up ? -WHEEL : WHEEL;
		const next = moved(content, box.height, place, at => at + by);
		store.setState({places: {...ui.places, [box.panel]: next}});
		return;
	}
	if (box.panel !== ui.focus) focusOn(store, box.panel);
	const {top} = settle(content, box.height, place);
	const index = top + row - 1 - content.head.length;
	if (content.selects && index >= top && index < content.count)
		store.setState({places: {...ui.places, [box.panel]: {top, cursor: index}}});
}

/** The panel at a place of the screen, and the row of it, its border being row 0. */
function boxAt(ui: Ui, x: number, y: number): {box: Box; row: number} | undefined {
	let top = ABOVE;
	for (const line of boxes(ui)) {
		if (y >= top && y < top + line[0].height) {
			let left = 0;
			for (const box of line) {
				if (x < left + box.width) return {box, row: y - top};
				left += box.width;
			}
			return undefined;
		}
		top += line[0].height;
	}
	return undefined;
}
