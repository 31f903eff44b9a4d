import {Box, Text, useWindowSize} from 'ink';
import type {Style} from '../theme.js';

/** Letters five rows high: those that verdicts are written with. */
const LETTERS: Readonly<Record<string, readonly string[]>> = {
	A: [' ███ ', '█   █', '█████', '█   █', '█   █'],
	C: [' ████', '█    ', '█    ', '█    ', ' ████'],
	D: ['████ ', '█   █', '█   █', '█   █', '████ '],
	E: ['█████', '█    ', '████ ', '█    ', '█████'],
	F: ['█████', '█    ', '████ ', '█    ', '█    '],
	I: ['███', ' █ ', ' █ ', ' █ ', '███'],
	K: ['█   █', '█  █ ', '███  ', '█  █ ', '█   █'],
	L: ['█    ', '█    ', '█    ', '█    ', '█████'],
	N: ['█   █', '██  █', '█ █ █', '█  ██', '█   █'],
	O: [' ███ ', '█   █', '█   █', '█   █', ' ███ '],
	R: ['████ ', '█   █', '████ ', '█  █ ', '█   █'],
	S: [' ████', '█    ', ' ███ ', '    █', '████ '],
	T: ['█████', '  █  ', '  █  ', '  █  ', '  █  '],
	U: ['█   █', '█   █', '█   █', '█   █', ' ███ '],
	V: ['█   █', '█   █', '█   █', ' █ █ ', '  █  '],
	W: ['█   █', '█   █', '█ █ █', '██ ██', '█   █'],
};
const ROWS = [0, 1, 2, 3, 4];

/** Columns that a panel's borders and margins take. */
const FRAME = 6;

/** A word in large letters, for the last row of the hall: twice as wide where there is room. */
export function BigText({text, style}: {readonly text: string; readonly style: Style}) {
	const letters = [...text.toUpperCase()].map(letter => LETTERS[letter] ?? ROWS.map(() => ' '));
	const {columns} = useWindowSize();
	const rows = ROWS.map(row => letters.map(letter => letter[row]).join('  '));
	const wide = 2 * rows[0].length + FRAME <= columns;
	return (
		<Box flexDirection="column" flexShrink={0} aria-label={text}>
			{ROWS.map(row => (
				<Text key={row} wrap="truncate" {...style}>
					{` ${wide ? rows[row].replace(/./g, '$&$&') : rows[row]}`}
				</Text>
			))}
		</Box>
	);
}
