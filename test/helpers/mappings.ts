// A property of both families' drivers: exactly the mapped pages translate.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {ridOf} from '../../source/formats/pci.js';
import type {Translator} from '../../source/hardware/dma.js';
import type {IommuOps} from '../../source/kernel/iommu.js';

const RID = ridOf(4, 0, 0);

/** Pages near the boundaries of tables: 0, 2 MiB, 1 GiB, 4 GiB, 512 GiB. */
const page = fc
	.tuple(fc.constantFrom(0, 512, 2 ** 18, 2 ** 20, 2 ** 27), fc.integer({min: -3, max: 600}))
	.map(([base, offset]) => Math.max(0, base + offset));

/**
 * Maps and unmaps at random, and then checks every page involved and its neighbours. `answer` is the expected result
 * of a write to the start of a page, which is mapped to a frame or unmapped.
 */
export function checkMappings(
	machine: () => {unit: Translator; driver: IommuOps},
	answer: (frame: number | undefined) => number,
): void {
	fc.assert(
		fc.property(
			fc.array(
				fc.record({map: fc.boolean(), page, count: fc.integer({min: 1, max: 700}), to: fc.nat(2 ** 30)}),
				{maxLength: 12},
			),
			steps => {
				const {unit, driver} = machine();
				const domain = driver.createDomain(2 ** 47);
				driver.addDevice(domain, RID);
				const model = new Map<number, number>();
				for (const {map, page: first, count, to} of steps) {
					if (map) driver.createMapping(domain, first * PAGE_SIZE, to * PAGE_SIZE, count * PAGE_SIZE);
					else driver.removeMapping(domain, first * PAGE_SIZE, count * PAGE_SIZE);
					for (let i = 0; i < count; i++) {
						if (map) model.set(first + i, to + i);
						else model.delete(first + i);
					}
				}
				driver.invalidateTlb(domain);
				const probes = steps.flatMap(({page: first, count}) => [
					first - 1,
					first,
					first + 1,
					first + count - 1,
					first + count,
				]);
				for (const probe of [...model.keys(), ...probes]) {
					if (probe < 0) continue;
					const want = answer(model.get(probe));
					const got = unit.translate(RID, probe * PAGE_SIZE + 8, true);
					assert.equal(got, want < 0 ? want : want + 8);
				}
			},
		),
		{seed: 3, numRuns: 40},
	);
}
