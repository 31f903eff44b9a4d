import assert from 'node:assert/strict';
import path from 'node:path';
import {test} from 'node:test';
import {compareHosts} from '../../../source/live/host/compare.js';
import {group, hostOf, type Machine, pci, runProgram, VTD} from '../../helpers/host-tree.js';

const SYSTEM: Machine = {
	...VTD,
	'/proc/sys/kernel/osrelease': '6.1.0-56-amd64\n',
	'/proc/cmdline': 'intel_iommu=on quiet',
	...group(1, 'DMA-FQ', '0x00000000fee00000 0x00000000feefffff msi\n'),
	...group(2, 'DMA-FQ', '0x00000000fee00000 0x00000000feefffff msi\n'),
	...pci('0000:00:14.0', {ids: '8086:a36d', class: '0c0330', driver: 'xhci_hcd', group: 1}),
};
const CARD = {ids: '10de:1b80', class: '030000'};
const texts = async (old: Machine, now: Machine) =>
	compareHosts(await hostOf(old), await hostOf(now)).map(({kind, text}) => `${kind}: ${text}`);

test('the same host has no difference, whatever the numbers of its groups', async () => {
	const old = {...SYSTEM, ...pci('0000:01:00.0', {...CARD, driver: 'nvidia', group: 2})};
	const renumbered = {
		...old,
		...group(7, 'DMA-FQ', '0x00000000fee00000 0x00000000feefffff msi\n'),
		...pci('0000:01:00.0', {...CARD, driver: 'nvidia', group: 7}),
	};
	assert.deepEqual(await texts(old, old), []);
	const {'/sys/kernel/iommu_groups/2/devices/0000:01:00.0': _, ...now} = renumbered;
	assert.deepEqual(await texts(old, now), []);
});

test('a card in another slot, another driver, a new kernel and its default', async () => {
	const old = {...SYSTEM, ...pci('0000:01:00.0', {...CARD, driver: 'nvidia', group: 2})};
	const moved = {...SYSTEM, ...pci('0000:02:00.0', {...CARD, driver: 'nvidia', group: 2})};
	assert.deepEqual(await texts(old, moved), ['devices: 01:00.0 VGA controller is now 02:00.0']);
	const bound = {...SYSTEM, ...pci('0000:01:00.0', {...CARD, driver: 'vfio-pci', group: 2})};
	assert.deepEqual(await texts(old, bound), ['drivers: 01:00.0 VGA controller: nvidia → vfio-pci']);
	const kernel = {
		...old,
		'/proc/sys/kernel/osrelease': '6.12.0-1-amd64\n',
		'/proc/cmdline': 'intel_iommu=on iommu=pt',
		...group(1, 'identity', '0x00000000fee00000 0x00000000feefffff msi\n'),
		...group(2, 'identity', '0x00000000fee00000 0x00000000feefffff msi\n'),
	};
	assert.deepEqual(await texts(old, kernel), [
		'kernel: Linux 6.1.0-56-amd64 → 6.12.0-1-amd64',
		'boot words: iommu=pt is new',
		'default domains: DMA-FQ → identity: 00:14.0, 01:00.0',
	]);
	const firmware = {...old, ...group(2, 'DMA-FQ', '0x000000007b000000 0x000000007f7fffff direct\n')};
	assert.deepEqual(await texts(old, firmware), [
		'reserved regions: 0xfee00000–0xfeefffff msi is gone: 01:00.0',
		'reserved regions: 0x7b000000–0x7f7fffff direct is new: 01:00.0',
	]);
});

test('groups that are split, joined; devices that come and go', async () => {
	const together = {
		...SYSTEM,
		...pci('0000:01:00.0', {...CARD, driver: 'nvidia', group: 2}),
		...pci('0000:01:00.1', {ids: '10de:10f0', class: '040300', group: 2}),
	};
	const apart = {
		...SYSTEM,
		...group(3, 'DMA-FQ', '0x00000000fee00000 0x00000000feefffff msi\n'),
		...pci('0000:01:00.0', {...CARD, driver: 'nvidia', group: 2}),
		...pci('0000:01:00.1', {ids: '10de:10f0', class: '040300', group: 3}),
	};
	assert.deepEqual(await texts(together, apart), [
		'groups: A group is split: {01:00.0 01:00.1} → {01:00.0} and {01:00.1}',
	]);
	assert.deepEqual(await texts(apart, together), [
		'groups: Groups are joined: {01:00.0} and {01:00.1} → {01:00.0 01:00.1}',
	]);
	assert.deepEqual(await texts(SYSTEM, together), [
		'devices: 01:00.0 VGA controller is new',
		'devices: 01:00.1 audio device is new',
	]);
	assert.deepEqual(await texts(together, SYSTEM), [
		'devices: 01:00.0 VGA controller is gone',
		'devices: 01:00.1 audio device is gone',
	]);
});

test('the program compares two captures: text, JSON, and exit 1 if they differ', async () => {
	const at = (name: string) => path.join(import.meta.dirname, name);
	const same = runProgram(['host', '--compare', at('intel.tar'), at('intel.tar')]);
	assert.deepEqual([same.code, same.stderr], [0, '']);
	assert.match(same.stdout, /no\s+difference\n$/);
	const other = runProgram(['host', '--compare', at('intel.tar'), at('amd.tar'), '--json']);
	assert.equal(other.code, 1);
	const {changes} = JSON.parse(other.stdout);
	assert.ok(
		changes.some(({kind, is}: {kind: string; is: string}) => kind === 'boot words' && is === 'iommu=pt'),
	);
	const wrong = runProgram(['host', '--compare', at('none.tar')]);
	assert.equal(wrong.code, 2);
	assert.match(wrong.stderr, /none\.tar does not exist; name a folder/);
	const words = runProgram(['host', 'foo']);
	assert.deepEqual([words.code, words.stderr], [2, 'dmascope: host takes no arguments; leave out "foo".\n']);
});
