import assert from 'node:assert/strict';
import {test} from 'node:test';
import {hostFacts} from '../../../source/live/host/describe.js';
import {verdictText} from '../../../source/live/host/groups.js';
import type {Host} from '../../../source/live/host/host.js';
import {hostLines} from '../../../source/live/host/report.js';
import {lineText} from '../../../source/text/print.js';
import {group, hostOf, type Machine, pci, VTD} from '../../helpers/host-tree.js';

const textOf = (host: Host): string =>
	`${hostLines(hostFacts(host), undefined)
		.map(line => lineText(line))
		.join('\n')}\n`;
const gaps = async (machine: Machine): Promise<string[]> =>
	(await hostOf(machine)).gaps.map(({what, how}) => `${what}: ${how}`);

const HELD: Machine = {
	...VTD,
	...group(7, 'DMA-FQ'),
	...pci('0000:01:00.0', {driver: 'vfio-pci', group: 7}),
	'/proc/1/': '',
	'/proc/4242/comm': 'qemu-system-x86\n',
	'/proc/4242/cmdline': [
		'qemu-system-x86_64',
		'-name',
		'guest=we,,b,debug-threads=on',
		'-vnc',
		'pw=secret',
		'',
	].join('\0'),
	'/proc/4242/fd/0': {to: '/dev/null'},
	'/proc/4242/fd/30': {to: '/dev/vfio/vfio'},
	'/proc/4242/fd/31': {to: '/dev/vfio/7'},
};

test('a VM’s name comes from the command line of the process that has the group open', async () => {
	const [held] = (await hostOf(HELD)).groups;
	assert.deepEqual(held?.owners, [
		{pid: 4242, command: 'qemu-system-x86', vm: 'we,b', groups: [7], devices: []},
	]);
	assert.equal(verdictText(held), 'Group 7 belongs to VM we,b (qemu-system-x86, process 4242)');
	for (const [name, vm] of [
		['plain', 'plain'],
		['process=x,guest=last', 'last'],
		['debug-threads=on', undefined],
		['', undefined],
	]) {
		const named = await hostOf({...HELD, '/proc/4242/cmdline': `qemu\0-name\0${name}\0`});
		assert.equal(named.owners[0]?.vm, vm);
	}
});

test('a group whose owner cannot be seen is not called free', async () => {
	const card = {...VTD, ...group(7), ...pci('0000:01:00.0', {driver: 'vfio-pci', group: 7})};
	const verdict = async (machine: Machine) => (await hostOf({...card, ...machine})).groups[0]?.verdict.is;
	assert.equal(await verdict({'/proc/1/fd/': ''}), 'free');
	assert.equal(await verdict({'/proc/1/fd/': {refused: true}}), 'unseen');
	assert.equal(await verdict({'/proc/1/': '', '/.dockerenv': ''}), 'unseen');
	// hidepid=2
	assert.equal(await verdict({'/proc/77/fd/': ''}), 'unseen');
});

test('a device opened through iommufd belongs to its owner', async () => {
	const {'/proc/4242/fd/31': _, ...rest} = HELD;
	const [held] = (
		await hostOf({
			...rest,
			'/proc/4242/fd/32': {to: '/dev/vfio/devices/vfio3'},
			'/sys/class/vfio-dev/vfio3': {to: '../../devices/pci0000:00/0000:01:00.0/vfio-dev/vfio3'},
			'/sys/devices/pci0000:00/0000:01:00.0/vfio-dev/vfio3/device': {to: '../../../0000:01:00.0'},
		})
	).groups;
	assert.equal(held?.verdict.is, 'held');
});

test('device names come from pci.ids, else devices have their numbers', async () => {
	const list =
		'# a list\n8086  Intel Corporation\n\t10d2  other\n\t10d3  82574L\n\t\t8086 a01f  board\n\nC 02  Network\n';
	const product = async (machine: Machine) =>
		(await hostOf({...pci('0000:01:00.0'), ...machine})).devices[0]?.product;
	assert.equal(await product({'/usr/share/misc/pci.ids': list}), 'Intel Corporation 82574L');
	assert.equal(await product({'/usr/share/hwdata/pci.ids': list}), 'Intel Corporation 82574L');
	assert.equal(await product({'/usr/share/misc/pci.ids': list.replace('10d3', '10d4')}), undefined);
	assert.equal(await product({}), undefined);
});

