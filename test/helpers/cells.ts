import type xterm from '@xterm/headless';

/** Every cell of the screen: its text, its colours, and whether it is bold, underlined, inverse. */
export function cellsOf(terminal: xterm.Terminal): string[][] {
	const {active} = terminal.buffer;
	return Array.from({length: terminal.rows}, (_, y) =>
		Array.from({length: terminal.cols}, (_, x) => {
			const cell = active.getLine(active.baseY + y)?.getCell(x);
			if (cell === undefined) return '';
			const attributes = [
				...[cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor()],
				...[cell.isBold(), cell.isUnderline(), cell.isInverse()],
			];
			return `${cell.getChars() || ' '} ${attributes.join()}`;
		}),
	);
}
