import assert from 'node:assert/strict';
import {test} from 'node:test';
import {LOOKS, TONES} from '../../source/text/tones.js';
import {inkOn, luminanceOf} from '../../source/ui/theme.js';
import {among256, distance, EYES, type Rgb, rgbOf} from '../helpers/colours.js';

test('the text of a verdict bar is legible on its colour, in every theme', () => {
	for (const theme of ['dark', 'light', 'colour-blind'] as const) {
		for (const tone of ['good', 'bad', 'warn'] as const) {
			const [hex, basic] = LOOKS[theme][tone].text ?? [];
			assert.ok(hex && basic);
			const [ink, ground] = [inkOn(hex) === 'black' ? 0 : 1, luminanceOf(hex)];
			const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
			assert.ok(contrast >= 4.5, `${theme} ${tone}: ${contrast.toFixed(1)}`);
		}
	}
	assert.deepEqual(['red', 'magenta', 'green', 'redBright', 'yellow', 'blueBright'].map(inkOn), [
		'white',
		'white',
		'white',
		'black',
		'black',
		'black',
	]);
});

/** They stand side by side in the map of memory and in the host's table. */
const SIDE_BY_SIDE = [...TONES.filter(tone => tone.startsWith('owner')), 'bad'] as const;

test('owners of memory have hues far apart, in 24 bits and among 256 colours, for every kind of eye', () => {
	for (const theme of ['dark', 'light', 'colour-blind'] as const) {
		const eyes = theme === 'colour-blind' ? [undefined, ...keysOf(EYES)] : [undefined];
		for (const [depth, shown] of [
			['24 bits', (colour: Rgb) => colour],
			['256 colours', among256],
		] as const)
			for (const eye of eyes) {
				const colours = SIDE_BY_SIDE.map(tone => shown(rgbOf(LOOKS[theme][tone].text?.[0] ?? '')));
				colours.forEach((one, i) => {
					for (let j = i + 1; j < colours.length; j++) {
						const apart = distance(one, colours[j], eye);
						const what = `${theme}, ${depth}, ${eye ?? 'most people'}: ${SIDE_BY_SIDE[i]}, ${SIDE_BY_SIDE[j]}`;
						assert.ok(apart >= (eye ? 13 : 20), `${what}: ${apart.toFixed(0)}`);
					}
				});
			}
	}
});

test('a deuteranope mistakes the red and the green of the dark theme, so distance is measured', () => {
	const [red, green] = [rgbOf('#d75f5f'), rgbOf('#87875f')];
	assert.ok(distance(red, green) > 30);
	assert.ok(distance(red, green, 'deuteranope') < 15);
	assert.deepEqual(among256(rgbOf('#ffa640')), [255, 175, 95]);
});

const keysOf = <K extends string>(record: Readonly<Record<K, unknown>>): K[] => {
	const keys: K[] = [];
	for (const key in record) keys.push(key);
	return keys;
};
