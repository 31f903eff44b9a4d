import assert from 'node:assert/strict';
import {test} from 'node:test';
import {stalePages} from '../../source/explain/cached.js';
import {ridOf} from '../../source/formats/pci.js';
import {openTestLab, read, transfer} from '../helpers/lab.js';

const AHCI = ridOf(0, 31, 2);

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: the caches hold used entries, and are stale between a change and its invalidation`, t => {
		const lab = openTestLab(t, {iommu, policy: 'keep'});
		const stale = () => stalePages(lab.memory, lab.state(), lab.cachedPages());
		const host = iommu === 'vt-d' ? 1 : 0;
		const {iova = 0} = read(lab, 'vm1');
		const {entry, page} = lab.cached(AHCI, iova + 100);
		assert.deepEqual([entry?.to, entry?.domain, entry?.agrees], ['tables', host, true]);
		assert.deepEqual(page, {domain: host, iova, hpa: iova, read: true, write: true, agrees: true});
		assert.equal(lab.cached(AHCI, iova + 512 * 4096).page, undefined, 'never used');
		assert.ok(lab.cachedPages().length > 0);
		assert.deepEqual(stale(), []);

		const gpa = lab.defaultGpa;
		lab.dispatch({do: 'unmap', from: 'host', vm: 'vm1', gpa, pages: 1, invalidate: false});
		assert.equal(lab.cached(AHCI, iova).page?.agrees, false);
		assert.deepEqual(stale(), [{domain: host, iova, hpa: iova, read: true, write: true}]);
		assert.equal(read(lab, 'vm1').data, 'delivered', 'looking changed nothing');

		lab.dispatch({do: 'invalidate'});
		assert.equal(lab.cached(AHCI, iova).page, undefined);
		assert.deepEqual(lab.cachedPages(), []);
		assert.equal(read(lab, 'vm1').data, 'lost');
	});

	test(`${iommu}: a cached entry no longer agrees when memory has changed`, t => {
		const lab = openTestLab(t, {iommu, policy: 'keep'});
		const rid = ridOf(4, 0, 0);
		transfer(lab, {do: 'dma', device: 'ppt0', access: 'write', gpa: 0x5000, bytes: 512});
		assert.deepEqual(
			[lab.cached(rid, 0x5000).entry?.agrees, lab.cached(rid, 0x5000).page?.agrees],
			[true, true],
		);
		const {unit} = lab.state();
		const table = unit?.table ?? 0;
		const contexts = lab.memory.u32(table + 4 * 16) - 1;
		const entry = unit?.format === 'amd-vi' ? table + rid * 32 : contexts;
		const agree = () => {
			const {entry: cached, page} = lab.cached(rid, 0x5000);
			return [cached?.agrees, page?.agrees];
		};
		const id = lab.memory.u32(entry + 8);
		lab.memory.setU32(entry + 8, id + (iommu === 'vt-d' ? 0x100 : 1));
		assert.deepEqual(agree(), [false, false], 'another domain');
		lab.memory.setU32(entry + 8, id);
		assert.deepEqual(agree(), [true, true]);
		// Page 0 is zero: tables that map nothing.
		lab.memory.setU32(entry, lab.memory.u32(entry) & 0xfff);
		assert.deepEqual(agree(), [false, false], 'other tables');
	});
}

test('further rights in the tables do not make a cached page stale', t => {
	const lab = openTestLab(t, {policy: 'keep'});
	const {iova = 0} = read(lab, 'vm1');
	const [page] = lab.cachedPages().filter(each => each.iova === iova);
	assert.deepEqual(stalePages(lab.memory, lab.state(), [{...page, write: false}]), []);
	assert.equal(stalePages(lab.memory, lab.state(), [{...page, hpa: page.hpa + 4096}]).length, 1);
	assert.deepEqual(
		stalePages(lab.memory, lab.state(), [{...page, domain: 99}]),
		[],
		'the domain has no devices',
	);
});

test('without an IOMMU nothing is cached', t => {
	const lab = openTestLab(t, {iommu: 'none', guests: []});
	assert.deepEqual(lab.cached(AHCI, 0), {});
	assert.deepEqual(lab.cachedPages(), []);
});
