// Preflights: of the captured machines, and of machines made for each finding. Each finding is there where its cause is, and
// nowhere else.

import assert from 'node:assert/strict';
import path from 'node:path';
import {test} from 'node:test';
import {Capture, treeAt} from '../../../../source/live/host/capture.js';
import {preflight, readForPreflight} from '../../../../source/live/host/preflight/preflight.js';
import {preflightJson, preflightLines} from '../../../../source/live/host/preflight/report.js';
import {readHost} from '../../../../source/live/host/read-host.js';
import {Tree} from '../../../../source/live/host/tree.js';
import {lineText} from '../../../../source/text/print.js';
import {UserError} from '../../../../source/user-error.js';
import {filesOf, group, type Machine, pci, VTD} from '../../../helpers/host-tree.js';

const CARD = '0000:01:00.0';
const FOLDER = `/sys/devices/pci0000:00/${CARD}`;
const BARS =
	'0x00000000fe800000 0x00000000fe81ffff 0x0000000000040200\n0x0000000000000000 0x0000000000000000 0x0000000000000000\n';
/** A card with vfio, in a group of its own, that can be reset. */
const READY: Machine = {
	'/proc/1/': '',
	...VTD,
	...group(1, 'DMA', '0x00000000fee00000 0x00000000feefffff msi\n'),
	...pci(CARD, {driver: 'vfio-pci', group: 1}),
	[`${FOLDER}/reset_method`]: 'flr bus\n',
	[`${FOLDER}/resource`]: BARS,
};

async function of(machine: Machine, device = CARD) {
	const tree = new Tree(filesOf(machine));
	return preflight(tree, await readHost(tree), device);
}
const ids = async (machine: Machine, device = CARD) =>
	(await of(machine, device)).findings.map(({id, severity}) => `${severity} ${id}`);

test('a function that a VM can have as it is has no finding', async () => {
	const found = await of(READY);
	assert.deepEqual(found.findings, []);
	assert.equal(found.ready, true);
	assert.equal(found.verdict, 'Ready: a VM can have 01:00.0 as it is (vfio-pci)');
	assert.deepEqual(found.resets, ['flr', 'bus']);
	assert.deepEqual(found.bars, [{number: 0, bytes: 0x20000, wide: false}]);
	assert.equal((await of(READY, '01:00.0')).device, CARD);
	assert.equal(preflightJson(found).group, 1);
	assert.match(
		preflightLines(found)
			.map(line => lineText(line))
			.join('\n'),
		/^01:00\.0 .*\n {2}Ready/,
	);
});

test('what is in the way', async () => {
	const host = {...READY, ...pci(CARD, {driver: 'e1000e', group: 1})};
	assert.deepEqual(await ids(host), [`error driver:${CARD}`]);
	assert.deepEqual(await ids({...READY, ...pci(CARD, {group: 1}), [`${FOLDER}/driver`]: ''}), [
		`error driver:${CARD}`,
	]);
	const rmrr = group(1, 'DMA', '0x000000007b000000 0x000000007f7fffff direct\n');
	assert.deepEqual(await ids({...READY, ...rmrr}), ['error firmware-region']);
	const alone = {
		...READY,
		...pci('0000:09:00.0', {driver: 'vfio-pci'}),
		'/sys/devices/pci0000:00/0000:09:00.0/resource': BARS,
	};
	assert.deepEqual(await ids(alone, '09:00.0'), ['error no-iommu', 'warning no-reset']);
	assert.deepEqual(await ids({...READY, '/sys/devices/virtual/iommu/dmar0/intel-iommu/ecap': 'f00f42\n'}), [
		'error no-interrupt-remapping',
	]);
	assert.deepEqual(
		await ids({
			...READY,
			'/sys/devices/virtual/iommu/dmar0/intel-iommu/ecap': 'f00f42\n',
			'/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'Y\n',
		}),
		['warning no-interrupt-remapping'],
	);
	const held = {
		...READY,
		'/proc/7/comm': 'qemu\n',
		'/proc/7/cmdline': 'qemu\0-name\0guest=web\0',
		'/proc/7/fd/3': {to: '/dev/vfio/1'},
	};
	assert.deepEqual(await ids(held), ['error held']);
	assert.match((await of(held)).findings[0].title, /belongs to VM web/);
});

