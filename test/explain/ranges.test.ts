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
import {MIB} from '../helpers/lab.js';

const PAGES = 64;
const at = (page: number) => page * PAGE_SIZE;

/** Blocks that cover pages 0–63 without a gap. */
const blocks = fc.uniqueArray(fc.integer({min: 1, max: PAGES - 1}), {maxLength: 6}).map((cuts): Owned[] => {
	const edges = [0, ...cuts.sort((a, b) => a - b), PAGES];
	return edges.slice(1).map((end, i) => ({hpa: at(edges[i]), pages: end - edges[i], owner: `owner ${i}`}));
});

test('the ranges and holes of a 1:1 domain cover each page of memory once, with its owner', () => {
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
