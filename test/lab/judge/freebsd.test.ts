// What FreeBSD and the hardware do, by the lab's own transfers.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import {test} from 'node:test';
import {RELEASES} from '../../../source/kernel/release.js';
import {defaultSpec} from '../../../source/lab/build/spec.js';
import {completeMachine, machineSet} from '../../../source/lab/scenario/machine-fields.js';
import type {DmaCommand} from '../../../source/machine/command.js';
import {MIB, openTestLab, randomImage, read, transfer} from '../../helpers/lab.js';

const dma = (device: string, gpa: number, bytes: number, access: DmaCommand['access'] = 'write') =>
	({do: 'dma', device, access, gpa, bytes}) as const;

test('a dma across a border counts its bytes by owner, and says when it hits the IOMMU’s tables', t => {
	const lab = openTestLab(t, {policy: 'keep'});
	const {owned} = lab.state();
	const at = owned.findIndex(
		({owner}, i) => owner === 'iommu tables' && i > 0 && owned[i - 1].owner !== owner,
	);
	const border = owned[at].hpa;
	const {landed, owners, note} = transfer(lab, dma('em0', border - 8, 16));
	assert.equal(landed, 16);
	assert.deepEqual(owners, [
		{owner: owned[at - 1].owner, bytes: 8},
		{owner: 'iommu tables', bytes: 8},
	]);
	assert.match(note ?? '', /overwrote 8 bytes of the IOMMU's own tables/);
	for (const [gpa, bytes] of [
		[0, 3 * MIB],
		[border - 5000, 40_000],
	]) {
		const all = transfer(lab, dma('em0', gpa, bytes, 'read'));
		assert.equal(
			all.owners?.reduce((sum, each) => sum + each.bytes, 0),
			all.landed,
		);
	}
});

for (const iommu of ['vt-d', 'amd-vi', 'none'] as const) {
	test(`${iommu}: a write of 4 bytes at 0xFEExxxxx is an interrupt, and faults nowhere`, t => {
		const parts = iommu === 'none' ? {guests: []} : {};
		const lab = openTestLab(t, {iommu, ...parts});
		const faults = lab.state().faults.length;
		for (const device of iommu === 'none' ? ['em0'] : ['em0', 'ppt0']) {
			const {data, owners, faults: refused} = transfer(lab, dma(device, 0xfee00000, 4));
			assert.deepEqual([data, owners, refused], ['delivered', [{owner: 'interrupt', bytes: 4}], 0]);
		}
		assert.equal(lab.state().faults.length, faults);
		assert.equal(transfer(lab, dma('em0', 0xfee00000, 4, 'read')).data, 'lost');
		if (iommu === 'vt-d') assert.equal(transfer(lab, dma('ppt0', 0xfee00000, 8)).faults, 1);
	});
}

test('a function with FLR does no DMA after its VM; without one it goes on', t => {
	for (const flr of [true, false]) {
		const lab = openTestLab(t, {flr, policy: 'keep', returnsToHost: true});
		lab.dispatch({do: 'destroy', vm: 'vm0'});
		const {data, faults, note = ''} = transfer(lab, dma('ppt0', 0x400000, 4096));
		assert.deepEqual([data, faults], [flr ? 'lost' : 'delivered', 0]);
		if (flr) assert.match(note, /puts nothing on the bus: it was reset/);
		// ppt_detach ends bus mastering; the host's driver then starts the function anew.
		lab.dispatch({do: 'detach', device: 'ppt0'});
		assert.equal(transfer(lab, dma('igb0', 0x400000, 4096)).data, 'delivered');
	}
});

test('CAM retries a write that the controller could not read four times, each with its faults and its line', t => {
	const lab = openTestLab(t, {hba: 'error', policy: 'remove', overlay: true});
	const {kernelLines: before} = lab.state().faultLog;
	const write = {do: 'write', vm: 'vm0', lba: 4096, sectors: 8, segments: 1, gpa: lab.defaultGpa} as const;
	const {data, faults} = transfer(lab, write);
	assert.deepEqual([data, faults], ['failed', 5]);
	const lines = lab.state().faultLog.kernelLines.slice(before.length);
	assert.deepEqual(
		lines.filter(line => /tries remain|exhausted/.test(line)),
		[3, 2, 1, 0]
			.map(left => `(ada0:ahcich0:0:0:0): Retrying command, ${left} more tries remain`)
			.concat('(ada0:ahcich0:0:0:0): Error 5, Retries exhausted'),
	);
	assert.ok(lines.includes('(ada0:ahcich0:0:0:0): WRITE_DMA48. ACB: 35 00 00 10 00 40 00 00 00 00 08 00'));
});

test('files are trimmed since fspacectl, unless nodelete or an older release forbids it', t => {
	const {file} = randomImage(t, 2 * MIB);
	const trims = (freebsd: '13.1' | '14-CURRENT', nodelete = false) => {
		const [guest] = openTestLab(t).spec.guests;
		const guests = [{...guest, passthru: [], disk: 'file', nodelete}];
		const lab = openTestLab(t, {disk: file, overlay: true, freebsd, guests});
		const command = {do: 'delete', vm: 'vm0', lba: 8, sectors: 8, segments: 1, gpa: lab.defaultGpa} as const;
		return transfer(lab, command).data;
	};
	assert.equal(trims('14-CURRENT'), 'delivered');
	assert.equal(trims('14-CURRENT', true), 'failed');
	assert.equal(trims('13.1'), 'failed');
	assert.equal(fs.statSync(file).size, 2 * MIB);
});

test('a USB disk moves a megabyte in eight transfers of one READ(10)', t => {
	const [guest] = openTestLab(t).spec.guests;
	const lab = openTestLab(t, {policy: 'keep', guests: [{...guest, disk: 'da0'}]});
	const {data, landed, chain} = read(lab, 'vm0', {lba: 2048, sectors: 2048});
	assert.deepEqual([data, landed], ['delivered', MIB]);
	assert.match(chain.find(({place}) => place === 'umass')?.full ?? '', /in 1 command/);
	assert.equal(read(lab, 'vm0', {lba: 2048, sectors: 300}).data, 'delivered');
});

test('a device may send any address of 64 bits', t => {
	for (const iommu of ['vt-d', 'amd-vi'] as const) {
		const lab = openTestLab(t, {iommu});
		const high = 0xff00ffff * 2 ** 32 + 0xffefe000;
		const {data, faults} = transfer(lab, dma('em0', high, 8192));
		assert.deepEqual([data, faults], ['lost', 2]);
		assert.equal(lab.state().faults.at(-2)?.iova, high);
		assert.equal(lab.state().faults.at(-1)?.iova, high + 4096);
	}
});

test('a release brings its policy, unless one is chosen', () => {
	const base = defaultSpec(256 * MIB);
	const policies = RELEASES.map(freebsd => completeMachine({freebsd}, {...base, policy: 'bounce'}).policy);
	assert.deepEqual(policies, ['remove', 'keep', 'bounce', 'keep', 'keep']);
	assert.equal(completeMachine({freebsd: '13.0', policy: 'keep'}, base).policy, 'keep');
	assert.equal(machineSet(['freebsd=13.0']).freebsd, '13.0', 'YAML has it as 13');
});
