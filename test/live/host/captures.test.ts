// Two machines that npm run captures has booted, given devices to VMs, and captured there.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {Capture, treeAt} from '../../../source/live/host/capture.js';
import {verdictText} from '../../../source/live/host/groups.js';
import type {Host} from '../../../source/live/host/host.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {Tree} from '../../../source/live/host/tree.js';

const at = (name: string) => path.join(import.meta.dirname, name);
const read = (name: string): Promise<Host> => readHost(new Tree(treeAt(at(name))()));
/** Process IDs differ from boot to boot. */
const verdicts = ({groups}: Host): string[] =>
	groups.map(group => verdictText(group).replace(/process \d+/, 'process N'));

test('intel.tar: groups, owners and warnings', async () => {
	const host = await read('intel.tar');
	assert.deepEqual(verdicts(host), [
		'Group 0 has only bridges',
		'Group 1 has only bridges',
		'Group 2 has only bridges',
		'Group 3 belongs to process N (sh)',
		'Group 4 is used by the host; it can be passed through',
		'Group 5 cannot be passed through: the host uses 00:1f.2 SATA controller (ahci)',
		'Group 6 belongs to VM web (qemu-system-x86, process N)',
		'Group 7 cannot be passed through: the host uses 02:00.1 Ethernet controller (e1000e)',
	]);
	assert.deepEqual(
		host.findings.map(({id}) => id),
		['shared:7'],
	);
	const [unit] = host.units;
	assert.equal(host.units.length, 1);
	assert.equal(unit?.vtd?.interruptRemapping, true);
	assert.deepEqual(
		host.groups[3]?.devices.map(({id}) => id),
		['0000:00:04.0', '0000:03:01.0', '0000:03:02.0'],
	);
	assert.ok(host.groups.every(({type}) => type === 'DMA-FQ'));
	assert.deepEqual(
		host.groups[5]?.regions.map(({type}) => type),
		['direct-relaxable', 'msi'],
	);
	const card = host.devices.find(({id}) => id === '0000:01:00.0');
	assert.equal(card?.product, 'Intel Corporation 82574L Gigabit Network Connection');
	assert.equal(card?.unit, unit?.name);
	assert.match(host.gaps.map(({how}) => how).join(), /CONFIG_INTEL_IOMMU_DEBUGFS/);
});

test('amd.tar: groups, owners and warnings', async () => {
	const host = await read('amd.tar');
	assert.deepEqual(verdicts(host).slice(3), [
		'Group 3 is used by the host; it can be passed through',
		'Group 4 cannot be passed through: the host uses 00:1f.2 SATA controller (ahci)',
		'Group 5 belongs to VM db (qemu-system-x86, process N)',
		'Group 6 is ready for a VM: vfio has all of it',
	]);
	assert.deepEqual(
		host.findings.map(({id}) => id),
		['pass-through-default', 'unsafe-interrupts'],
	);
	assert.ok(host.groups.every(({type}) => type === 'identity'));
	assert.equal(host.units[0]?.amdvi?.levels, 6);
});

test('a capture of a capture is identical, and has only what was read', async () => {
	for (const name of ['intel.tar', 'amd.tar']) {
		const recorded = new Capture();
		await readHost(new Tree(treeAt(at(name))(), recorded));
		assert.deepEqual(recorded.tar(), fs.readFileSync(at(name)));
		for (const {path, text} of recorded.contents()) {
			assert.doesNotMatch(path, /serial|address$(?<!iommu\/address)|net\/|hostname|environ|config$/);
			if (path === '/proc/cmdline') assert.match(text, /^(intel_iommu=on|iommu=pt)$/);
			if (/^\/proc\/\d+\/cmdline$/.test(path)) assert.match(text, /^(-name\0guest=(web|db)\0)?$/);
		}
	}
});
