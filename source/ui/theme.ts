// Colours by what they mean. What they say is always said by a word, a letter or a sign too.

import type {TextProps} from 'ink';
import type {Environment} from './terminal/environment.js';

/** How text looks, as Ink's <Text> takes it. */
export type Style = Pick<TextProps, 'color' | 'backgroundColor' | 'bold' | 'underline' | 'inverse'>;
export type Theme = Readonly<Record<Tone, Style>>;

export const TONES = [
	'plain',
	'title',
	'focus',
	'border',
	'dim',
	'good',
	'bad',
	'warn',
	'key',
	'field',
	'chosen',
	'changed',
	'missing',
	'ownerKernel',
	'ownerTables',
	'ownerGuest0',
	'ownerGuest1',
	'ownerGuest2',
	'ownerGuest3',
	'ownerBuffer',
	'ownerFree',
	'graph',
	'graphFaults',
	'graphHits',
] as const;
export type Tone = (typeof TONES)[number];

const GUESTS = ['ownerGuest0', 'ownerGuest1', 'ownerGuest2', 'ownerGuest3'] as const;

/** A guest's hue, the same wherever it is named; the fifth guest has the first's again. What is no guest has none. */
export function toneOfGuest(name: string, guests: readonly string[]): Tone {
	const at = guests.indexOf(name);
	return at < 0 ? 'plain' : GUESTS[at % GUESTS.length];
}

export const THEMES = ['dark', 'light', 'colour-blind', 'plain'] as const;
export type ThemeName = (typeof THEMES)[number];

/** No escape sequences at all, 16 colours (the terminal's own), 256, 24 bits. */
export type Depth = 0 | 1 | 2 | 3;

const BASIC = [
	'black',
	'red',
	'green',
	'yellow',
	'blue',
	'magenta',
	'cyan',
	'white',
	'gray',
	'redBright',
	'yellowBright',
	'blueBright',
	'cyanBright',
	'whiteBright',
] as const;
/** What is shown with more than 16 colours, and the nearest of the 16. */
export type Colour = readonly [hex: `#${string}`, basic: (typeof BASIC)[number]];

export type Look = {
	text?: Colour;
	ground?: Colour;
	bold?: boolean;
	underline?: boolean;
	inverse?: boolean;
};
export type Looks = Readonly<Record<Tone, Look>>;

const strong: Look = {bold: true};

/** On black, or near it. */
const dark: Looks = {
	plain: {},
	title: strong,
	focus: {text: ['#5fd7ff', 'cyanBright'], bold: true},
	border: {text: ['#808080', 'gray']},
	dim: {text: ['#8a8a8a', 'gray']},
	good: {text: ['#5fd75f', 'green']},
	bad: {text: ['#ff6b6b', 'redBright']},
	missing: {text: ['#ff6b6b', 'redBright'], underline: true},
	warn: {text: ['#e5c07b', 'yellow']},
	key: {text: ['#56c8d8', 'cyan']},
	field: {underline: true},
	chosen: {inverse: true},
	changed: {text: ['#000000', 'black'], ground: ['#e5c07b', 'yellow']},
	ownerKernel: {text: ['#5f87ff', 'blueBright']},
	ownerTables: {text: ['#e5c07b', 'yellow'], bold: true},
	ownerGuest0: {text: ['#ff87ff', 'magenta']},
	ownerGuest1: {text: ['#56c8d8', 'cyan']},
	ownerGuest2: {text: ['#5fd75f', 'green']},
	ownerGuest3: {text: ['#ffffff', 'whiteBright']},
	ownerBuffer: {text: ['#ff9e64', 'redBright']},
	ownerFree: {text: ['#808080', 'gray']},
	graph: {text: ['#56c8d8', 'cyan']},
	graphFaults: {text: ['#ff6b6b', 'redBright']},
	graphHits: {text: ['#5fd75f', 'green']},
};

/** On white, or near it. */
const light: Looks = {
	plain: {},
	title: strong,
	focus: {text: ['#005f87', 'blue'], bold: true},
	border: {text: ['#767676', 'gray']},
	dim: {text: ['#626262', 'gray']},
	good: {text: ['#006b1b', 'green']},
	bad: {text: ['#b3000c', 'red'], bold: true},
	missing: {text: ['#b3000c', 'red'], bold: true, underline: true},
	warn: {text: ['#7a5200', 'magenta']},
	key: {text: ['#005f87', 'blue']},
	field: {underline: true},
	chosen: {inverse: true},
	changed: {text: ['#000000', 'black'], ground: ['#ffe28a', 'yellow']},
	ownerKernel: {text: ['#1f3fbf', 'blue']},
	ownerTables: {text: ['#7a5200', 'red'], bold: true},
	ownerGuest0: {text: ['#9b0e8e', 'magenta']},
	ownerGuest1: {text: ['#005f73', 'cyan']},
	ownerGuest2: {text: ['#006b1b', 'green']},
	ownerGuest3: {text: ['#000000', 'black']},
	ownerBuffer: {text: ['#a33b00', 'red']},
	ownerFree: {text: ['#767676', 'gray']},
	graph: {text: ['#005f87', 'blue']},
	graphFaults: {text: ['#b3000c', 'red']},
	graphHits: {text: ['#006b1b', 'green']},
};

/**
 * On black. Blue against orange and yellow stay apart where red and green do not; and no two that are told apart
 * by colour are equally bright. The hues are those of Okabe and Ito (Color Universal Design, 2008), lightened; owners
 * have those of xterm's 256 that every kind of eye tells apart best, and from what is bad (test/ui/contrast.test.ts).
 */
