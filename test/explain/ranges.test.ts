import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {mappingsOf} from '../../source/explain/mappings.js';
import {holesOf, rangesOf} from '../../source/explain/ranges.js';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {VtdDriver} from '../../source/kernel/vtd.js';
import {seededRandom} from '../../source/lab/build/random.js';
import type {Owned} from '../../source/machine/observed.js';
import {MIB, openTestLab} from '../helpers/lab.js';

const PAGES = 64;
const at = (page: number) => page * PAGE_SIZE;

/** Blocks that cover pages 0–63 without a gap, by alternating owners. */
const blocks = fc.uniqueArray(fc.integer({min: 1, max: PAGES - 1}), {maxLength: 6}).map((cuts): Owned[] => {
	const edges = [0, ...cuts.sort((a, b) => a - b), PAGES];
	return edges.slice(1).map((end, i) => ({hpa: at(edges[i]), pages: end - edges[i], owner: `owner ${i}`}));
});

test('ranges and holes of a 1:1 domain together are all of memory, page by page with its owner', () => {
	fc.assert(
		fc.property(blocks, fc.array(fc.boolean(), {minLength: PAGES, maxLength: PAGES}), (owned, mapped) => {
			const memory = new Memory(16 * MIB);
			const driver = new VtdDriver(new Vtd(memory), memory, new VmPages(memory, seededRandom(1)));
			driver.init();
			const domain = driver.createDomain(16 * MIB);
			mapped.forEach((yes, page) => {
				if (yes) driver.createMapping(domain, at(page), at(page), PAGE_SIZE);
			});
			const ranges = rangesOf(mappingsOf(memory, {...domain, format: 'vt-d'}), owned);
			const holes = holesOf(ranges, owned);
			for (let page = 0; page < PAGES; page++) {
				const covering = [...ranges, ...holes].filter(
					({iova, pages}) => at(page) >= iova && at(page) < iova + at(pages),
				);
				assert.equal(covering.length, 1);
				assert.equal(covering[0].read, mapped[page]);
				const owner = owned.find(({hpa, pages}) => at(page) >= hpa && at(page) < hpa + at(pages));
				assert.equal(covering[0].owner, owner?.owner);
			}
		}),
		{seed: 10, numRuns: 100},
	);
});

test('large pages and permissions are decoded; neighbours join only where both continue', () => {
	const memory = new Memory(16 * MIB);
	memory.setU32(0x1000, 0x2000 | 3);
	memory.setU32(0x2000, 0x3000 | 3);
	memory.setU32(0x2008, 0x40000083 | 0);
	memory.setU32(0x3000, 0x200083);
	memory.setU32(0x3008, 0x400081);
	memory.setU32(0x3010, 0x4000 | 3);
	memory.setU32(0x4000, 0x600000 | 1);
	memory.setU32(0x4008, 0x601000 | 2);
	const found = mappingsOf(memory, {format: 'vt-d', root: 0x1000, levels: 4});
	assert.deepEqual(
		found.map(({iova, hpa, pages, read, write}) => [
			iova,
			hpa,
			pages,
			`${read ? 'r' : '-'}${write ? 'w' : '-'}`,
		]),
		[
			[0, 0x200000, 512, 'rw'],
			[0x200000, 0x400000, 513, 'r-'],
			[0x401000, 0x601000, 1, '-w'],
			[0x40000000, 0x40000000, 512 * 512, 'rw'],
		],
	);
});

test('a page allows no more than the entries on the way to it', () => {
	const memory = new Memory(16 * MIB);
	memory.setU32(0x1000, 0x2000 | 1);
	memory.setU32(0x2000, 0x5000 | 3);
	memory.setU32(0x2008, 0x6000 | 2);
	const found = mappingsOf(memory, {format: 'vt-d', root: 0x1000, levels: 2});
	assert.deepEqual(found, [{iova: 0, hpa: 0x5000, pages: 1, read: true, write: false}]);
});

test('what is decoded is what is in memory: a bit cleared by hand is a page gone from the table', t => {
	const lab = openTestLab(t, {policy: 'keep'});
	const host = lab.state().domains[0];
	const before = mappingsOf(lab.memory, host);
	assert.deepEqual(before, [{iova: 0, hpa: 0, pages: 65536, read: true, write: true}]);
	let table = host.root;
	for (let level = host.levels; level > 1; level--) table = (lab.memory.u32(table) & 0xfffff000) >>> 0;
	lab.memory.setU32(table + 8 * 16, 0);
	assert.deepEqual(
		mappingsOf(lab.memory, host).map(({iova, pages}) => [iova, pages]),
		[
			[0, 16],
			[17 * PAGE_SIZE, 65536 - 17],
		],
	);
});

test('a window shows the entries that have a part in it, and no other', () => {
	const memory = new Memory(16 * MIB);
	memory.setU32(0x1000, 0x2000 | 3);
	memory.setU32(0x1008, 0x2000 | 3);
	memory.setU32(0x2000, 0x3000 | 3);
	memory.setU32(0x2008, 0x400083);
	for (let i = 0; i < 512; i += 3) memory.setU32(0x3000 + 8 * i, 0x600000 | 3);
	const tables = {format: 'vt-d', root: 0x1000, levels: 3} as const;
	const all = mappingsOf(memory, tables);
	fc.assert(
		fc.property(
			fc.nat(0x1200),
			fc.integer({min: 1, max: 0x300}),
			fc.constantFrom(0, 2 ** 30),
			(page, pages, base) => {
				const from = base + at(page) - (base > 0 ? at(0x900) : 0);
				const to = from + at(pages);
				if (from < 0) return;
				const seen = mappingsOf(memory, tables, {from, to});
				assert.deepEqual(
					seen,
					all.filter(({iova, pages: length}) => iova < to && iova + at(length) > from),
				);
			},
		),
		{seed: 4, numRuns: 300},
	);
});
