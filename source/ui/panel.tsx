import {type Content, type Place, pageOf, settle} from './content.js';
import {Lines} from './lines.js';
import {bottomBorder, paint, topBorder} from './rows.js';
import {theme} from './theme.js';

type Props = {
	readonly content: Content;
	readonly width: number;
	readonly height: number;
	readonly place?: Place;
	readonly focused: boolean;
	/** Panels that Tab shows in this place. */
	readonly behind?: readonly string[];
};

const START: Place = {top: 0, cursor: 0};

/** A bordered panel as one string: Ink lays out a single text, whatever is in it. */
export function Panel({content, width, height, place = START, focused, behind = []}: Props) {
	const {title, head, count, row, lit, selects} = content;
	const inner = width - 2;
	const page = pageOf(content, height);
	const {top, cursor} = settle(content, height, place);
	const shown = Math.max(0, Math.min(page, count - top));
	const tone = focused ? 'focus' : 'border';
	const bar = theme[tone]('│');
	const line = (text: string) => bar + text + bar;
	const rows = [
		...head.map(fixed => line(paint(fixed, inner))),
		...Array.from({length: shown}, (_, i) => {
			const index = top + i;
			const mark = selects && focused && index === cursor ? 'chosen' : lit?.(index) ? 'changed' : undefined;
			return line(paint(row(index), inner, mark));
		}),
	].slice(0, height - 2);
	while (rows.length < height - 2) rows.push(line(' '.repeat(inner)));
	const where = count > page ? `${top + 1}–${top + shown} of ${count}` : '';
	const others = behind.length > 0 ? `Tab: ${behind.join(', ')}` : '';
	const note = [others, where].filter(text => text !== '').join(' · ');
	return (
		<Lines lines={[topBorder(title, width, tone), ...rows, bottomBorder(note, width, tone)]} width={width} />
	);
}
