// In the place of Ink's colorize, which makes a function of Chalk's for each text: what it said is remembered.

import chalk from 'chalk';
import inkColorize from '../../../../node_modules/ink/build/colorize.js';
import {Recent} from './recent.js';

type Texts = Recent<string>;

const colours = {foreground: new Recent<Texts>(256), background: new Recent<Texts>(256)};
let level = chalk.level;

export default function colorize(
	text: string,
	colour: string | undefined,
	type: keyof typeof colours,
): string {
	if (!colour) return text;
	if (chalk.level !== level) {
		level = chalk.level;
		for (const each of Object.values(colours)) each.clear();
	}
	return colours[type].get(colour, () => new Recent(512)).get(text, () => inkColorize(text, colour, type));
}