test('what goes with it, and what stays', async () => {
	const sound = pci('0000:01:00.1', {class: '040300', driver: 'vfio-pci', group: 1});
	assert.deepEqual(await ids({...READY, ...sound}), ['note group']);
	const used = pci('0000:01:00.1', {class: '040300', driver: 'snd_hda_intel', group: 1});
	assert.deepEqual(await ids({...READY, ...used}), ['error driver:0000:01:00.1', 'note group']);
	const apart = {...group(2), ...pci('0000:01:00.1', {class: '040300', driver: 'snd_hda_intel', group: 2})};
	assert.deepEqual(await ids({...READY, ...apart}), ['note siblings']);
	const isa = pci('0000:01:00.7', {class: '060100', driver: 'lpc_ich', group: 1});
	assert.deepEqual(await ids({...READY, ...isa}), ['error driver:0000:01:00.7']);
	const port = pci('0000:00:01.0', {class: '060400', driver: 'pcieport', group: 1});
	assert.deepEqual(await ids({...READY, ...port}), []);
});

const DISK = '../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1';
const BLOCK = '/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1';
const WITH_DISK: Machine = {
	...READY,
	...pci(CARD, {class: '010802', driver: 'vfio-pci', group: 1}),
	'/sys/block/nvme0n1': {to: DISK},
	[`${BLOCK}/dev`]: '259:0\n',
	[`${BLOCK}/nvme0n1p1/dev`]: '259:1\n',
	[`${BLOCK}/nvme0n1p1/partition`]: '1\n',
	[`${BLOCK}/nvme0n1p2/dev`]: '259:2\n',
	[`${BLOCK}/nvme0n1p2/partition`]: '2\n',
};
const MOUNT = (numbers: string, point: string, source: string, type = 'ext4') =>
	`36 35 ${numbers} / ${point} rw,noatime shared:1 - ${type} ${source} rw\n`;
const DM: Machine = {
	[`${BLOCK}/nvme0n1p2/holders/dm-0`]: {to: '../../../../../../virtual/block/dm-0'},
	'/sys/block/dm-0': {to: '../devices/virtual/block/dm-0'},
	'/sys/devices/virtual/block/dm-0/dev': '254:0\n',
	'/sys/devices/virtual/block/dm-0/dm/name': 'myhost--vg-root\n',
	'/sys/devices/virtual/block/dm-0/dm/uuid': 'LVM-abc\n',
};

test('what the host would lose: disks, LVM, swap, ZFS', async () => {
	assert.deepEqual(await ids(WITH_DISK), []);
	const loses = async (machine: Machine) => (await of(machine)).loses;
	const root = {...WITH_DISK, '/proc/self/mountinfo': MOUNT('259:1', '/', '/dev/nvme0n1p1')};
	assert.deepEqual(await ids(root), [`error disk:${CARD}`]);
	assert.deepEqual(await loses(root), ['01:00.0 nvme0n1p1: mounted at /']);
	assert.match((await of(root)).findings[0].title, /^The running system is on 01:00\.0/);
	const data = {...WITH_DISK, '/proc/self/mountinfo': MOUNT('259:1', '/srv/secret', '/dev/nvme0n1p1')};
	assert.deepEqual(await loses(data), ['01:00.0 nvme0n1p1: mounted']);
	const btrfs = {...WITH_DISK, '/proc/self/mountinfo': MOUNT('0:31', '/home', '/dev/nvme0n1p2', 'btrfs')};
	assert.deepEqual(await loses(btrfs), ['01:00.0 nvme0n1p2: mounted at /home']);
	const swap = {
		...WITH_DISK,
		'/proc/swaps': 'Filename\tType\tSize\n/dev/nvme0n1p2                          partition\t1\t0\t-2\n',
	};
	assert.deepEqual(await loses(swap), ['01:00.0 nvme0n1p2: swap']);
	assert.deepEqual(await loses({...WITH_DISK, ...DM}), ['01:00.0 nvme0n1p2: LVM dm-0']);
	const mounted = {
		...WITH_DISK,
		...DM,
		'/proc/self/mountinfo': MOUNT('254:0', '/', '/dev/mapper/myhost--vg-root'),
	};
	assert.deepEqual(await loses(mounted), ['01:00.0 dm-0: mounted at / (LVM on nvme0n1p2)']);
	const onBtrfs = {
		...WITH_DISK,
		...DM,
		'/proc/self/mountinfo': MOUNT('0:32', '/', '/dev/mapper/myhost--vg-root', 'btrfs'),
	};
	assert.deepEqual(await loses(onBtrfs), ['01:00.0 dm-0: mounted at / (LVM on nvme0n1p2)']);
	const zfs = {...WITH_DISK, '/proc/self/mountinfo': MOUNT('0:40', '/tank', 'tank/data', 'zfs')};
	assert.deepEqual(await ids(zfs), [`warning zfs:${CARD}`]);
	// A disk behind another function, and another machine's share.
	const other = {
		...WITH_DISK,
		'/proc/self/mountinfo': `${MOUNT('8:1', '/', '/dev/sda1')}${MOUNT('0:50', '/mnt', 'server:/share', 'nfs')}`,
	};
	assert.deepEqual(await ids(other), []);
});

