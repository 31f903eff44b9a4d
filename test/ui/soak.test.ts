import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {handleKey} from '../../source/ui/commands/handle-key.js';
import {Display} from '../../source/ui/display.js';
import {createUi} from '../../source/ui/state/store.js';
import {targetOf} from '../../source/ui/target.js';
import {setTheme} from '../../source/ui/theme.js';
import {openTestLab} from '../helpers/lab.js';

/**
 * A round through all views: transfers, policies, scrolling, a filter, an address, help, palette, timeline. It begins
 * with a step back to the session's beginning, and what it does then takes the place of what the round before did:
 * so the history, which keeps every step by design, stays as short as it is.
 */
const ROUND = [
	...['(', '1', 'enter', 'p', 'enter', 'n', 'enter', 'tab', 'j', 'shift-tab', '?', 'down', '?'],
	...['2', 'j', 'right', 'j', 'left', 's', '/', 'v', 'm', '0', 'enter', '/', 'enter', 'a', '2', '0', 'enter'],
	...[
		'3',
		'j',
		'4',
		'right',
		'down',
		'tab',
		'5',
		'j',
		'z',
		'tab',
		'z',
		'6',
		'7',
		'j',
		'enter',
		'8',
		'j',
		'tab',
	],
	...[':', 'p', 'o', 'l', 'enter', '[', '[', ']', 'y'],
];
const WARM_UP = 20;
const ROUNDS = 40;
/** A frame that is kept takes 20 KB, a state 8; what V8 compiles on the way takes a quarter of this. */
const BYTES_A_CHANGE = 2048;

function open(t: TestContext) {
	const lab = openTestLab(t);
	lab.keepHistory(() => 0);
	const store = createUi(lab);
	let frames = 0;
	const display = new Display(store, {
		write: () => void frames++,
		on: () => {},
		off: () => {},
	});
	display.start(error => {
		throw error;
	});
	t.after(() => display.stop());
	const app = {
		exit: () => {},
		suspend: () => {},
		redraw: () => {},
		copy: () => undefined,
		target: () => targetOf(store.getState()),
	};
	const round = async () => {
		for (const key of ROUND) {
			handleKey(store, key, app);
			while (store.getState().travel !== undefined) await new Promise(setImmediate);
			display.flush();
		}
	};
	return {lab, round, frames: () => frames};
}

test('thousands of changes are drawn, and nothing of them stays on the heap', async t => {
	setFlagsFromString('--expose-gc');
	const gc: () => void = runInNewContext('gc');
	const held = () => {
		gc();
		return process.memoryUsage().heapUsed;
	};
	setTheme('dark', 3);
	const {lab, round, frames} = open(t);
	for (let i = 0; i < WARM_UP; i++) await round();
	const [before, drawn, steps] = [held(), frames(), lab.history?.length];
	for (let i = 0; i < ROUNDS; i++) await round();
	const [grown, changes] = [held() - before, frames() - drawn];
	assert.equal(lab.history?.length, steps);
	assert.ok(changes > 1500, `${changes} frames`);
	assert.ok(grown < changes * BYTES_A_CHANGE, `${grown} bytes more after ${changes} frames`);
});
