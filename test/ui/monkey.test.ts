// A few seconds of what npm run monkey does for an hour.

import assert from 'node:assert/strict';
import path from 'node:path';
import {test} from 'node:test';
import {runMonkey} from '../helpers/monkey.js';

const HOST = path.resolve(import.meta.dirname, '../live/host');

for (const [what, seed, args] of [
	['the lab, with guests at work', 7, []],
	['a host', 8, ['host', '--root', path.join(HOST, 'intel.tar'), '--log', path.join(HOST, 'faults.log')]],
] as const)
	test(`random keys: ${what}`, async t => {
		const {compared, wrong} = await runMonkey(t, {seconds: 8, seed, args});
		assert.deepEqual(wrong, []);
		assert.ok(compared > 0);
	});
