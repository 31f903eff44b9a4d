// Tones: colours by their meaning. A word, a letter or a sign always says the same.

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
/** A colour for terminals with more than 16, and the nearest of the 16. */
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
 * On black. Colour-blind eyes can tell blue from orange and yellow, but not red from green; and no two colours that
 * must differ are equally bright. The hues are those of Okabe and Ito (Color Universal Design, 2008), lightened.
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

/** Without colour: bold for what matters, underlined for fields, inverse for anything chosen, new or focused. */
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
