import type xterm from '@xterm/headless';

export type Cell = {
	sign: string;
	/** Its colours and attributes. */
	look: string;
	/** The same for people. */
	words: string;
	coloured: boolean;
};

/** Every cell of the screen. */
export function cellsOf(terminal: xterm.Terminal): Cell[][] {
	const {active} = terminal.buffer;
	return Array.from({length: terminal.rows}, (_, y) =>
		Array.from({length: terminal.cols}, (_, x) => {
			const cell = active.getLine(active.baseY + y)?.getCell(x);
			if (cell === undefined) return {sign: '', look: '', words: '', coloured: false};
			const attributes = [
				...[cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor()],
				...[cell.isBold(), cell.isUnderline(), cell.isInverse(), cell.isDim()],
				...[cell.isItalic(), cell.isStrikethrough(), cell.isOverline(), cell.isInvisible(), cell.isBlink()],
			];
			return {
				sign: cell.getChars() || ' ',
				look: attributes.join(),
				words: wordsOf(cell),
				coloured: !cell.isFgDefault() || !cell.isBgDefault(),
			};
		}),
	);
}

function wordsOf(cell: xterm.IBufferCell): string {
	const colour = (isRgb: boolean, value: number) =>
		isRgb ? `#${value.toString(16).padStart(6, '0')}` : `colour ${value}`;
	return [
		cell.isFgDefault() ? '' : colour(cell.isFgRGB(), cell.getFgColor()),
		cell.isBgDefault() ? '' : `on ${colour(cell.isBgRGB(), cell.getBgColor())}`,
		cell.isBold() ? 'bold' : '',
		cell.isUnderline() ? 'underlined' : '',
		cell.isInverse() ? 'inverse' : '',
	]
		.filter(word => word !== '')
		.join(' ');
}
