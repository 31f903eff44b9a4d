import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {Memory} from '../../source/hardware/memory.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {seededRandom} from '../../source/lab/build/random.js';
import {UserError} from '../../source/user-error.js';
import {MIB} from '../helpers/lab.js';

const total = (runs: readonly {bytes: number}[]) => runs.reduce((sum, {bytes}) => sum + bytes, 0);

test('a guest with a quarter of the memory gets tens of runs, whatever its size', () => {
	for (const bytes of [64 * MIB, 256 * MIB, 1024 * MIB]) {
		const pages = new VmPages(new Memory(bytes), seededRandom(1));
		const runs = pages.alloc(bytes / 4 / PAGE_SIZE, 'vm0');
		assert.equal(total(runs), bytes / 4);
		assert.ok(runs.length >= 10 && runs.length <= 99, `${runs.length} runs`);
	}
});

test('every page has one owner, and no page is allocated twice', () => {
	fc.assert(
		fc.property(fc.integer(), fc.array(fc.integer({min: 1, max: 3000}), {maxLength: 5}), (seed, sizes) => {
			const memory = new Memory(64 * MIB);
			const pages = new VmPages(memory, seededRandom(seed));
			const runs = sizes.flatMap((size, i) => pages.alloc(size, `user ${i}`));
			const sorted = runs.sort((a, b) => a.hpa - b.hpa);
			assert.ok(sorted.every((run, i) => i === 0 || run.hpa >= sorted[i - 1].hpa + sorted[i - 1].bytes));
			const owned = pages.owned();
			let at = 0;
			for (const block of owned) {
				assert.equal(block.hpa, at);
				at += block.pages * PAGE_SIZE;
			}
			assert.equal(at, memory.end);
			sizes.forEach((size, i) => {
				const counted = owned
					.filter(({owner}) => owner === `user ${i}`)
					.reduce((sum, block) => sum + block.pages, 0);
				assert.equal(counted, size);
			});
		}),
		{seed: 4, numRuns: 50},
	);
});

test('with several memory segments every page has one owner, and the hole has none', () => {
	for (const gib of [4, 50, 100]) {
		const memory = new Memory(gib * 1024 * MIB);
		const owned = new VmPages(memory, seededRandom(1)).owned();
		const total = owned.reduce((sum, {pages}) => sum + pages * PAGE_SIZE, 0);
		assert.equal(total, gib * 1024 * MIB);
		const end = (i: number) => owned[i].hpa + owned[i].pages * PAGE_SIZE;
		assert.ok(owned.every(({hpa}, i) => i === 0 || hpa >= end(i - 1)));
		assert.ok(owned.every(({hpa}, i) => end(i) <= 3072 * MIB || hpa >= 4096 * MIB));
	}
});

test('an allocation that is too large is refused with a message and takes nothing', () => {
	const pages = new VmPages(new Memory(64 * MIB), seededRandom(1));
	const before = pages.owned();
	assert.throws(() => pages.alloc(20000, 'vm0'), UserError);
	assert.deepEqual(pages.owned(), before);
});

test('a table page is zeroed, even if it was used before', () => {
	const memory = new Memory(64 * MIB);
	const pages = new VmPages(memory, seededRandom(1));
	const page = pages.allocPage('tables');
	memory.view(page, PAGE_SIZE).fill(0xff);
	pages.freePage(page);
	assert.equal(pages.allocPage('tables'), page);
	assert.ok(memory.view(page, PAGE_SIZE).every(byte => byte === 0));
});

test('contiguous pages may span several free blocks, and the rest stays free', () => {
	const memory = new Memory(64 * MIB);
	for (let seed = 0; seed < 20; seed++) {
		const pages = new VmPages(memory, seededRandom(seed));
		const hpa = pages.allocContiguous(512, 'device table');
		assert.deepEqual(
			pages.owned().filter(({owner}) => owner === 'device table'),
			[{hpa, pages: 512, owner: 'device table'}],
		);
		assert.equal(
			pages.owned().reduce((sum, block) => sum + block.pages, 0),
			16384,
		);
	}
	assert.throws(() => new VmPages(memory, seededRandom(1)).allocContiguous(16000, 'too much'), UserError);
});
