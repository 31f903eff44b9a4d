// The decoders of table entries, word by word.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {HIGH} from '../../source/formats/address.js';
import {IR, levelBits, PR} from '../../source/formats/amdvi.js';
import * as amdvi from '../../source/formats/amdvi-tables.js';
import * as vtd from '../../source/formats/vtd-tables.js';

test('VT-d: an entry leads to the next level, to a page, or nowhere', () => {
	const next = vtd.nextLevel;
	assert.deepEqual([next(0x1003, 4), next(0x1001, 3), next(0x1002, 2)], [3, 2, 1]);
	assert.deepEqual([next(0x1003, 1), next(0x1083, 1)], [0, 0]);
	assert.deepEqual([next(0x200083, 2), next(0x40000083, 3)], [0, 0]);
	assert.deepEqual([next(0, 4), next(0x1080, 2), next(0x1000, 1)], [-1, -1, -1], 'neither R nor W');
	assert.deepEqual([next(0x201083, 2), next(0x40200083, 3)], [-1, -1], 'address bits below the size');
	assert.deepEqual([next(0x83, 4), next(0x83, 5), next(0x83, 9)], [-1, -1, -1], 'no pages from level 4 on');
});

test('AMD-Vi: an entry leads to a lower level, to a page, or nowhere', () => {
	const next = (nextOf: number, level: number, lo = 0x1000 | PR, hi = 0) =>
		amdvi.nextLevel(lo | levelBits(nextOf), hi, level);
	assert.deepEqual([next(3, 4), next(1, 4), next(0, 1), next(0, 3)], [3, 1, 0, 0]);
	assert.deepEqual([next(4, 4), next(6, 3), next(0, 6)], [-1, -1, -1], 'not below the level; no such page');
	assert.equal(next(3, 4, 0x1000), -1, 'not present');
	const bit59 = 0x0800_0000;
	assert.deepEqual([next(3, 4, 1, bit59), next(0, 4, 1, bit59)], [-1, 0], 'reserved in a table’s entry only');
	assert.equal(next(7, 1, 0x1001, 0x0400_0000), -1, 'reserved bits');
	assert.deepEqual(
		[next(7, 1, 0x1001), next(7, 1, 0x2001), next(7, 1, 0xff001)],
		[0, 0, -1],
		'sizes of level 1',
	);
});

test('AMD-Vi: a device table entry', () => {
	assert.equal(amdvi.decodeDte(0x3000 | 2, IR, 7).valid, false);
	assert.deepEqual(amdvi.decodeDte(0x3000 | levelBits(4) | 1, IR | 5, 0x10007), {
		valid: true,
		translates: false,
		root: 5 * HIGH + 0x3000,
		levels: 4,
		domain: 7,
		read: true,
		write: false,
	});
	assert.deepEqual(amdvi.dteReserved(0x3ff, 0x1010_0000), [0x1fc, 0x1010_0000]);
});

test('VT-d: root and context entries', () => {
	assert.deepEqual(vtd.decodeRoot(0x5001, 2), {present: true, contextTable: 2 * HIGH + 0x5000});
	assert.deepEqual(vtd.decodeContext(0x7007, 1, 0xbeef02), {
		present: true,
		faultsDisabled: true,
		type: 1,
		root: HIGH + 0x7000,
		levels: 4,
		domain: 0xbeef,
	});
	assert.equal(vtd.decodeContext(0x7006, 1, 0x702).present, false);
});

test('VT-d: what a unit supports, and the bits that it reserves', () => {
	const unit = {capLo: 0x106f0466, capHi: 0x00d20784, ecapLo: 0x00f02000, hostAddressWidth: 46};
	assert.deepEqual(
		[2, 3, 4, 5].map(levels => vtd.hasLevels(unit, levels)),
		[false, false, true, false],
	);
	assert.deepEqual(
		[0, 1, 2, 3].map(type => vtd.hasType(unit, type)),
		[true, false, false, false],
	);
	assert.deepEqual(
		[1, 2, 3, 4].map(level => vtd.hasPageSize(unit, level)),
		[true, true, false, false],
	);
	assert.equal(vtd.addressBits(unit, 4), 48);
	assert.deepEqual(vtd.rootReserved(unit, 0x1003, 0x4000, 0, 9), [
		[2, 0x4000],
		[0, 9],
	]);
	assert.deepEqual(vtd.entryReserved(unit, 0x1803, 0x4000_4000, 1), [[0x800, 0x4000_4000]]);
	assert.deepEqual(vtd.entryReserved(unit, 0x200083, 0, 2), [[0, 0]]);
	assert.deepEqual(vtd.entryReserved(unit, 0x40000083, 0, 3), [[0x80, 0]], 'no pages of 1 GiB');
	assert.deepEqual(vtd.entryReserved(unit, 0x1083, 0, 4), [[0x80, 0]]);
});
