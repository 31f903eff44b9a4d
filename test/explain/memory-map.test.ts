import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {banksOf} from '../../source/explain/banks.js';
import {addressOfCell, cellAt, letterOf, memoryMap, spread} from '../../source/explain/memory-map.js';
import {type DomainView, ownerAt, type Range, viewDomain} from '../../source/explain/ranges.js';
import {GIB, PAGE_SIZE} from '../../source/formats/address.js';
import type {Owned} from '../../source/machine/observed.js';
import type {Domain} from '../../source/machine/tables.js';
import {openTestLab} from '../helpers/lab.js';
import {soon} from '../helpers/soon.js';

const HOST: Domain = {id: 1, role: 'host', format: 'vt-d', root: 0, levels: 4};
const view = (ranges: Range[]): DomainView => ({domain: HOST, ranges, mappedPages: 0, removedPages: 0});
const at = (page: number) => page * PAGE_SIZE;
const NAMES = ['kernel', 'free', 'vm0', 'vm1', 'iommu tables', 'bhyve vm0', 'ahci0'];

test('a cell shows its main owner, and how much of it the host domain maps', () => {
	const block = fc.record({
		gap: fc.constantFrom(0, 0, 0, 7),
		pages: fc.integer({min: 1, max: 40}),
		owner: fc.constantFrom(...NAMES),
	});
	fc.assert(
		fc.property(
			fc.array(block, {minLength: 1, maxLength: 12}),
			fc.array(fc.boolean(), {minLength: 600, maxLength: 600}),
			fc.integer({min: 1, max: 90}),
			(blocks, mapped, wanted) => {
				let end = 0;
				const owned = blocks.map(({gap, pages, owner}): Owned => {
					const hpa = at(end + gap);
					end += gap + pages;
					return {hpa, pages, owner};
				});
				const ranges = mapped.slice(0, end).map((yes, page): Range => {
					const owner = ownerAt(owned, at(page));
					return {iova: at(page), hpa: at(page), pages: 1, read: yes, write: yes, owner};
				});
				const map = memoryMap({owned, vms: []}, view(ranges), wanted);
				const memory = owned.flatMap(({hpa, pages}) =>
					Array.from({length: pages}, (_, i) => hpa / PAGE_SIZE + i),
				);
				assert.equal(map.cells.length, Math.min(wanted, memory.length));
				let n = 0;
				for (const [i, cell] of map.cells.entries()) {
					assert.equal(addressOfCell(map, i), at(memory[n]));
					const counts = new Map<string, number>();
					let reached = 0;
					let total = 0;
					for (; n < memory.length && cellAt(map, at(memory[n]) + 9) === i; n++) {
						const owner = ownerAt(owned, at(memory[n]));
						total++;
						counts.set(owner, (counts.get(owner) ?? 0) + 1);
						if (mapped[memory[n]]) reached++;
					}
					assert.equal(counts.get(cell.owner) ?? 0, Math.max(0, ...counts.values()));
					assert.equal(cell.mixed, counts.size > 1);
					const expected =
						total === 0 ? undefined : reached === total ? 'all' : reached > 0 ? 'some' : 'none';
					assert.equal(cell.mapped, expected);
				}
				assert.equal(n, memory.length, 'cells are all of memory, and nothing else');
			},
		),
		{seed: 31, numRuns: 150},
	);
});

test('a hole of any size takes no cell; an address in it is shown where the memory before it ends', () => {
	const owned = [
		{hpa: at(1), pages: 4, owner: 'kernel'},
		{hpa: at(2 ** 36), pages: 4, owner: 'vm0'},
	];
	const map = memoryMap({owned, vms: []}, undefined, 4);
	assert.deepEqual(
		map.cells.map(({owner}) => owner),
		['kernel', 'kernel', 'vm0', 'vm0'],
	);
	assert.deepEqual([map.pages, addressOfCell(map, 2)], [8, at(2 ** 36)]);
	assert.deepEqual(
		[0, 1, 5, 2 ** 35, 2 ** 36, 2 ** 40].map(page => cellAt(map, at(page))),
		[0, 0, 1, 1, 2, 3],
	);
});

test('a letter for each owner, and a legend of all of them', () => {
	const vms = ['a', 'b', ...Array.from({length: 10}, (_, i) => `vm${i}`)];
	const letters = ['kernel', 'iommu tables', 'a', 'b', 'vm7', 'vm8', 'bhyve a', 'ahci0', 'free', 'no memory'];
	assert.deepEqual(letters.map(owner => letterOf(owner, vms)).join(''), 'kt019gbd· ');
	const owned = [
		{hpa: 0, pages: 10, owner: 'bhyve vm0'},
		{hpa: at(10), pages: 50, owner: 'free'},
		{hpa: at(60), pages: 30, owner: 'bhyve vm1'},
	];
	assert.deepEqual(memoryMap({owned, vms: []}, undefined, 4).legend, [
		{letter: '·', text: 'free', pages: 50},
		{letter: 'b', text: 'bhyve vm0, bhyve vm1', pages: 40},
	]);
});

test('the lab’s memory: a guest’s cells are not mapped under remove', t => {
	const lab = openTestLab(t);
	const state = lab.state();
	const host = viewDomain(lab.memory, state.owned, state.domains[0]);
	const {cells} = memoryMap(state, host, 2000);
	const own = (owner: string) =>
		cells.filter(cell => cell.owner === owner && !cell.mixed).map(({mapped}) => mapped);
	assert.deepEqual([...new Set(own('vm0'))], ['none']);
	assert.deepEqual([...new Set(own('vm1'))], ['all']);
	assert.equal(cells[0].letter, 'k');
	assert.equal(memoryMap(state, undefined, 10).cells[0].mapped, undefined, 'no host domain');
});

test('memory can be empty, or have fewer pages than cells', () => {
	assert.deepEqual(memoryMap({owned: [], vms: []}, undefined, 80).cells, []);
	assert.equal(
		memoryMap({owned: [{hpa: 0, pages: 3, owner: 'free'}], vms: []}, undefined, 80).cells.length,
		3,
	);
});

test('a map of 256 GiB in a million ranges is drawn fast', () => {
	const pages = (256 * GIB) / PAGE_SIZE;
	const owned = Array.from(
		{length: 4096},
		(_, i): Owned => ({hpa: at((i * pages) / 4096), pages: pages / 4096, owner: NAMES[i % 7]}),
	);
	const ranges = Array.from(
		{length: 1_000_000},
		(_, i): Range => ({iova: at(i * 67), hpa: at(i * 67), pages: 60, read: true, write: true, owner: 'free'}),
	);
	const map = soon(1000, () => memoryMap({owned, vms: []}, view(ranges), 200 * 50));
	assert.equal(map.cells.length, 10_000);
});

test('every page of 2^40 is in a cell, however many cells there are', () => {
	const pages = 2 ** 40;
	for (const cells of [1, 2940, 9647, 9963, 10917]) {
		const counts = new Float64Array(cells);
		spread(counts, banksOf([{hpa: 0, pages, owner: 'free'}]), 0, pages);
		assert.equal(
			counts.reduce((sum, count) => sum + count, 0),
			pages,
		);
	}
});
