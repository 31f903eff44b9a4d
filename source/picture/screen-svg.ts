// A terminal's screen as SVG: every cell in its place with its colours. Text stays text; lines and blocks are drawn,
// because fonts differ in whether theirs meet.

import {type Cell, paintOf, type Run, runsOf, trimmed} from './cells.js';
import {DARK, type Palette} from './palette.js';
import {escaped, FONTS, rect, round, svgPage} from './xml.js';

const CELL = {width: 8.4, height: 18, size: 14, base: 13.5};
const MARGIN = 12;

/** Paths in a cell: l, r, t and b are its sides, x and y its middle. */
const LINES: Readonly<Record<string, string>> = {
	...{'─': 'Ml yHr', '│': 'Mx tVb', '┌': 'Mr yHxVb', '┐': 'Ml yHxVb', '└': 'Mr yHxVt', '┘': 'Ml yHxVt'},
	...{'╭': 'Mr yQx y x b', '╮': 'Ml yQx y x b', '╰': 'Mr yQx y x t', '╯': 'Ml yQx y x t'},
	...{
		'├': 'Mx tVbMx yHr',
		'┤': 'Mx tVbMx yHl',
		'┬': 'Ml yHrMx yVb',
		'┴': 'Ml yHrMx yVt',
		'┼': 'Ml yHrMx tVb',
	},
};
const EIGHTHS = '▁▂▃▄▅▆▇█';
const UPPER_HALF = '▀';

const STYLE = `text{white-space:pre;font:${CELL.size}px ${FONTS}}.b{font-weight:bold}.u{text-decoration:underline}.i{font-style:italic}.d{opacity:.6}.h{fill-opacity:0}`;

type Rows = readonly (readonly Cell[])[];

export const svgOf = (rows: Rows, title: string, palette: Palette = DARK): string =>
	screenPage(
		rows,
		title,
		palette,
		rows.map((row, y) => rowOf(row, y, palette)),
	);

/** A picture as large as a screen, with its rows drawn. */
export function screenPage(rows: Rows, title: string, palette: Palette, drawn: readonly string[]): string {
	const columns = Math.max(0, ...rows.map(row => row.reduce((sum, cell) => sum + cell.columns, 0)));
	const page = {
		title,
		width: columns * CELL.width + 2 * MARGIN,
		height: rows.length * CELL.height + 2 * MARGIN,
		ground: palette.ground,
		style: STYLE,
	};
	return svgPage(page, [
		`<g transform="translate(${MARGIN} ${MARGIN})">`,
		...drawn.filter(row => row !== ''),
		'</g>',
	]);
}

/** A row of the screen, in its place. */
export function rowOf(cells: readonly Cell[], y: number, palette: Palette): string {
	const used = trimmed(cells);
	if (used.length === 0) return '';
	const runs = runsOf(used, isApart);
	const top = y * CELL.height;
	const grounds = runs.flatMap(run => {
		const {ground} = paintOf(run, palette);
		if (ground === palette.ground) return [];
		return rect(run.x * CELL.width, top, run.columns * CELL.width, CELL.height, ground);
	});
	const texts = runs.map(run => textOf(run, palette)).join('');
	const drawn = runs.map(run => drawingOf(run, top, paintOf(run, palette).ink)).join('');
	return `${grounds.join('')}<text y="${round(top + CELL.base)}">${texts}</text>${drawn}`;
}

/** Signs that a font may have no glyph for are runs of their own. */
const isApart = (a: Cell, b: Cell): boolean => kindOf(a) !== kindOf(b) || kindOf(b) === 'sign';

function kindOf({text}: Cell): 'ascii' | 'drawn' | 'sign' {
	const first = text.charAt(0);
	if (first in LINES || EIGHTHS.includes(first) || first === '▏' || first === UPPER_HALF) return 'drawn';
	return /^[ -~]/.test(text) ? 'ascii' : 'sign';
}

function textOf(run: Run, palette: Palette): string {
	const classes = [
		run.bold && 'b',
		run.underline && 'u',
		run.italic && 'i',
		run.dim && 'd',
		kindOf(run) === 'drawn' && 'h',
	].filter(Boolean);
	const fixed =
		run.columns > 1 ? ` textLength="${round(run.columns * CELL.width)}" lengthAdjust="spacingAndGlyphs"` : '';
	const named = classes.length === 0 ? '' : ` class="${classes.join(' ')}"`;
	const {ink} = paintOf(run, palette);
	return `<tspan x="${round(run.x * CELL.width)}"${fixed} fill="${ink}"${named}>${escaped(run.text)}</tspan>`;
}

function drawingOf(run: Run, top: number, ink: string): string {
	if (kindOf(run) !== 'drawn') return '';
	// A line along several cells is one.
	const pieces = [...run.text.matchAll(/─+|./gsu)].map(({0: signs, index}) => ({
		signs,
		left: (run.x + index) * CELL.width,
	}));
	const path = pieces.map(({signs, left}) => pathOf(signs, left, top)).join('');
	const blocks = pieces.map(({signs, left}) => blockOf(signs, left, top, ink)).join('');
	return (path === '' ? '' : `<path d="${path}" fill="none" stroke="${ink}"/>`) + blocks;
}

function pathOf(signs: string, left: number, top: number): string {
	const [right, bottom] = [left + signs.length * CELL.width, top + CELL.height];
	const at: Record<string, number> = {l: left, r: right, t: top, b: bottom};
	at.x = (left + right) / 2;
	at.y = (top + bottom) / 2;
	return (LINES[signs.charAt(0)] ?? '').replace(/[lrtbxy]/g, place => `${round(at[place] ?? 0)}`);
}

function blockOf(sign: string, left: number, top: number, ink: string): string {
	if (sign === '▏') return rect(left, top, CELL.width / 8, CELL.height, ink);
	if (sign === UPPER_HALF) return rect(left, top, CELL.width, CELL.height / 2, ink);
	const share = (EIGHTHS.indexOf(sign) + 1) / 8;
	if (share === 0) return '';
	return rect(left, top + CELL.height * (1 - share), CELL.width, CELL.height * share, ink);
}