const ROUTE = (name: string) =>
	`Iface\tDestination\tGateway\n${name}\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n`;
const NET: Machine = {
	...READY,
	...pci(CARD, {driver: 'e1000e', group: 1}),
	[`${FOLDER}/net/eth0/device`]: '',
	'/sys/class/net/eth0': {to: `../../devices/pci0000:00/${CARD}/net/eth0`},
};

test('what the host would lose: the only default route, the console’s picture', async () => {
	const bound = `error driver:${CARD}`;
	assert.deepEqual(await ids(NET), [bound]);
	assert.deepEqual(await ids({...NET, '/proc/net/route': ROUTE('eth0')}), [`error route:${CARD}`, bound]);
	const bridged = {...NET, '/proc/net/route': ROUTE('br0'), [`${FOLDER}/net/eth0/master`]: {to: '../../br0'}};
	assert.deepEqual(await ids(bridged), [`error route:${CARD}`, bound]);
	const six = `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n`;
	assert.deepEqual(await ids({...NET, '/proc/net/ipv6_route': six}), [`error route:${CARD}`, bound]);
	const two = {
		...NET,
		'/proc/net/route': `${ROUTE('eth0')}${ROUTE('eth1')}`,
		'/sys/class/net/eth1/device': '',
	};
	assert.deepEqual(await ids(two), [bound]);
	const gpu = {
		...READY,
		...pci(CARD, {class: '030000', driver: 'amdgpu', group: 1}),
		[`${FOLDER}/boot_vga`]: '1\n',
	};
	const found = await of(gpu);
	assert.deepEqual(
		found.findings.map(({id}) => id),
		[`driver:${CARD}`, `console:${CARD}`],
	);
	assert.match(found.findings[0].cause, /may hang when unbound/);
	assert.deepEqual(found.loses, ['01:00.0 the console’s picture']);
	const drawn = {
		...READY,
		...pci(CARD, {class: '030000', driver: 'nouveau', group: 1}),
		'/sys/class/graphics/fb0/device': {to: `../../../${CARD}`},
	};
	assert.ok((await ids(drawn)).includes(`warning console:${CARD}`));
});

