// What the environment says about the terminal. chalk's own detection is not enough: it ignores NO_COLOR, believes an
// inherited COLORTERM on the Linux console, and finds no colours in foot and alacritty after ssh has dropped
// COLORTERM. is-unicode-supported ignores the locale.

import type {Depth, ThemeName} from './tones.js';

/** process.env, or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

const DIRECT = /-direct$|^xterm-(kitty|ghostty)$|^(wezterm|alacritty|foot|contour)/;

/** How many colours the terminal has. Attributes such as bold are there from 1 on. */
export function depthOf(env: Environment): Depth {
	const {TERM = '', COLORTERM = '', FORCE_COLOR} = env;
	if (FORCE_COLOR === '1') return 1;
	if (FORCE_COLOR === '2') return 2;
	if (FORCE_COLOR === '3') return 3;
	if (TERM === 'dumb') return 0;
	if (TERM === 'linux') return 1;
	if (/^(truecolor|24bit)$/.test(COLORTERM) || DIRECT.test(TERM)) return 3;
	return /256/.test(TERM) ? 2 : 1;
}

/** The default theme. NO_COLOR (no-color.org) rules out colour, but not bold and inverse. */
export function themeOf(env: Environment): ThemeName {
	const {NO_COLOR, FORCE_COLOR, TERM = '', COLORFGBG = ''} = env;
	if (NO_COLOR || FORCE_COLOR === '0' || FORCE_COLOR === 'false') return 'plain';
	if (!FORCE_COLOR && /^(dumb|vt\d+|.*-(m|mono))$/.test(TERM)) return 'plain';
	// rxvt, Konsole and others say which of the 16 colours text and ground have; all but black to cyan are light.
	const ground = /;(\d+)$/.exec(COLORFGBG)?.[1];
	return ground !== undefined && Number(ground) >= 7 && ground !== '8' ? 'light' : 'dark';
}

/** Whether the environment suggests that the terminal shows only ASCII. */
export function asciiByItself({TERM = '', LC_ALL, LC_CTYPE, LANG}: Environment): boolean {
	// The Linux console has 512 signs at most: borders and blocks, but neither ticks nor braille.
	if (TERM === 'linux' || TERM === 'dumb' || /^vt\d/.test(TERM)) return true;
	const locale = LC_ALL || LC_CTYPE || LANG;
	// In a container, or over a bare ssh, nothing is set; that says nothing about the terminal.
	return locale !== undefined && locale !== '' && !/utf-?8/i.test(locale);
}
