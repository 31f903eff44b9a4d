import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {partsOf} from '../../source/ui/state/unfold.js';

test('the parts of a run are all of it, in order, and each lies in one entry of its level', () => {
	fc.assert(
		fc.property(fc.nat(2 ** 22), fc.integer({min: 1, max: 2 ** 21}), fc.nat(2 ** 22), (from, pages, to) => {
			const run = {iova: from * PAGE_SIZE, hpa: to * PAGE_SIZE, pages, read: true, write: true, owner: 'vm0'};
			const parts = partsOf(run);
			if (pages === 1) return assert.deepEqual(parts, []);
			assert.ok(parts.length > 1 && parts.length <= 1025);
			let page = from;
			for (const part of parts) {
				assert.equal(part.iova, page * PAGE_SIZE);
				assert.equal(part.hpa - run.hpa, part.iova - run.iova);
				page += part.pages;
			}
			assert.equal(page, from + pages);
		}),
		{seed: 9},
	);
});
