import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ALL_PAGES, EVENT, REG, STATUS} from '../../source/formats/amdvi.js';
import type {Amdvi} from '../../source/hardware/amdvi.js';
import {
	A,
	amdvi,
	B,
	C,
	COMMANDS,
	command,
	dte,
	EVENTS,
	LEAF,
	ON,
	put64,
	RW,
	SECOND,
	table,
} from '../helpers/amdvi.js';

const DEVTAB = (rid: number) => [rid, 2 << 28];
const PAGES = (domain: number, lo: number, hi = 0) => [0, (3 << 28) | domain, lo, hi];
const WAIT = (store: number, data: number) => [store | 1, 1 << 28, data, 0x1234];
const ALL = [0, 8 << 28];

const works = (unit: Amdvi, rid: number, page: number) => unit.translate(rid, page * 0x1000, true) >= 0;

test('all devices of a domain use a stale translation until its page is invalidated', () => {
	const {unit, memory} = amdvi();
	for (const rid of [A, C]) assert.ok(works(unit, rid, 5));
	for (const page of [5, 6]) put64(memory, LEAF + 8 * page, 0, 0);
	assert.equal(unit.translate(A, 0x5010, true), 0x105010);
	assert.ok(works(unit, B, 5), 'another device of the domain');
	assert.ok(!works(unit, A, 6), 'a translation that was never used is not cached');
	command(unit, memory, DEVTAB(A));
	assert.ok(works(unit, A, 5), 'device table entries have their own cache');
	command(unit, memory, PAGES(7, 0x4000));
	assert.ok(works(unit, A, 5), 'another page');
	command(unit, memory, PAGES(7, 0x5000));
	assert.ok(!works(unit, A, 5));
	assert.ok(works(unit, C, 5), 'another domain');
});

test('an invalidation drops pages by address and size, or a whole domain', () => {
	const dropped = (...words: number[]) => {
		const {unit, memory} = amdvi();
		for (const rid of [A, C]) for (let page = 0; page < 16; page++) works(unit, rid, page);
		for (let page = 0; page < 16; page++) put64(memory, LEAF + 8 * page, 0, 0);
		command(unit, memory, words);
		assert.equal(works(unit, C, 4), words[1] % 65536 !== 8);
		return Array.from({length: 16}, (_, page) => page).filter(page => !works(unit, A, page));
	};
	assert.deepEqual(dropped(...PAGES(7, 0x5000)), [5]);
	assert.deepEqual(dropped(...PAGES(7, 0x4000 | 1)), [4, 5]);
	assert.deepEqual(dropped(...PAGES(7, 0x5000 | 3)), [4, 5, 6, 7]);
	assert.deepEqual(dropped(...PAGES(7, 0xb000 | 1)), [8, 9, 10, 11, 12, 13, 14, 15]);
	assert.equal(dropped(...PAGES(7, ALL_PAGES.lo | 3, ALL_PAGES.hi)).length, 16);
	assert.deepEqual(dropped(...PAGES(8, ALL_PAGES.lo | 3, ALL_PAGES.hi)), []);
});

test('invalidating one page of a large page drops all of it, whether its size comes from the level or the address', () => {
	const {unit, memory} = amdvi(m => {
		for (let i = 16; i < 32; i++) table(m, LEAF + 8 * i, 0x107000, 7);
	});
	assert.equal(unit.translate(A, 0x3ff000, true), 0x7ff000);
	assert.equal(unit.translate(A, 0x10000, true), 0x100000);
	assert.equal(unit.translate(A, 0x1f000, true), 0x10f000);
	put64(memory, SECOND + 8, 0, 0);
	for (let i = 16; i < 32; i++) put64(memory, LEAF + 8 * i, 0, 0);
	command(unit, memory, PAGES(7, 0x200000), PAGES(7, 0x11000));
	for (const page of [0x3ff, 0x10, 0x1f]) assert.ok(!works(unit, A, page), `${page}`);
});

test('refusals are not cached, and an added permission needs no invalidation', () => {
	const {unit, memory} = amdvi(m => put64(m, LEAF + 8 * 5, 0, 0));
	assert.ok(!works(unit, A, 5));
	table(memory, LEAF + 8 * 5, 0x9000, 0, 0x2000_0000);
	assert.equal(unit.translate(A, 0x5000, false), 0x9000);
	assert.ok(!works(unit, A, 5));
	table(memory, LEAF + 8 * 5, 0x9000, 0);
	assert.ok(works(unit, A, 5));
});

