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
/** Numbers of processes differ from boot to boot. */
const verdicts = ({groups}: Host): string[] =>
	groups.map(group => verdictText(group).replace(/process \d+/, 'process N'));

test('intel.tar: groups, owners and warnings', async () => {
	const host = await read('intel.tar');
	assert.deepEqual(verdicts(host), [
		'group 0: bridges alone',
		'group 1: bridges alone',
		'group 2: bridges alone',
		'group 3 is process N’s (sh)',
		'group 4 is the host’s; it can be passed through whole',
		'group 5 cannot be passed through whole: 00:1f.2 SATA controller is the host’s (ahci)',
		'group 6 is VM web’s (qemu-system-x86, process N)',
		'group 7 cannot be passed through whole: 02:00.1 Ethernet controller is the host’s (e1000e)',
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
		'group 3 is the host’s; it can be passed through whole',
		'group 4 cannot be passed through whole: 00:1f.2 SATA controller is the host’s (ahci)',
		'group 5 is VM db’s (qemu-system-x86, process N)',
		'group 6 waits for a VM: it is vfio’s, whole',
	]);
	assert.deepEqual(
		host.findings.map(({id}) => id),
		['pass-through-default', 'unsafe-interrupts'],
	);
	assert.ok(host.groups.every(({type}) => type === 'identity'));
	assert.equal(host.units[0]?.amdvi?.levels, 6);
});

test('a capture of a capture is the same, and holds nothing but what was read', async () => {
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
