import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {mappingsOf} from '../../source/explain/mappings.js';
import {nearest} from '../../source/explain/neighbours.js';
import {type Range, rangesOf} from '../../source/explain/ranges.js';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {VtdDriver} from '../../source/kernel/vtd.js';
import {seededRandom} from '../../source/lab/build/random.js';
import {MIB} from '../helpers/lab.js';

const end = ({iova, pages}: Range) => iova + pages * PAGE_SIZE;

test('the neighbours match a decoding of the whole domain', () => {
	const page = fc.tuple(fc.constantFrom(0, 512, 4096, 2 ** 18, 2 ** 30), fc.nat(700)).map(([a, b]) => a + b);
	fc.assert(
		fc.property(
			fc.array(fc.tuple(page, fc.integer({min: 1, max: 600}), fc.nat(3000)), {maxLength: 5}),
			fc.array(page, {minLength: 1, maxLength: 8}),
			(mapped, asked) => {
				const memory = new Memory(16 * MIB);
				const pages = new VmPages(memory, seededRandom(1));
				const driver = new VtdDriver(new Vtd(memory), memory, pages);
				const tables = {...driver.createDomain(2 ** 48), format: 'vt-d'} as const;
				for (const [first, count, to] of mapped)
					driver.createMapping(tables, first * PAGE_SIZE, to * PAGE_SIZE, count * PAGE_SIZE);
				const owned = pages.owned();
				const all = rangesOf(mappingsOf(memory, tables), owned);
				for (const at of asked.map(number => number * PAGE_SIZE)) {
					const here = all.find(range => at >= range.iova && at < end(range));
					const {below, above, ...found} = nearest(memory, owned, tables, at + 5);
					assert.deepEqual(found.here, here);
					assert.deepEqual(below, all.filter(range => end(range) <= (here?.iova ?? at)).at(-1));
					assert.deepEqual(
						above,
						all.find(range => range.iova > at),
					);
				}
			},
		),
		{seed: 21, numRuns: 150},
	);
});