test('a device table entry stays in use until it is invalidated, even one that does not translate', () => {
	const {unit, memory} = amdvi(m => dte(m, B, 0, 0, 0));
	assert.equal(unit.translate(A, 0x5000, true), 0x105000);
	assert.equal(unit.translate(B, 0x5000, true), 0x5000);
	dte(memory, A, 1, 0, 7);
	dte(memory, B, 1, 0, 7);
	assert.ok(works(unit, A, 5));
	assert.equal(unit.translate(B, 0x5000, true), 0x5000);
	command(unit, memory, DEVTAB(B));
	assert.ok(works(unit, A, 5));
	assert.ok(!works(unit, B, 5));
	command(unit, memory, ALL);
	assert.ok(!works(unit, A, 5));
});

test('a device without permission is refused even if the page is cached for another device of its domain', () => {
	const {unit} = amdvi(memory => dte(memory, B, 0x3000 | (4 << 9) | 3, 0x2000_0000, 7));
	assert.ok(works(unit, A, 5));
	assert.ok(!works(unit, B, 5));
	assert.equal(unit.translate(B, 0x5000, false), 0x105000);
});

test('INVALIDATE_ALL drops translations and device table entries', () => {
	const {unit, memory} = amdvi();
	for (const rid of [A, C]) works(unit, rid, 5);
	put64(memory, LEAF + 8 * 5, 0, 0);
	command(unit, memory, ALL);
	for (const rid of [A, C]) assert.ok(!works(unit, rid, 5));
});

test('COMPLETION_WAIT stores its data and sets its bit, and the head wraps', () => {
	const {unit, memory} = amdvi();
	unit.write32(REG.COMMAND_HEAD, 0xff0);
	unit.write32(REG.COMMAND_TAIL, 0xff0);
	command(unit, memory, WAIT(0xa000, 0xcafe), [2, 1 << 28]);
	assert.deepEqual([memory.u32(0xa000), memory.u32(0xa004)], [0xcafe, 0x1234]);
	assert.equal(unit.read32(REG.COMMAND_HEAD), 0x10);
	assert.ok(unit.read32(REG.STATUS) & STATUS.COMPLETION_INT);
	unit.write32(REG.STATUS, STATUS.COMPLETION_INT);
	assert.equal(unit.read32(REG.STATUS) & STATUS.COMPLETION_INT, 0);
});

test('an unknown command logs an event and stops the ring until the buffer is enabled again', () => {
	const {unit, memory} = amdvi();
	command(unit, memory, [0, 5 << 28], [0, 9 << 28], WAIT(0xa000, 1));
	assert.equal(unit.read32(REG.COMMAND_HEAD), 0x10);
	assert.equal(unit.read32(REG.STATUS) & STATUS.COMMAND_RUN, 0);
	assert.equal(memory.u32(EVENTS + 4) >>> 28, EVENT.ILLEGAL_COMMAND_ERROR);
	assert.equal(memory.u32(EVENTS + 8), COMMANDS + 0x10);
	assert.equal(memory.u32(0xa000), 0);
	command(unit, memory, WAIT(0xa000, 2));
	assert.equal(memory.u32(0xa000), 0, 'still stopped');
	memory.setU32(COMMANDS + 0x14, 8 << 28);
	unit.write32(REG.CONTROL, ON);
	assert.equal(memory.u32(0xa000), 0, 'it was enabled already');
	unit.write32(REG.CONTROL, ON & ~0x1000);
	unit.write32(REG.CONTROL, ON);
	assert.equal(memory.u32(0xa000), 2);
});

test('commands wait until the buffer is enabled, and a buffer outside memory logs an event', () => {
	const {unit, memory} = amdvi();
	unit.write32(REG.CONTROL, 0);
	command(unit, memory, WAIT(0xa000, 1));
	assert.equal(unit.read32(REG.COMMAND_HEAD), 0);
	unit.write32(REG.CONTROL, ON);
	assert.equal(memory.u32(0xa000), 1);
	unit.write32(REG.COMMAND_BASE, 0x7fff0000);
	unit.write32(REG.COMMAND_TAIL, 0x20);
	assert.equal(memory.u32(EVENTS + 4) >>> 28, EVENT.COMMAND_HARDWARE_ERROR);
	assert.equal(memory.u32(EVENTS + 8), 0x7fff0010);
});

test('a replaced table takes effect after both caches are invalidated', () => {
	const {unit, memory} = amdvi();
	assert.equal(unit.translate(A, 0x5000, true), 0x105000);
	table(memory, 0x7000 + 8 * 5, 0x9000, 0);
	dte(memory, A, 0x7000 | (1 << 9) | 3, RW, 7);
	command(unit, memory, DEVTAB(A));
	assert.equal(unit.translate(A, 0x5000, true), 0x105000);
	command(unit, memory, PAGES(7, ALL_PAGES.lo | 1, ALL_PAGES.hi));
	assert.equal(unit.translate(A, 0x5000, true), 0x9000);
});
