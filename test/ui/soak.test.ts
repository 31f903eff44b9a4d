import assert from 'node:assert/strict';
import {test} from 'node:test';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {openTestLab} from '../helpers/lab.js';

// React's development build keeps what it measures. A package reads this when it is loaded.
process.env.NODE_ENV = 'production';
const {openDashboard} = await import('../helpers/terminal.js');

/**
 * A round through all views: transfers, policies, scrolling, a filter, an address, help, palette, timeline. It begins
 * with a step back to the session's beginning, and what it does then takes the place of what the round before did:
 * so the history, which keeps every step by design, stays as short as it is.
 */
const ROUND = [
	...['(', 'alt-1', 'enter', 'p', 'enter', 'n', 'enter', 'tab', 'j', 'shift-tab', '?', 'down', '?', '?'],
	...[
		'alt-2',
		'j',
		'right',
		'j',
		'left',
		's',
		'/',
		'v',
		'm',
		'0',
		'enter',
		'/',
		'enter',
		'a',
		'2',
		'0',
		'enter',
	],
	...[
		'alt-3',
		'j',
		'alt-4',
		'right',
		'down',
		'tab',
		'alt-5',
		'j',
		'z',
		'tab',
		'z',
		'alt-6',
		'alt-7',
		'j',
		'enter',
		'alt-8',
		'j',
		'tab',
	],
	...[':', 'p', 'o', 'l', 'enter', '[', '[', ']', 'y'],
];
/** Of a round: three transfers and two policies. */
const STEPS = 5;
const WARM_UP = 5;
const ROUNDS = 10;
/** A frame that is kept takes 20 KB, a state 8; what V8 compiles on the way takes a quarter of this. */
const BYTES_A_CHANGE = 2048;

test('hundreds of changes are drawn, and nothing of them stays on the heap', async t => {
	setFlagsFromString('--expose-gc');
	const gc: () => void = runInNewContext('gc');
	const held = () => {
		gc();
		return process.memoryUsage().heapUsed;
	};
	const lab = openTestLab(t);
	const {press} = openDashboard(t, lab, 80, 24);
	const rounds = async (count: number) => {
		for (let i = 0; i < count; i++) await press(...ROUND);
	};
	await rounds(WARM_UP);
	const before = held();
	await rounds(ROUNDS);
	const [grown, changes] = [held() - before, ROUNDS * ROUND.length];
	assert.equal(lab.history?.length, STEPS, 'the history is as short as one round');
	assert.ok(grown < changes * BYTES_A_CHANGE, `${grown} bytes more after ${changes} keys`);
});
