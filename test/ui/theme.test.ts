import assert from 'node:assert/strict';
import {test} from 'node:test';
import {depthOf, themeOf} from '../../source/text/terminal.js';
import {LOOKS, THEMES, TONES} from '../../source/text/tones.js';
import {themeWith} from '../../source/ui/theme.js';
import {lightOf, type Rgb, rgbOf} from '../helpers/colours.js';

/** WCAG 2.2, relative luminance and contrast ratio. */
const luminance = (colour: Rgb): number => {
	const [r, g, b] = lightOf(colour);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a: Rgb, b: Rgb): number => {
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (high + 0.05) / (low + 0.05);
};

const apart = (a: Rgb, b: Rgb): number => {
	const other = lightOf(b, 'deuteranope');
	return Math.hypot(...lightOf(a, 'deuteranope').map((value, i) => value - other[i]));
};

const textOf = (theme: (typeof THEMES)[number], tone: (typeof TONES)[number]): Rgb => {
	const {text} = LOOKS[theme][tone];
	assert.ok(text, `${theme} ${tone}`);
	return rgbOf(text[0]);
};

test('texts stand out from the ground they are for, and lit rows from theirs', () => {
	for (const [name, ground] of [
		['dark', '#000000'],
		['dark', '#1e1e1e'],
		['colour-blind', '#000000'],
		['colour-blind', '#1e1e1e'],
		['light', '#ffffff'],
	] as const) {
		for (const tone of TONES) {
			const {text, ground: own} = LOOKS[name][tone];
			if (!text) continue;
			const least = tone === 'border' || tone === 'ownerFree' ? 3 : 4.5;
			const ratio = contrast(rgbOf(text[0]), rgbOf(own?.[0] ?? ground));
			assert.ok(ratio >= least, `${name} ${tone} on ${own?.[0] ?? ground}: ${ratio.toFixed(2)}`);
		}
	}
});

test('what colour tells apart, a deuteranope tells apart too, by brightness as well', () => {
	const groups = [
		['good', 'bad', 'warn'] as const,
		['graph', 'graphFaults', 'graphHits'] as const,
		TONES.filter(tone => tone.startsWith('owner')),
	];
	for (const group of groups) {
		group.forEach((one, i) => {
			for (const other of group.slice(i + 1)) {
				const [a, b] = [textOf('colour-blind', one), textOf('colour-blind', other)];
				assert.ok(apart(a, b) > 0.1, `${one} and ${other}: ${apart(a, b).toFixed(2)}`);
				assert.ok(contrast(a, b) > 1.15, `${one} and ${other}: ${contrast(a, b).toFixed(2)}`);
			}
		});
	}
	assert.ok(contrast(textOf('colour-blind', 'good'), textOf('colour-blind', 'bad')) > 1.4);
});

test('a theme has each tone as Ink takes it: hex colours where there are more than 16, else the nearest of those', () => {
	for (const name of THEMES) {
		for (const depth of [0, 1, 2, 3] as const) {
			const theme = themeWith(name, depth);
			for (const tone of TONES) {
				for (const colour of [theme[tone].color, theme[tone].backgroundColor])
					assert.match(colour ?? '', depth > 1 ? /^(#[0-9a-f]{6})?$/ : /^[a-zA-Z]*$/, `${name} ${tone}`);
			}
		}
	}
	assert.equal(themeWith('dark', 3).bad.color, '#ff6b6b');
	assert.equal(themeWith('dark', 1).bad.color, 'redBright');
	assert.equal(themeWith('light', 2).bad.bold, true);
});

test('without colour there is bold, underline and inverse, and nothing else', () => {
	const theme = themeWith('plain', 3);
	for (const tone of TONES)
		assert.deepEqual([theme[tone].color, theme[tone].backgroundColor], [undefined, undefined], tone);
	assert.equal(theme.chosen.inverse, true);
	assert.equal(theme.changed.inverse, true);
});

test('a sensible theme by itself', () => {
	const cases = [
		[{TERM: 'xterm-256color'}, 'dark', 2],
		[{TERM: 'xterm-256color', COLORTERM: 'truecolor'}, 'dark', 3],
		[{TERM: 'xterm-kitty'}, 'dark', 3],
		[{TERM: 'xterm'}, 'dark', 1],
		[{TERM: 'linux', COLORTERM: 'truecolor'}, 'dark', 1],
		[{TERM: 'dumb'}, 'plain', 0],
		[{TERM: 'vt220'}, 'plain', 1],
		[{TERM: 'xterm-256color', NO_COLOR: '1'}, 'plain', 2],
		[{TERM: 'xterm-256color', NO_COLOR: ''}, 'dark', 2],
		[{TERM: 'xterm-256color', NO_COLOR: '1', FORCE_COLOR: '0'}, 'plain', 2],
		[{TERM: 'xterm-256color', FORCE_COLOR: '0'}, 'plain', 2],
		[{TERM: 'vt100', FORCE_COLOR: '1'}, 'dark', 1],
		[{TERM: 'xterm', FORCE_COLOR: '3'}, 'dark', 3],
		[{TERM: 'rxvt', COLORFGBG: '0;15'}, 'light', 1],
		[{TERM: 'rxvt', COLORFGBG: '0;default;7'}, 'light', 1],
		[{TERM: 'rxvt', COLORFGBG: '15;0'}, 'dark', 1],
		[{TERM: 'rxvt', COLORFGBG: '7;8'}, 'dark', 1],
		[{TERM: 'rxvt', COLORFGBG: 'default;default'}, 'dark', 1],
		[{}, 'dark', 1],
	] as const;
	for (const [env, name, depth] of cases)
		assert.deepEqual([themeOf(env), depthOf(env)], [name, depth], JSON.stringify(env));
});

test('without colours only fields and missing pages are underlined: no guest in good health', () => {
	const underlined = TONES.filter(tone => LOOKS.plain[tone].underline);
	assert.deepEqual(underlined, ['field', 'missing']);
});
