import assert from 'node:assert/strict';
import {test} from 'node:test';
import {LOOKS} from '../../source/text/tones.js';
import {inkOn, luminanceOf} from '../../source/ui/theme.js';

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
