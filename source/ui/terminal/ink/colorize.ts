// Replaces Ink's colorize, which builds a Chalk function for every text of every frame.

import chalk from 'chalk';
import inkColorize from '../../../../node_modules/ink/build/colorize.js';
import {Cache} from './cache.js';

type Texts = Cache<string>;

const colours = {foreground: new Cache<Texts>(256), background: new Cache<Texts>(256)};
let level = chalk.level;

export default function colorize(
	text: string,
	colour: string | undefined,
	type: keyof typeof colours,
): string {
	if (!colour) return text;
	if (chalk.level !== level) {
		level = chalk.level;
		for (const cache of Object.values(colours)) cache.clear();
	}
	const texts = colours[type].get(colour, () => new Cache(512));
	return texts.get(text, () => inkColorize(text, colour, type));
}
