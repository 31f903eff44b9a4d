// A bordered panel as lines.

import {bottomBorder, type Line, paint, type Row, topBorder} from './rows.js';
import {type Content, type Place, pageOf, settle, TOP} from './state/list.js';

type Frame = {
	readonly width: number;
	readonly height: number;
	readonly place?: Place;
	readonly focused: boolean;
	/** Panels that Tab shows in this place. */
	readonly behind?: readonly string[];
};

/** As many lines as the panel is high, each exactly as wide. */
export function panelLines(
	content: Content,
	{width, height, place = TOP, focused, behind = []}: Frame,
): Line[] {
	const {title, head, count, row, lit, selects} = content;
	const inner = width - 2;
	const page = pageOf(content, height);
	const {top, cursor} = settle(content, height, place);
	const shown = Math.max(0, Math.min(page, count - top));
	const tone = focused ? 'focus' : 'border';
	const bar = paint([['│', tone]], 1);
	const line = (text: Row, whole?: 'chosen' | 'changed'): Line => [
		...bar,
		...paint(text, inner, whole),
		...bar,
	];
	const rows = [
		...head.map(fixed => line(fixed)),
		...Array.from({length: shown}, (_, i) => {
			const index = top + i;
			const mark = selects && focused && index === cursor ? 'chosen' : lit?.(index) ? 'changed' : undefined;
			return line(row(index), mark);
		}),
	].slice(0, height - 2);
	while (rows.length < height - 2) rows.push(line([]));
	const where = count > page ? `${top + 1}–${top + shown} of ${count}` : '';
	const others = behind.length > 0 ? `Tab: ${behind.join(', ')}` : '';
	const note = [others, where].filter(text => text !== '').join(' · ');
	return [topBorder(title, width, tone), ...rows, bottomBorder(note, width, tone)];
}
