import assert from 'node:assert/strict';
import {test} from 'node:test';
import {displayFlags} from '../../source/cli/flags.js';
import {parse} from '../../source/cli/parse.js';

const given = (...argv: string[]) => parse(argv, import.meta).given;

test('--no-mouse and --no-motion switch off; without them the config file decides', () => {
	const off = displayFlags(given('--no-mouse', '--no-motion'));
	assert.deepEqual([off.mouse, off.motion], [false, false]);
	const none = displayFlags(given('--large'));
	assert.deepEqual(
		[none.mouse, none.motion, none.large, none.ascii],
		[undefined, undefined, true, undefined],
	);
	for (const strange of ['--mouse', '--no-large', '--motion'])
		assert.throws(() => given(strange), {message: new RegExp(`option ${strange}`)});
});
