// In the place of Ink's colorize, which makes a function of Chalk's for each text: what it said is remembered.

import chalk from 'chalk';
import inkColorize from '../../../../node_modules/ink/build/colorize.js';
import {Recent} from './recent.js';

const coloured = new Recent<string>();

export default function colorize(
	text: string,
	color: string | undefined,
	type: 'foreground' | 'background',
): string {
	if (!color) return text;
	return coloured.get(`${chalk.level} ${type} ${color} ${text}`, () => inkColorize(text, color, type));
}
