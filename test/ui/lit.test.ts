// Rows that changed are lit for a second each, whatever changes meanwhile.

import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import {dispatch} from '../../source/ui/state/dispatch.js';
import {createUi} from '../../source/ui/state/store.js';
import {openTestLab} from '../helpers/lab.js';

function open(t: TestContext) {
	t.mock.timers.enable({apis: ['setTimeout']});
	const store = createUi(openTestLab(t));
	const lit = () => store.getState().changed.size;
	return {store, lit};
}

test('rows stay lit for a second while traffic runs', t => {
	const {store, lit} = open(t);
	dispatch(store, {do: 'policy', policy: 'keep'});
	const first = [...store.getState().changed.keys()];
	assert.ok(first.length > 10);
	const allLit = () => first.every(row => store.getState().changed.has(row));
	for (let i = 0; i < 9; i++) {
		t.mock.timers.tick(100);
		dispatch(store, {do: 'work', count: 1});
		assert.ok(allLit(), `after ${(i + 1) * 100} ms`);
	}
	t.mock.timers.tick(99);
	assert.ok(allLit());
	t.mock.timers.tick(1);
	assert.ok(!first.some(row => store.getState().changed.has(row)));
	t.mock.timers.tick(1000);
	assert.equal(lit(), 0);
});

test('a row that changes again stays lit for another second; the others go out in time', t => {
	const {store, lit} = open(t);
	dispatch(store, {do: 'policy', policy: 'keep'});
	t.mock.timers.tick(500);
	const unmapped = {
		do: 'unmap',
		from: 'host',
		vm: 'vm0',
		gpa: 0x1000000,
		pages: 1,
		invalidate: true,
	} as const;
	dispatch(store, unmapped);
	const both = lit();
	t.mock.timers.tick(500);
	assert.ok(lit() > 0 && lit() < both);
	t.mock.timers.tick(499);
	assert.ok(lit() > 0);
	t.mock.timers.tick(1);
	assert.equal(lit(), 0);
});

test('without changes nothing is lit and no timer runs', t => {
	const {store} = open(t);
	const before = store.getState().changed;
	dispatch(store, {do: 'work', count: 1});
	assert.equal(store.getState().changed, before);
});