test('resets, BARs, widths, limits, SR-IOV', async () => {
	const {[`${FOLDER}/reset_method`]: _, ...without} = READY;
	assert.deepEqual(await ids(without), ['warning no-reset']);
	assert.deepEqual(await ids({...without, [`${FOLDER}/reset`]: ''}), []);
	assert.deepEqual(await ids({...READY, [`${FOLDER}/reset_method`]: 'bus\n'}), ['note bus-reset']);
	const huge = `${BARS}0x0000380000000000 0x00003807ffffffff 0x000000000014220c\n`;
	const large = await of({...READY, [`${FOLDER}/resource`]: huge});
	assert.deepEqual(
		large.findings.map(({id}) => id),
		['large-bars'],
	);
	assert.match(large.findings[0].title, /BAR 2: 32 GiB, 64-bit/);
	const narrow = {
		...READY,
		// MGAW of 39 bits, as on a client's chipset.
		'/sys/devices/virtual/iommu/dmar0/intel-iommu/cap': 'd2008c40660462\n',
		'/proc/cpuinfo': 'processor\t: 0\naddress sizes\t: 46 bits physical, 48 bits virtual\n',
	};
	assert.deepEqual(await ids(narrow), ['warning narrow-iommu']);
	assert.deepEqual(
		await ids({...narrow, '/proc/cpuinfo': 'address sizes\t: 36 bits physical, 48 bits virtual\n'}),
		[],
	);
	const range = '0x000000fd00000000 0x000000ffffffffff reserved\n';
	assert.deepEqual(await ids({...READY, ...group(1, 'DMA', range)}), ['note reserved-regions']);
	const limit = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit';
	assert.deepEqual(await ids({...READY, [limit]: '65535\n'}), []);
	assert.deepEqual(await ids({...READY, [limit]: '1024\n'}), ['warning mapping-limit']);
	assert.deepEqual(await ids({...READY, [`${FOLDER}/sriov_numvfs`]: '0\n'}), []);
	assert.deepEqual(await ids({...READY, [`${FOLDER}/sriov_numvfs`]: '4\n'}), ['error has-virtual-functions']);
	const virtual = {
		...READY,
		...pci('0000:05:00.0', {driver: 'mlx5_core'}),
		[`${FOLDER}/physfn`]: {to: '../0000:05:00.0'},
	};
	const [note] = (await of(virtual)).findings;
	assert.equal(note.id, 'virtual-function');
	assert.match(note.cause, /the host’s mlx5_core/);
	assert.deepEqual(await ids({...READY, '/proc/cmdline': 'pcie_acs_override=downstream'}), [
		'warning acs-override',
	]);
	const {'/proc/1/': __, ...hidden} = READY;
	assert.deepEqual(await ids(hidden), ['warning owner-unseen']);
});

test('a function that does not exist, or a name that is none, is refused', async () => {
	const refused = (device: string, pattern: RegExp, machine = READY) =>
		assert.rejects(of(machine, device), error => error instanceof UserError && pattern.test(error.message));
	await refused('eth0', /^eth0 is not a PCI address; write one such as 01:00\.0/);
	await refused('09:00.0', /^This host has no PCI function 09:00\.0/);
	await refused('01:00.0', /in several PCI segments; .*0000:01:00\.0, 0001:01:00\.0\./, {
		...READY,
		...pci('0001:01:00.0'),
	});
});

test('the captured machines: ready, or why not', async () => {
	const verdicts = async (name: string, devices: readonly string[]) => {
		const tree = new Tree(treeAt(path.resolve(import.meta.dirname, '..', name))());
		const host = await readHost(tree);
		return devices.map(device => {
			const {ready, findings} = preflight(tree, host, device);
			return [ready, ...findings.filter(({severity}) => severity === 'error').map(({id}) => id)];
		});
	};
	assert.deepEqual(await verdicts('intel.tar', ['01:00.0', '02:00.0', '00:1f.2', '00:05.0']), [
		[false, 'held'],
		[false, 'driver:0000:02:00.1'],
		[false, 'driver:0000:00:1f.2'],
		[false, 'driver:0000:00:05.0'],
	]);
	assert.deepEqual(await verdicts('amd.tar', ['01:00.0', '02:00.0']), [[false, 'held'], [true]]);
});

test('a capture has what a preflight needs, and no names of the machine', async () => {
	const machine = {
		...NET,
		...WITH_DISK,
		...DM,
		'/proc/self/mountinfo': MOUNT('254:0', '/', '/dev/mapper/myhost--vg-root'),
	};
	const capture = new Capture();
	const tree = new Tree(filesOf(machine), capture);
	readForPreflight(tree, await readHost(tree));
	const tar = capture.contents();
	assert.doesNotMatch(tar.map(({path, text}) => `${path} ${text}`).join('\n'), /myhost/);
	const again: Machine = Object.fromEntries(
		tar.map(({path, kind, text}) => [
			kind === 'directory' ? `${path}/` : path,
			kind === 'link' ? {to: text} : text,
		]),
	);
	assert.deepEqual(await of(again), await of(machine));
});
