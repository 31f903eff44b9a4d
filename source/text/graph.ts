// Graphs of a series of numbers, as lines of text, with the latest value at the right. They are made of blocks or
// braille; glyphs.ts turns either into ASCII.

const BARS = ' ▁▂▃▄▅▆▇█';
const BRAILLE = 0x2800;
/** Dots of a braille sign from the lowest up, in its left and its right half (Unicode, block 2800). */
const LEFT = [0x40, 0x04, 0x02, 0x01];
const RIGHT = [0x80, 0x20, 0x10, 0x08];

export type GraphStyle = 'bars' | 'braille';

export type GraphBox = {
	width: number;
	height: number;
	/** Bars show a value a column; braille two, with half the steps in height. */
	style?: GraphStyle;
	/** The value at the top of the box; by default a round number above all visible values. */
	top?: number;
	/** Formats the scale at the left; by default there is no scale. */
	label?: (value: number) => string;
};

/** As many lines as the box is high, each exactly as wide. */
export function graph(
	values: readonly number[],
	{width, height, style = 'bars', top, label}: GraphBox,
): string[] {
	if (width <= 0 || height <= 0) return [];
	const scale = top ?? roundTop(values.slice(-capacity(width, style)));
	const marks = label ? [label(scale), label(0)] : [];
	const room = Math.max(0, ...marks.map(mark => mark.length + 1));
	// A scale that leaves no room for the graph is left out.
	const beside = room > 0 && room <= width / 2 ? room : 0;
	const plot = style === 'bars' ? bars : braille;
	const lines = plot(values.slice(-capacity(width - beside, style)), width - beside, height, scale);
	if (beside === 0) return lines;
	return lines.map((line, y) => {
		const mark = y === 0 ? marks[0] : y === height - 1 ? marks[1] : '';
		return `${mark.padStart(beside - 1)} ${line}`;
	});
}

/** A graph in one row. */
export const sparkline = (values: readonly number[], width: number, top?: number): string =>
	graph(values, {width, height: 1, top})[0] ?? '';

const capacity = (width: number, style: GraphStyle): number => (style === 'bars' ? width : 2 * width);

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8];

/** The least round number that no value is above. */
export function roundTop(values: readonly number[]): number {
	const most = values.reduce((a, b) => Math.max(a, finite(b)), 0);
	if (most <= 1) return 1;
	const unit = 10 ** Math.floor(Math.log10(most));
	return unit * (ROUND.find(step => step * unit >= most) ?? 10);
}

const finite = (value: number): number => (Number.isFinite(value) ? Math.max(0, value) : 0);

/** How many of `steps` a value fills: at least one, unless it is zero. */
function filled(value: number, top: number, steps: number): number {
	const share = finite(value) / (top > 0 ? top : 1);
	return share === 0 ? 0 : Math.min(steps, Math.max(1, Math.round(share * steps)));
}

function bars(values: readonly number[], width: number, height: number, top: number): string[] {
	const steps = values.map(value => filled(value, top, 8 * height));
	const blank = ' '.repeat(width - steps.length);
	return rows(height, below => {
		const columns = steps.map(step => BARS[Math.min(8, Math.max(0, step - 8 * below))]);
		return blank + columns.join('');
	});
}

function braille(values: readonly number[], width: number, height: number, top: number): string[] {
	const steps = values.map(value => filled(value, top, 4 * height));
	while (steps.length < 2 * width) steps.unshift(0);
	return rows(height, below =>
		Array.from({length: width}, (_, x) => {
			const bits = dots(LEFT, steps[2 * x] - 4 * below) | dots(RIGHT, steps[2 * x + 1] - 4 * below);
			return bits === 0 ? ' ' : String.fromCharCode(BRAILLE + bits);
		}).join(''),
	);
}

const dots = (half: readonly number[], count: number): number =>
	half.slice(0, Math.max(0, count)).reduce((bits, bit) => bits | bit, 0);

/** Lines from the top down; `below` of a line are under it. */
const rows = (height: number, line: (below: number) => string): string[] =>
	Array.from({length: height}, (_, y) => line(height - 1 - y));
