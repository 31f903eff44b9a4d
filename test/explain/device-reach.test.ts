import assert from 'node:assert/strict';
import {test} from 'node:test';
import {reachOfDevice} from '../../source/explain/device-reach.js';
import {viewDomain} from '../../source/explain/ranges.js';
import type {Lab} from '../../source/lab/lab.js';
import {openTestLab} from '../helpers/lab.js';
import {stateWith} from '../helpers/state.js';

function reachIn(lab: Lab, name: string) {
	const state = lab.state();
	const device = state.devices.find(each => each.name === name);
	assert.ok(device, name);
	const views = state.domains.map(domain => viewDomain(lab.memory, state.owned, domain));
	return reachOfDevice(lab.memory, state, views, device);
}

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: a passthru device reaches its guest and nothing else`, t => {
		const {brief, sentence, owners, lowest} = reachIn(openTestLab(t, {iommu}), 'ppt0');
		assert.equal(brief, '16,384 pages of vm0, nothing else');
		assert.equal(sentence, 'ppt0 reaches 16,384 pages of vm0, nothing else.');
		assert.deepEqual(owners, [{owner: 'vm0', pages: 16_384}]);
		assert.equal(lowest, 0);
	});

	test(`${iommu}: a host device reaches nothing of a guest whose pages are removed`, t => {
		const lab = openTestLab(t, {iommu});
		const {brief, owners} = reachIn(lab, 'ahci0');
		assert.match(brief, /^nothing of vm0; [\d,]+ pages: [\d,]+ (free|of \w+)(, [\d,]+ (free|of \w+))*$/);
		assert.ok(owners.some(({owner, pages}) => owner === 'vm1' && pages === 16_384));
		const pages = lab.state().owned.reduce((sum, block) => sum + block.pages, 0);
		assert.equal(
			owners.reduce((sum, each) => sum + each.pages, 0),
			pages - 16_384,
		);
		lab.dispatch({do: 'policy', policy: 'keep'});
		assert.doesNotMatch(reachIn(lab, 'ahci0').brief, /nothing of/);
	});
}

test('a device in no domain reaches nothing; without an IOMMU it reaches all memory', t => {
	const lab = openTestLab(t);
	lab.dispatch({do: 'unbind', vm: 'vm0', device: 'ppt0'});
	assert.match(reachIn(lab, 'ppt0').sentence, /^ppt0 reaches nothing\. ./);
	assert.match(
		reachIn(openTestLab(t, {iommu: 'none', guests: []}), 'ahci0').sentence,
		/^ahci0 reaches all memory\. ./,
	);
});

/** One domain, whose tables are taken as decoded. */
function reachOfMappings(mappings: {page: number; frame: number; pages: number; write: boolean}[]) {
	const ROOT = 0x3000;
	const words = new Uint32Array(1024);
	// The root entry and the context entry of 0:0:0, on one page; ROOT has no other use.
	words[0] = 0x1001;
	const memory = {page: (hpa: number) => (hpa === 0x1000 ? context : hpa === 0x2000 ? words : undefined)};
	const context = new Uint32Array(1024);
	context[0] = ROOT + 1;
	context[2] = 0x101;
	const state = stateWith({
		unit: {
			...{
				format: 'vt-d',
				enabled: true,
				table: 0x2000,
				capLo: 0x2226_0206,
				capHi: 0x00d2_008c,
				ecapLo: 0x00f0_0f4a,
			},
			hostAddressWidth: 39,
		},
		owned: [
			{hpa: 0, pages: 8, owner: 'vm0'},
			{hpa: 0x8000, pages: 8, owner: ''},
		],
	});
	const domain = {
		...{id: 1, role: 'os' as const, format: 'vt-d' as const, root: ROOT, levels: 3},
		mappings: mappings.map(({page, frame, pages, write}) => ({
			...{iova: page * 4096, hpa: frame * 4096, pages, read: true, write},
		})),
	};
	const device = {rid: 0, name: 'em0', driver: '', domain: 1, untranslated: false};
	return reachOfDevice(memory, state, [viewDomain(memory, state.owned, domain)], device);
}

test('a page that is mapped twice counts once; rights and unknown owners are mentioned', () => {
	assert.equal(
		reachOfMappings([
			{page: 1, frame: 0, pages: 4, write: true},
			{page: 9, frame: 2, pages: 4, write: true},
		]).brief,
		'6 pages of vm0, nothing else',
	);
	assert.equal(
		reachOfMappings([{page: 1, frame: 9, pages: 2, write: false}]).brief,
		'2 pages, only to read, nothing else',
	);
	assert.equal(
		reachOfMappings([{page: 1, frame: 6, pages: 5, write: true}]).brief,
		'5 pages: 3 of unknown owners, 2 of vm0',
	);
	assert.equal(reachOfMappings([{page: 1, frame: 99, pages: 2, write: true}]).brief, 'nothing');
});