const colourBlind: Looks = {
	...dark,
	focus: {text: ['#ffffff', 'whiteBright'], bold: true},
	good: {text: ['#4a9fe0', 'blueBright']},
	bad: {text: ['#ffa640', 'yellow'], bold: true},
	missing: {text: ['#ffa640', 'yellow'], bold: true, underline: true},
	warn: {text: ['#f7ec7a', 'yellowBright']},
	key: {text: ['#a8dcff', 'cyanBright']},
	changed: {text: ['#000000', 'black'], ground: ['#f7ec7a', 'yellowBright']},
	ownerKernel: {text: ['#afafd7', 'blueBright']},
	ownerTables: {text: ['#ffd700', 'yellowBright'], bold: true},
	ownerGuest0: {text: ['#ff5fff', 'magenta']},
	ownerGuest1: {text: ['#5fd7af', 'cyan']},
	ownerGuest2: {text: ['#ffffff', 'whiteBright']},
	ownerGuest3: {text: ['#afffaf', 'green']},
	ownerBuffer: {text: ['#ff5f5f', 'redBright'], bold: true},
	ownerFree: {text: ['#878787', 'gray']},
	graph: {text: ['#a8dcff', 'cyanBright']},
	graphFaults: {text: ['#ffa640', 'yellow']},
	graphHits: {text: ['#4a9fe0', 'blueBright']},
};

/** No colour: bold is what matters, underlined what can be changed, inverse what is chosen, new, or has the focus. */
const plain: Looks = {
	plain: {},
	title: strong,
	focus: {bold: true, inverse: true},
	border: {},
	dim: {},
	good: {},
	bad: strong,
	missing: {bold: true, underline: true},
	warn: strong,
	key: strong,
	field: {underline: true},
	chosen: {inverse: true},
	changed: {inverse: true},
	ownerKernel: {},
	ownerTables: strong,
	ownerGuest0: {},
	ownerGuest1: {},
	ownerGuest2: {},
	ownerGuest3: {},
	ownerBuffer: {inverse: true},
	ownerFree: {},
	graph: {},
	graphFaults: strong,
	graphHits: {},
};

export const LOOKS: Readonly<Record<ThemeName, Looks>> = {dark, light, 'colour-blind': colourBlind, plain};

/** A theme's look in so many colours: Ink's chalk has the same depth (see dashboard.tsx). */
export function themeWith(name: ThemeName, depth: Depth): Theme {
	const style = ({text, ground, ...attributes}: Look): Style => ({
		color: text && (depth > 1 ? text[0] : text[1]),
		backgroundColor: ground && (depth > 1 ? ground[0] : ground[1]),
		...attributes,
	});
	const looks = LOOKS[name];
	return {
		plain: style(looks.plain),
		title: style(looks.title),
		focus: style(looks.focus),
		border: style(looks.border),
		dim: style(looks.dim),
		good: style(looks.good),
		bad: style(looks.bad),
		warn: style(looks.warn),
		key: style(looks.key),
		field: style(looks.field),
		chosen: style(looks.chosen),
		changed: style(looks.changed),
		missing: style(looks.missing),
		ownerKernel: style(looks.ownerKernel),
		ownerTables: style(looks.ownerTables),
		ownerGuest0: style(looks.ownerGuest0),
		ownerGuest1: style(looks.ownerGuest1),
		ownerGuest2: style(looks.ownerGuest2),
		ownerGuest3: style(looks.ownerGuest3),
		ownerBuffer: style(looks.ownerBuffer),
		ownerFree: style(looks.ownerFree),
		graph: style(looks.graph),
		graphFaults: style(looks.graphFaults),
		graphHits: style(looks.graphHits),
	};
}

/** Text on a ground of one of a theme's colours: black on light ones, white on dark ones. */
export function inkOn(ground: string): 'black' | 'white' {
	if (!ground.startsWith('#'))
		return ground.endsWith('Bright') || /^(yellow|white|cyan)/.test(ground) ? 'black' : 'white';
	return luminanceOf(ground) > EVEN ? 'black' : 'white';
}

/** The luminance with the same contrast to black and to white. */
const EVEN = 0.18;

/** Relative luminance of #rrggbb, from 0 to 1 (WCAG 2.1). */
export function luminanceOf(hexColour: string): number {
	const value = Number.parseInt(hexColour.slice(1), 16);
	const [red, green, blue] = [16, 8, 0].map(shift => {
		const share = ((value >> shift) & 0xff) / 255;
		return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** What is out of date: dim, but for the row that is chosen. */
export const greyed = (theme: Theme): Theme => {
	const {dim} = theme;
	const tones = Object.fromEntries(TONES.map(tone => [tone, dim]));
	return {...theme, ...tones, chosen: theme.chosen};
};

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

/** The theme for who has not chosen one. NO_COLOR (no-color.org) asks for no colour; bold and inverse remain. */
export function themeOf(env: Environment): ThemeName {
	const {NO_COLOR, FORCE_COLOR, TERM = '', COLORFGBG = ''} = env;
	if (NO_COLOR || FORCE_COLOR === '0' || FORCE_COLOR === 'false') return 'plain';
	if (!FORCE_COLOR && /^(dumb|vt\d+|.*-(m|mono))$/.test(TERM)) return 'plain';
	// rxvt, Konsole and others say which of the 16 colours text and ground have; all but black to cyan are light.
	const ground = /;(\d+)$/.exec(COLORFGBG)?.[1];
	return ground !== undefined && Number(ground) >= 7 && ground !== '8' ? 'light' : 'dark';
}
