// A terminal's screen as SVG: every cell in its place with its colours. Text stays text; lines and blocks are drawn,
// because fonts differ in whether theirs meet.

import type xterm from '@xterm/headless';

const CELL = {width: 8.4, height: 18, size: 14, base: 13.5};
const MARGIN = 12;
const INK = '#d8dee9';
const GROUND = '#0f1318';
const FONTS =
	"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace";
const BASIC = [
	...['#3b4252', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d8dee9'],
	...['#7f8a9a', '#ff6b6b', '#b5e890', '#f7dd8f', '#8cc8ff', '#e19df5', '#7fe0ea', '#ffffff'],
];

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

type Cell = {text: string; columns: number; ink: string; ground: string; style: string};
type Run = Cell & {x: number};

export function svgOf(terminal: xterm.Terminal, title: string): string {
	const {cols, rows} = terminal;
	const [width, height] = [cols * CELL.width + 2 * MARGIN, rows * CELL.height + 2 * MARGIN];
	const lines = Array.from({length: rows}, (_, y) => rowOf(cellsOf(terminal, y), y));
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" xml:space="preserve">`,
		`<title>${escaped(title)}</title>`,
		`<style>text{font:${CELL.size}px ${FONTS}}.b{font-weight:bold}.u{text-decoration:underline}.i{font-style:italic}.d{opacity:.6}.h{fill-opacity:0}</style>`,
		`<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>`,
		`<g transform="translate(${MARGIN} ${MARGIN})">`,
		...lines.filter(line => line !== ''),
		'</g>',
		'</svg>',
		'',
	].join('\n');
}

function cellsOf(terminal: xterm.Terminal, y: number): Cell[] {
	const {active} = terminal.buffer;
	const line = active.getLine(active.baseY + y);
	const cells: Cell[] = [];
	for (let x = 0; x < terminal.cols; x++) {
		const cell = line?.getCell(x);
		// The second half of a wide character is a cell of no columns.
		if (cell === undefined || cell.getWidth() === 0) continue;
		const ink = cell.isFgDefault() ? INK : colourOf(cell.getFgColor(), cell.isFgRGB());
		const ground = cell.isBgDefault() ? GROUND : colourOf(cell.getBgColor(), cell.isBgRGB());
		const styles = [
			cell.isBold() && 'b',
			cell.isUnderline() && 'u',
			cell.isItalic() && 'i',
			cell.isDim() && 'd',
		];
		cells.push({
			text: cell.getChars() || ' ',
			columns: cell.getWidth(),
			ink: cell.isInverse() ? ground : ink,
			ground: cell.isInverse() ? ink : ground,
			style: styles.filter(Boolean).join(' '),
		});
	}
	return cells;
}

/** Of xterm's 256: sixteen by name, a cube of six levels, and greys. */
function colourOf(colour: number, rgb: boolean): string {
	if (rgb) return `#${colour.toString(16).padStart(6, '0')}`;
	if (colour < 16) return BASIC[colour];
	if (colour >= 232) return `#${(8 + 10 * (colour - 232)).toString(16).padStart(2, '0').repeat(3)}`;
	const level = (n: number) => (n === 0 ? 0 : 55 + 40 * n).toString(16).padStart(2, '0');
	const at = colour - 16;
	return `#${level(Math.floor(at / 36))}${level(Math.floor(at / 6) % 6)}${level(at % 6)}`;
}

function rowOf(cells: readonly Cell[], y: number): string {
	const used = cells.findLastIndex(cell => cell.text !== ' ' || cell.ground !== GROUND || cell.style !== '');
	if (used < 0) return '';
	const runs = runsOf(cells.slice(0, used + 1));
	const top = y * CELL.height;
	const grounds = runs
		.filter(({ground}) => ground !== GROUND)
		.map(({x, columns, ground}) => rect(x * CELL.width, top, columns * CELL.width, CELL.height, ground));
	const texts = runs.map(textOf).join('');
	return `${grounds.join('')}<text y="${round(top + CELL.base)}">${texts}</text>${drawings(runs, top)}`;
}

/** Cells that look alike and follow each other. Signs that a font may have no glyph for are runs of their own. */
function runsOf(cells: readonly Cell[]): Run[] {
	const runs: Run[] = [];
	let x = 0;
	for (const cell of cells) {
		const run = runs.at(-1);
		const alike =
			run &&
			run.ink === cell.ink &&
			run.ground === cell.ground &&
			run.style === cell.style &&
			kindOf(run) === kindOf(cell);
		if (alike && kindOf(cell) !== 'sign') {
			run.text += cell.text;
			run.columns += cell.columns;
		} else runs.push({...cell, x});
		x += cell.columns;
	}
	return runs;
}

function kindOf({text}: Cell): 'ascii' | 'drawn' | 'sign' {
	const first = text.charAt(0);
	if (first in LINES || EIGHTHS.includes(first) || first === '▏') return 'drawn';
	return /^[ -~]/.test(text) ? 'ascii' : 'sign';
}

function textOf(run: Run): string {
	const classes = [run.style, kindOf(run) === 'drawn' ? 'h' : ''].filter(Boolean).join(' ');
	const fixed =
		run.columns > 1 ? ` textLength="${round(run.columns * CELL.width)}" lengthAdjust="spacingAndGlyphs"` : '';
	const named = classes === '' ? '' : ` class="${classes}"`;
	return `<tspan x="${round(run.x * CELL.width)}"${fixed} fill="${run.ink}"${named}>${escaped(run.text)}</tspan>`;
}

function drawings(runs: readonly Run[], top: number): string {
	const drawn = runs.filter(run => kindOf(run) === 'drawn');
	return drawn
		.map(({text, x, ink}) => {
			// A line along several cells is one.
			const pieces = [...text.matchAll(/─+|./gsu)].map(({0: signs, index}) => ({
				signs,
				left: (x + index) * CELL.width,
			}));
			const path = pieces.map(({signs, left}) => pathOf(signs, left, top)).join('');
			const blocks = pieces.map(({signs, left}) => blockOf(signs, left, top, ink)).join('');
			return (path === '' ? '' : `<path d="${path}" fill="none" stroke="${ink}"/>`) + blocks;
		})
		.join('');
}

function pathOf(signs: string, left: number, top: number): string {
	const [right, bottom] = [left + signs.length * CELL.width, top + CELL.height];
	const at: Record<string, number> = {l: left, r: right, t: top, b: bottom};
	at.x = (left + right) / 2;
	at.y = (top + bottom) / 2;
	return (LINES[signs.charAt(0)] ?? '').replace(/[lrtbxy]/g, place => `${round(at[place])}`);
}

function blockOf(sign: string, left: number, top: number, ink: string): string {
	if (sign === '▏') return rect(left, top, CELL.width / 8, CELL.height, ink);
	const share = (EIGHTHS.indexOf(sign) + 1) / 8;
	if (share === 0) return '';
	return rect(left, top + CELL.height * (1 - share), CELL.width, CELL.height * share, ink);
}

const rect = (x: number, y: number, width: number, height: number, fill: string): string =>
	`<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"/>`;

const round = (value: number): number => Math.round(value * 100) / 100;

const ENTITIES: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};
const escaped = (text: string): string => text.replace(/[&<>"]/g, sign => ENTITIES[sign]);