test('a unit’s registers are decoded; missing or invalid ones are unknown', async () => {
	const [unit] = (await hostOf(VTD)).units;
	assert.equal(unit?.vtd?.addressBits, 48);
	assert.deepEqual(unit?.vtd?.levels, [3, 4]);
	assert.deepEqual(unit?.vtd?.pageSizes, ['4K', '2M', '1G']);
	assert.equal(unit?.vtd?.interruptRemapping, true);
	assert.equal(unit?.version, '1.0');
	const broken = await hostOf({...VTD, '/sys/devices/virtual/iommu/dmar0/intel-iommu/cap': 'zz\x1b[31m'});
	assert.equal(broken.units[0]?.vtd, undefined);
	assert.match(textOf(broken), /capabilities unknown/);
	assert.equal((await hostOf({'/sys/class/iommu/smmu3.0/': ''})).units[0]?.format, 'other');
});

test('AMD’s feature words have a new order since Linux 6.7', async () => {
	const levels = async (release: string, features: string) =>
		(
			await hostOf({
				'/proc/sys/kernel/osrelease': `${release}\n`,
				'/sys/class/iommu/ivhd0/amd-iommu/cap': '190b640f\n',
				'/sys/class/iommu/ivhd0/amd-iommu/features': `${features}\n`,
			})
		).units[0]?.amdvi?.levels;
	assert.equal(await levels('5.15.0', '8d3'), 6);
	assert.equal(await levels('6.1.0-56-amd64', '0:8d3'), 6);
	assert.equal(await levels('6.7.1', '8d3:0'), 6);
	assert.equal(await levels('7.0', '4d3:0'), 5);
});

test('a gap says how to see what is missing', async () => {
	assert.match((await gaps({})).join('\n'), /the kernel uses no IOMMU: enable VT-d.*intel_iommu=on/);
	assert.match((await gaps({'/.dockerenv': ''})).join('\n'), /this is a container: run it on the host/);
	assert.match((await gaps({'/proc/cpuinfo': 'flags : hypervisor\n'})).join('\n'), /-device intel-iommu/);
	assert.match(
		(await gaps(HELD)).join('\n'),
		/debugfs is not mounted: mount -t debugfs debugfs \/sys\/kernel\/debug/,
	);
	assert.match((await gaps(HELD)).join('\n'), /pci.ids is missing: apt install pci.ids/);
	assert.match(
		(await gaps({...HELD, '/sys/kernel/debug/sched/': ''})).join('\n'),
		/CONFIG_INTEL_IOMMU_DEBUGFS/,
	);
	const user = await gaps({...HELD, '/sys/kernel/debug/': {refused: true}, '/proc/1/fd/': {refused: true}});
	assert.match(user.join('\n'), /which VM holds a group: run as root/);
	assert.match(user.join('\n'), /page tables: run as root/);
});

test('a report is 80 columns wide, and no name in it moves the cursor', async () => {
	const name = `\x1b[2J\u009b31m\u202e${'long'.repeat(60)}`;
	const text = textOf(
		await hostOf({
			...HELD,
			'/proc/4242/comm': name,
			'/proc/sys/kernel/osrelease': '5.15.0-1055-azure-fips-with-a-long-name-of-its-own',
			'/proc/cpuinfo': 'flags : hypervisor',
			[`/sys/class/iommu/${'x'.repeat(200)}\x1b]0;title\x07/`]: '',
			'/usr/share/misc/pci.ids': `8086  ${name}\n\t10d3  ${name}\n`,
			...pci('0000:02:00.0', {driver: name}),
		}),
	);
	assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
	for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
});
