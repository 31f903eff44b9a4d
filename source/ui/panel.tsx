import type {Content} from './content.js';
import {Lines} from './lines.js';
import {bottomBorder, paint, topBorder} from './rows.js';
import {theme} from './theme.js';

type Props = {
	readonly content: Content;
	readonly width: number;
	readonly height: number;
	readonly scroll: number;
	readonly focused: boolean;
	/** Panels that Tab shows in this place. */
	readonly behind?: readonly string[];
};

/** A bordered panel as one string: Ink lays out a single text, whatever is in it. */
export function Panel({content, width, height, scroll, focused, behind = []}: Props) {
	const {title, head, count, row, lit} = content;
	const inner = width - 2;
	const page = Math.max(0, height - 2 - head.length);
	const first = Math.min(scroll, Math.max(0, count - page));
	const shown = Math.min(page, count - first);
	const tone = focused ? 'focus' : 'border';
	const bar = theme[tone]('│');
	const line = (text: string) => bar + text + bar;
	const rows = [
		...head.map(fixed => line(paint(fixed, inner))),
		...Array.from({length: shown}, (_, i) => line(paint(row(first + i), inner, lit?.(first + i)))),
	].slice(0, height - 2);
	while (rows.length < height - 2) rows.push(line(' '.repeat(inner)));
	const place = count > page && count > 0 ? `${first + 1}–${first + shown} of ${count}` : '';
	const others = behind.length > 0 ? `Tab: ${behind.join(', ')}` : '';
	const note = [others, place].filter(text => text !== '').join(' · ');
	return (
		<Lines lines={[topBorder(title, width, tone), ...rows, bottomBorder(note, width, tone)]} width={width} />
	);
}
