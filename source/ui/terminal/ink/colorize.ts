// Replaces Ink's colorize, which builds a Chalk function for every text of every frame.

import chalk from 'chalk';
import inkColorize from '../../../../node_modules/ink/build/colorize.js';
import {Cache, memoised} from './cache.js';

type Type = 'foreground' | 'background';
type Colour = (text: string) => string;

const colour =
	(type: Type) =>
	(name: string): Colour =>
		memoised(text => inkColorize(text, name, type), 512);

const colours = {
	foreground: {cache: new Cache<Colour>(256), make: colour('foreground')},
	background: {cache: new Cache<Colour>(256), make: colour('background')},
};
let level = chalk.level;

export default function colorize(text: string, name: string | undefined, type: Type): string {
	if (!name) return text;
	if (chalk.level !== level) {
		level = chalk.level;
		for (const {cache} of Object.values(colours)) cache.clear();
	}
	const {cache, make} = colours[type];
	return cache.get(name, make)(text);
}
