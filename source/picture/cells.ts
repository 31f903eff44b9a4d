// The cells of a terminal's screen, row by row, for pictures of it.

import type xterm from '@xterm/headless';
import {indexed, type Palette} from './palette.js';

/** `ink` and `ground` are undefined where they are the terminal's own. */
export type Cell = {
	readonly text: string;
	readonly columns: number;
	readonly ink?: string;
	readonly ground?: string;
	readonly bold: boolean;
	readonly underline: boolean;
	readonly italic: boolean;
	readonly dim: boolean;
	readonly inverse: boolean;
};

/** The second half of a wide character is no cell. */
export const cellsOf = (terminal: xterm.Terminal, palette: Palette): Cell[][] =>
	Array.from({length: terminal.rows}, (_, y) => rowOf(terminal, y, palette));

function rowOf(terminal: xterm.Terminal, y: number, palette: Palette): Cell[] {
	const {active} = terminal.buffer;
	const line = active.getLine(active.baseY + y);
	return Array.from({length: terminal.cols}, (_, x) => line?.getCell(x)).flatMap(cell =>
		cell === undefined || cell.getWidth() === 0
			? []
			: {
					text: cell.getChars() || ' ',
					columns: cell.getWidth(),
					ink: cell.isFgDefault() ? undefined : colourOf(cell.getFgColor(), cell.isFgRGB(), palette),
					ground: cell.isBgDefault() ? undefined : colourOf(cell.getBgColor(), cell.isBgRGB(), palette),
					bold: cell.isBold() !== 0,
					underline: cell.isUnderline() !== 0,
					italic: cell.isItalic() !== 0,
					dim: cell.isDim() !== 0,
					inverse: cell.isInverse() !== 0,
				},
	);
}

const colourOf = (colour: number, rgb: boolean, palette: Palette): string =>
	rgb ? `#${colour.toString(16).padStart(6, '0')}` : indexed(colour, palette);

/** A row without the blanks at its end that nobody could see. */
export function trimmed(row: readonly Cell[]): readonly Cell[] {
	const last = row.findLastIndex(
		({text, ground, underline, inverse}) => text !== ' ' || ground !== undefined || underline || inverse,
	);
	return row.slice(0, last + 1);
}

/** Cells of one style that follow each other, as one. */
export type Run = Cell & {readonly x: number};

/** `apart`: whether two cells of one style are kept apart all the same. */
export function runsOf(row: readonly Cell[], apart: (a: Cell, b: Cell) => boolean = () => false): Run[] {
	const runs: Run[] = [];
	let x = 0;
	for (const cell of row) {
		const run = runs.at(-1);
		if (run && isAlike(run, cell) && !apart(run, cell))
			runs[runs.length - 1] = {...run, text: run.text + cell.text, columns: run.columns + cell.columns};
		else runs.push({...cell, x});
		x += cell.columns;
	}
	return runs;
}

const isAlike = (a: Cell, b: Cell): boolean =>
	a.ink === b.ink &&
	a.ground === b.ground &&
	a.bold === b.bold &&
	a.underline === b.underline &&
	a.italic === b.italic &&
	a.dim === b.dim &&
	a.inverse === b.inverse;

/** The colours that a cell shows. */
export function paintOf({ink, ground, inverse}: Cell, palette: Palette): {ink: string; ground: string} {
	const [text, behind] = [ink ?? palette.ink, ground ?? palette.ground];
	return inverse ? {ink: behind, ground: text} : {ink: text, ground: behind};
}
