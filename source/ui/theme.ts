// Colours by what they mean. What they say is always said by a word or a sign too.

import chalk from 'chalk';

export type Style = (text: string) => string;

export const theme = {
	plain: (text: string) => text,
	title: chalk.bold,
	focus: chalk.cyanBright.bold,
	border: chalk.gray,
	dim: chalk.gray,
	good: chalk.green,
	bad: chalk.redBright,
	warn: chalk.yellow,
	key: chalk.cyan,
	field: chalk.underline,
	chosen: chalk.inverse,
	changed: chalk.black.bgYellow,
	guest: chalk.magenta,
} satisfies Record<string, Style>;

export type Tone = keyof typeof theme;
