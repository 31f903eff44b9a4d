import assert from 'node:assert/strict';
import {test} from 'node:test';
import {chosenOf, moved, settle, TOP} from '../../source/ui/state/list.js';

const sized = (rows: readonly string[], page = 3) => ({
	count: rows.length,
	page,
	selects: true,
	key: (index: number) => rows[index],
});
const keyOf = (row: string): string => row;

test('a chosen row stays chosen, and in its place on the screen, as rows come above it', () => {
	const before = ['a', 'b', 'c', 'd', 'e', 'f'];
	const place = moved(sized(before), {top: 2, cursor: 2}, at => at + 1);
	assert.deepEqual(place, {top: 2, cursor: 3, key: 'd'});
	const now = ['x', 'y', ...before];
	assert.deepEqual(settle(sized(now), place), {top: 4, cursor: 5, key: 'd'});
	assert.equal(chosenOf(now, keyOf, place), 'd');
});

test('at the top of a list, new rows show until the chosen one would leave the screen', () => {
	const place = settle(sized(['a', 'b', 'c']), TOP);
	assert.deepEqual(settle(sized(['x', 'a', 'b', 'c']), place), {top: 0, cursor: 1, key: 'a'});
	assert.deepEqual(settle(sized(['w', 'x', 'y', 'a', 'b']), place), {top: 1, cursor: 3, key: 'a'});
});

test('without a choice the first row is chosen, whatever it is', () => {
	assert.equal(chosenOf(['new', 'old'], keyOf, TOP), 'new');
	assert.equal(chosenOf(['new', 'old'], keyOf), 'new');
	assert.equal(chosenOf([], keyOf, {top: 0, cursor: 7, key: 'gone'}), undefined);
});

test('the next row takes the place of a chosen one that is gone, the last one at the end', () => {
	const place = {top: 0, cursor: 1, key: 'b'};
	assert.equal(settle(sized(['a', 'c', 'd']), place).key, 'c');
	assert.equal(settle(sized(['a']), place).key, 'a');
	assert.deepEqual(settle(sized([]), place), {top: 0, cursor: 0});
});
