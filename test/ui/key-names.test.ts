import assert from 'node:assert/strict';
import {test} from 'node:test';
import {keyNames} from '../../source/ui/commands/keys.js';

const PLAIN = {
	...{upArrow: false, downArrow: false, leftArrow: false, rightArrow: false, pageDown: false, pageUp: false},
	...{
		home: false,
		end: false,
		return: false,
		escape: false,
		ctrl: false,
		shift: false,
		tab: false,
		meta: false,
	},
	...{backspace: false, delete: false, super: false, hyper: false, capsLock: false, numLock: false},
};

test('keys that come at once are each a press, control characters among them', () => {
	assert.deepEqual(keyNames('a\x0cé\r \x1a\x03', PLAIN), [
		'a',
		'ctrl-l',
		'é',
		'enter',
		'space',
		'ctrl-z',
		'ctrl-c',
	]);
});

test('a key by itself', () => {
	assert.deepEqual(keyNames('l', {...PLAIN, ctrl: true}), ['ctrl-l']);
	assert.deepEqual(keyNames('', {...PLAIN, upArrow: true}), ['up']);
	assert.deepEqual(keyNames('', PLAIN), ['']);
	assert.deepEqual(keyNames('é', PLAIN), ['é']);
});
