import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {domainMap} from '../../source/explain/domain-map.js';
import {cellAt} from '../../source/explain/memory-map.js';
import {UNKNOWN, viewDomain} from '../../source/explain/ranges.js';
import {PAGE_SIZE} from '../../source/formats/address.js';
import type {Owned} from '../../source/machine/observed.js';
import type {Domain, Mapping} from '../../source/machine/tables.js';

const at = (page: number) => page * PAGE_SIZE;
const owned: readonly Owned[] = [
	{hpa: 0, pages: 40, owner: UNKNOWN},
	{hpa: at(60), pages: 100, owner: UNKNOWN},
];
const inMemory = (page: number) => page < 40 || (page >= 60 && page < 160);
const memory = {page: () => undefined};

const run = fc.record({
	page: fc.integer({min: 0, max: 170}),
	pages: fc.integer({min: 1, max: 20}),
	write: fc.boolean(),
});

test('a cell shows how many domains reach its most shared page', () => {
	fc.assert(
		fc.property(
			fc.array(fc.array(run, {maxLength: 6}), {maxLength: 4}),
			fc.integer({min: 1, max: 200}),
			(domains, wanted) => {
				const reach = Array.from({length: 160}, () => new Set<number>());
				const views = domains.map((runs, id) => {
					let iova = 0;
					const mappings = runs.map(({page, pages, write}): Mapping => {
						for (let i = page; i < page + pages; i++) if (inMemory(i)) reach[i].add(id);
						iova += at(100);
						return {iova, hpa: at(page), pages, read: !write, write};
					});
					const domain: Domain = {id, role: 'os', format: 'vt-d', root: 0x1000, levels: 3, mappings};
					return viewDomain(memory, owned, domain);
				});
				const map = domainMap(owned, views, wanted);
				assert.equal(map.cells.length, Math.min(wanted, 140));
				const most = map.cells.map(() => -1);
				for (const [page, by] of reach.entries())
					if (inMemory(page)) most[cellAt(map, at(page))] = Math.max(most[cellAt(map, at(page))], by.size);
				assert.deepEqual(
					map.cells.map(({letter}) => letter),
					most.map(count => ['·', '1'][count] ?? '+'),
				);
				const count = (is: (by: number) => boolean) =>
					reach.filter(({size}, page) => inMemory(page) && is(size)).length;
				assert.deepEqual(
					map.legend.map(({pages}) => pages),
					[count(by => by === 0), count(by => by === 1), count(by => by > 1)],
				);
			},
		),
		{seed: 23, numRuns: 300},
	);
});

test('without memory there are no cells', () => {
	assert.deepEqual(domainMap([], [], 100).cells, []);
});
