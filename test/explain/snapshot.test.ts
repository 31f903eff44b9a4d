import assert from 'node:assert/strict';
import {test} from 'node:test';
import {snapshotJson, snapshotLines} from '../../source/explain/snapshot.js';
import {openTestLab, read} from '../helpers/lab.js';
import {linesText} from '../helpers/lines.js';

test('the JSON snapshot keeps its contract', t => {
	const lab = openTestLab(t);
	read(lab, 'vm0', {sectors: 16});
	const shot = JSON.parse(JSON.stringify(snapshotJson(lab)));
	assert.equal(shot.iommu, 'vt-d');
	assert.equal(shot.policy, 'remove');
	assert.deepEqual(
		shot.domains.map(({id, role, vm, mappedPages}: Record<string, unknown>) => [id, role, vm, mappedPages]),
		[
			[1, 'host', null, 49152],
			[2, 'guest', 'vm0', 16384],
		],
	);
	for (const {ranges, mappedPages} of shot.domains) {
		assert.equal(
			ranges.reduce((sum: number, range: {pages: number}) => sum + range.pages, 0),
			mappedPages,
		);
		for (const range of ranges) {
			assert.match(range.iova, /^0x[0-9a-f]{8,}$/);
			assert.match(range.hpa, /^0x[0-9a-f]{8,}$/);
			assert.deepEqual([range.read, range.write, typeof range.owner], [true, true, 'string']);
		}
	}
	assert.deepEqual(shot.devices, [
		{rid: '0:20:0', name: 'xhci0', driver: 'xhci', domain: 1, untranslated: false, vm: null},
		{rid: '0:25:0', name: 'em0', driver: 'em', domain: 1, untranslated: false, vm: null},
		{rid: '0:31:2', name: 'ahci0', driver: 'ahci', domain: 1, untranslated: false, vm: null},
		{rid: '4:0:0', name: 'ppt0', driver: 'ppt', domain: 2, untranslated: false, vm: 'vm0'},
	]);
	const last = shot.transfers.at(-1);
	assert.deepEqual(
		[last.data, last.path, last.bytes, last.landed, last.faults],
		['lost', 'direct', 8192, 0, 2],
	);
	assert.deepEqual(
		shot.vms.map(({name}: {name: string}) => name),
		['vm0', 'vm1'],
	);
	assert.deepEqual(
		[shot.faults.length, shot.faults[1].device, shot.faults[1].owner, shot.faults[1].access],
		[3, 'ahci0', 'vm0', 'write'],
	);
	assert.match(last.iova, /^0x[0-9a-f]{8,}$/);
	assert.match(last.command.gpa, /^0x[0-9a-f]{8,}$/);
	assert.deepEqual(shot.tally, {delivered: 3, lost: 2, torn: 0, failed: 0, unchecked: 0});
	const {kernelLines, ...log} = shot.faultLog;
	assert.deepEqual(kernelLines, []);
	assert.deepEqual(log, {
		kind: 'registers',
		total: 8,
		used: 3,
		overflow: false,
		blocked: 3,
		kernelLogged: 0,
	});
});

test('the text snapshot names domains, devices, guests, transfers and faults', t => {
	const text = linesText(snapshotLines(openTestLab(t)));
	for (const line of [
		/^dmascope lab · vt-d · policy remove · ada0 is /,
		/^HOST DOMAIN 1: 49,152 pages, 16,384 removed$/m,
		/^GUEST DOMAIN 2 of vm0: 16,384 pages$/m,
		/^ {2}0:31:2 +ahci0 +ahci +domain 1$/m,
		/^ {2}no bootable disk$/m,
		/^ {2}#1 remove: vm0 read LBA 0, 1 sector, 1 segment, 0x00200000: lost direct, 0 of 512 bytes, 1 fault$/m,
		/^FAULTS: 1 fault · 1 of 8 fault registers in use · 0 in the kernel log$/m,
		/^ {2}#1 ahci0 0:31:2 write 0x[0-9a-f]{8} \(vm0\): reason 5, PTE Write access is not set$/m,
	]) {
		assert.match(text, line);
	}
});
