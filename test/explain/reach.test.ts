import assert from 'node:assert/strict';
import {test} from 'node:test';
import {viewDomain} from '../../source/explain/ranges.js';
import {type Reach, reachOf} from '../../source/explain/reach.js';
import {ridOf} from '../../source/formats/pci.js';
import type {Lab} from '../../source/lab/lab.js';
import {openTestLab, read, transfer} from '../helpers/lab.js';

const reach = (lab: Lab, hpa: number) => {
	const state = lab.state();
	const views = state.domains.map(domain => viewDomain(lab.memory, state.owned, domain));
	return reachOf(lab.memory, state, views, hpa);
};
const brief = (lab: Lab, hpa: number) =>
	reach(lab, hpa)
		.filter(({how}) => how !== 'nothing')
		.map(({name, how}) => `${name} ${how}`);
const of = (lab: Lab, hpa: number, name: string) => reach(lab, hpa).find(each => each.name === name);
const toDevice = ({kind, ...rest}: Reach) => (kind === 'guest' ? [] : [{kind, ...rest}]);
/** The physical address behind the guest's buffer. */
const bufferOf = (lab: Lab, vm: string) => read(lab, vm).iova ?? 0;
const HOST = ['xhci0', 'em0', 'ahci0'].map(name => `${name} reads and writes`);

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: keep and remove differ only in what host devices reach`, t => {
		const lab = openTestLab(t, {iommu, policy: 'keep'});
		const [vm0, vm1] = ['vm0', 'vm1'].map(vm => bufferOf(lab, vm) + 12);
		assert.deepEqual(brief(lab, vm0), [...HOST, 'ppt0 reads and writes', 'vm0 reads and writes']);
		assert.deepEqual(brief(lab, vm1), [...HOST, 'vm1 reads and writes']);
		assert.deepEqual(brief(lab, 0), HOST);
		const ppt = of(lab, vm0, 'ppt0');
		assert.deepEqual([ppt?.kind, ppt?.at], ['passthru device', lab.defaultGpa]);
		assert.match(ppt?.why ?? '', /^It is in domain \d, vm0’s, which maps the page at 0x01000000\.$/);
		assert.match(of(lab, vm1, 'ppt0')?.why ?? '', /which does not map the page\.$/);
		assert.equal(of(lab, vm0, 'vm0')?.at, lab.defaultGpa);
		assert.equal(of(lab, vm1, 'vm1')?.at, undefined);
		assert.match(of(lab, vm1, 'vm1')?.why ?? '', /wired, so it stays in place/);
		assert.match(of(lab, 0, 'vm0')?.why ?? '', /^The page is memory used by kernel\.$/);
		lab.dispatch({do: 'policy', policy: 'remove'});
		assert.deepEqual(brief(lab, vm0), ['ppt0 reads and writes', 'vm0 reads and writes']);
	});

	test(`${iommu}: DMA arrives exactly where it is reported to reach`, t => {
		const lab = openTestLab(t, {iommu, policy: 'remove', pptdevs: ['4:0:0', '4:0:1']});
		const {owned, devices} = lab.state();
		for (const {hpa, pages, owner} of owned.slice(0, 40)) {
			for (const page of [hpa, hpa + (pages - 1) * 4096]) {
				for (const {name, kind, how, at = page} of reach(lab, page).flatMap(toDevice)) {
					const dma = {do: 'dma', device: name, access: 'read', gpa: at, bytes: 8} as const;
					const {owners, note = ''} = transfer(lab, dma);
					// The tables let it, but no driver has started it.
					if (/puts nothing on the bus/.test(note)) continue;
					if (how !== 'nothing') assert.deepEqual(owners, [{owner, bytes: 8}]);
					// A host device has one address for a page; for a passthru device the address may mean another page.
					else if (kind === 'host device') assert.deepEqual(owners, []);
				}
			}
		}
		assert.equal(devices.length, 5);
	});
}

test('an untranslated device reaches everything; one without a domain, nothing', t => {
	const amd = openTestLab(t, {iommu: 'amd-vi', policy: 'keep', pptdevs: ['4:0:0', '4:0:1']});
	const all = of(amd, 0x5000, 'ppt1');
	assert.deepEqual([all?.how, all?.at], ['reads and writes', 0x5000]);
	assert.match(all?.why ?? '', /^V is clear: .* It reaches all memory\.$/);
	const vtd = openTestLab(t, {policy: 'keep', pptdevs: ['4:0:0', '4:0:1']});
	const none = of(vtd, 0x5000, 'ppt1');
	assert.deepEqual([none?.how, none?.at], ['nothing', undefined]);
	assert.match(none?.why ?? '', /All its DMA is refused\.$/);
	const off = openTestLab(t, {iommu: 'none', guests: []});
	assert.match(of(off, 0, 'ahci0')?.why ?? '', /has no IOMMU.* It reaches all memory/);
});

test('a device of a deleted domain reaches what its old tables map', t => {
	const lab = openTestLab(t, {iommu: 'amd-vi', policy: 'keep'});
	lab.dispatch({do: 'destroy', vm: 'vm0'});
	assert.match(
		of(lab, 0x5000, 'ppt0')?.why ?? '',
		/^Its entry still points to the table at 0x[0-9a-f]+ of a deleted domain, which does not map the page\.$/,
	);
	const {unit} = lab.state();
	const root = lab.memory.u32((unit?.table ?? 0) + 32 * ridOf(4, 0, 0)) & 0xfffff000;
	// The page's next owner writes an entry for 512 GiB into it.
	lab.memory.setU32(root >>> 0, 1);
	lab.memory.setU32((root >>> 0) + 4, 0x2000_0000);
	assert.deepEqual(brief(lab, 0x5000), [...HOST, 'ppt0 reads']);
});

test('memory that is not wired, and a buffer outside the guest', t => {
	const guests = [
		{name: 'loose', memory: 2 ** 24, wired: false, model: 'virtio-blk' as const, disk: 'ada0', passthru: []},
	];
	const lab = openTestLab(t, {guests});
	read(lab, 'loose', {sectors: 8, segments: 2, gpa: 0x300000});
	const page = (owner: string) => lab.state().owned.find(block => block.owner === owner)?.hpa ?? -1;
	assert.match(of(lab, page('loose'), 'loose')?.why ?? '', /not wired, so it can move/);
	const buffer = of(lab, page('bhyve loose'), 'loose');
	assert.deepEqual(
		[buffer?.how, buffer?.why],
		['nothing', 'The page is memory used by bhyve loose, which the guest does not see.'],
	);
});
