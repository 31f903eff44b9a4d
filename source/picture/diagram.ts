// Boxes, arrows and text: what diagrams are drawn with.

import type {Palette} from './palette.js';
import {escaped, FONTS, round, type SvgPage, svgPage} from './xml.js';

const SIZE = 13;

export type Ink = 'ink' | 'good' | 'bad' | 'key' | 'dim';
export type TextStyle = {
	readonly ink?: Ink;
	readonly size?: number;
	readonly bold?: boolean;
	readonly middle?: boolean;
};

const styleOf = (palette: Palette): string =>
	[
		`text{font-family:${FONTS};font-size:${SIZE}px;white-space:pre}`,
		...(['ink', 'good', 'bad', 'key', 'dim'] as const).map(
			name => `.${name}{fill:${palette[name]}}.l-${name}{stroke:${palette[name]};fill:none}`,
		),
		'.b{font-weight:bold}.m{text-anchor:middle}',
	].join('');

export const diagram = (
	page: Pick<SvgPage, 'title' | 'width' | 'height'>,
	palette: Palette,
	inside: readonly string[],
): string => svgPage({...page, ground: palette.ground, style: styleOf(palette)}, inside);

export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
	const {ink = 'ink', size, bold, middle} = style;
	const classes = [ink, bold && 'b', middle && 'm'].filter(Boolean).join(' ');
	const sized = size === undefined ? '' : ` font-size="${size}" style="font-size:${size}px"`;
	return `<text x="${round(x)}" y="${round(y)}" class="${classes}"${sized}>${escaped(words)}</text>`;
}

export const box = (x: number, y: number, width: number, height: number, ink: Ink = 'ink'): string =>
	`<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="4" class="l-${ink}"/>`;

/** A line along points, with a head at its last. */
export function arrow(points: readonly (readonly [x: number, y: number])[], ink: Ink = 'ink'): string {
	const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('');
	const [[fromX, fromY] = [0, 0], [x, y] = [0, 0]] = points.slice(-2);
	const angle = Math.atan2(y - fromY, x - fromX);
	const corner = (turn: number) =>
		`${round(x - 7 * Math.cos(angle + turn))} ${round(y - 7 * Math.sin(angle + turn))}`;
	return `<path d="${path}" class="l-${ink}" stroke-width="1.3"/><path d="M${round(x)} ${round(y)}L${corner(0.45)}L${corner(-0.45)}Z" class="${ink}"/>`;
}

/** Lines below each other, the first at `y`. */
export const textBlock = (
	x: number,
	y: number,
	lines: readonly string[],
	style: TextStyle & {readonly lead?: number} = {},
): string[] => lines.map((line, i) => text(x, y + i * (style.lead ?? 17), line, style));
