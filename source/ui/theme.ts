// The tones as Ink takes them.

import type {TextProps} from 'ink';
import {type Depth, LOOKS, type Look, type ThemeName, TONES, type Tone} from '../text/tones.js';

/** How text looks, as Ink's <Text> takes it. */
export type Style = Pick<TextProps, 'color' | 'backgroundColor' | 'bold' | 'underline' | 'inverse'>;
export type Theme = Readonly<Record<Tone, Style>>;

const GUESTS = ['ownerGuest0', 'ownerGuest1', 'ownerGuest2', 'ownerGuest3'] as const;

/** A guest's hue, the same wherever it is named; the fifth guest has the first's again. What is no guest has none. */
export function toneOfGuest(name: string, guests: readonly string[]): Tone {
	const at = guests.indexOf(name);
	return at < 0 ? 'plain' : GUESTS[at % GUESTS.length];
}

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
