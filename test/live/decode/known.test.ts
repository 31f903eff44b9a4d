import assert from 'node:assert/strict';
import {test} from 'node:test';
import {hexHalves, parseHalves} from '../../../source/formats/address.js';
import {Known} from '../../../source/live/decode/known.js';

function known(...lines: string[]): Known {
	const all = new Known();
	for (const line of lines) all.read(line);
	return all;
}

test('a device comes from the log, and its driver from its last message', () => {
	const device = known(
		'pci 0000:3b:00.0: [8086:10fb] type 00 class 0x020000',
		'pci 0000:3b:00.0: Adding to iommu group 12',
		'ixgbe 0000:3b:00.0: Intel(R) 10 Gigabit Network Connection',
		'ixgbe 0000:3b:00.0 enp59s0f0: renamed from eth0',
		'ixgbe 0000:3b:00.0 enp59s0f0: NIC Link is Up',
	).device({rid: 0x3b00});
	assert.deepEqual(device, {
		device: {rid: 0x3b00, segment: 0},
		id: '8086:10fb',
		class: '020000',
		group: 12,
		driver: 'ixgbe',
		name: 'enp59s0f0',
	});
});

test('an NVMe disk, an old group, a device passed to a guest', () => {
	const all = known(
		'nvme nvme0: pci function 0000:01:00.0',
		'iommu: Adding device 0000:01:00.0 to group 3',
		'ahci 0000:00:1f.2: flags: 64bit',
		'vfio-pci 0000:00:1f.2: enabling device (0000 -> 0003)',
	);
	assert.deepEqual([all.device({rid: 0x100})?.name, all.device({rid: 0x100})?.group], ['nvme0', 3]);
	assert.equal(all.device({rid: 0xfa})?.driver, 'vfio-pci');
});

test('a fault without a segment matches no device where two segments have its number', () => {
	const all = known('ahci 0000:05:00.0: a', 'nvme 0001:05:00.0: b');
	assert.equal(all.device({rid: 0x500}), undefined);
	assert.equal(all.device({rid: 0x500, segment: 1})?.driver, 'nvme');
	assert.equal(known('nvme 0001:05:00.0: b').device({rid: 0x500})?.driver, 'nvme');
});

test('ranges with an owner: RMRR, firmware, registers', () => {
	const all = known(
		'BIOS-e820: [mem 0x00000000694af000-0x000000006b2fefff] reserved',
		'BIOS-e820: [mem 0x0000000000100000-0x00000000694aefff] usable',
		'BIOS-e820: 00000000dbea8000 - 00000000dbeb7000 (reserved)',
		'DMAR: RMRR base: 0x00000069800000 end: 0x000000698fffff',
		'pci 0000:02:00.0: reg 0x10: [mem 0xee000000-0xeeffffff]',
		'pci 0000:02:00.0: BAR 1 [mem 0x2800000000-0x2fffffffff 64bit pref]',
	);
	const at = (digits: string) => {
		const address = parseHalves(digits);
		assert.ok(address);
		return all
			.rangesAt(address, address)
			.map(({what, device}) => [what, device?.rid].filter(each => each !== undefined));
	};
	assert.deepEqual(at('694af000'), [['firmware']]);
	assert.deepEqual(at('69800000'), [['RMRR']]);
	assert.deepEqual(at('6b2ff000'), []);
	assert.deepEqual(at('100000'), []);
	assert.deepEqual(at('dbeb6fff'), [['firmware']]);
	assert.deepEqual(at('dbeb7000'), []);
	assert.deepEqual(at('ee139000'), [['BAR', 0x200]]);
	assert.deepEqual(at('2800009000'), [['BAR', 0x200]]);
});

test('the width of the units, and an earlier kernel', () => {
	const all = known(
		'DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap c0000020660462 ecap f0101a',
		'DMAR: dmar1: reg_base_addr fed91000 ver 5:0 cap d2008c40660462 ecap f050da',
	);
	assert.deepEqual([all.width, all.inherited], [39, false]);
	assert.ok(known('AMD-Vi: Copied DEV table from previous kernel.').inherited);
	assert.ok(known('DMAR: Copied translation tables from previous kernel for dmar1').inherited);
});

test('a hostile log stores no more than a machine has', () => {
	const all = new Known();
	for (let i = 0; i < 20_000; i++) {
		all.read(
			`ahci ${(i >> 8).toString(16).padStart(4, '0')}:${(i & 0xff).toString(16).padStart(2, '0')}:00.0: hello`,
		);
		all.read(`BIOS-e820: [mem 0x${i.toString(16)}000-0x${i.toString(16)}fff] reserved`);
	}
	assert.equal(all.ranges.length, 4096);
});

test('lspci, lshw and lists of groups in the same paste', () => {
	const all = known(
		'02:00.0 Ethernet controller [0200]: Realtek Semiconductor RTL8111 [10ec:8168] (rev 15)',
		'\tSubsystem: ASUSTeK',
		'\tKernel driver in use: r8169',
		'IOMMU Group 14:',
		'\t02:00.1 Non-Volatile memory controller: Samsung Electronics NVMe SSD',
		'IOMMU Group 15 03:00.0 VGA compatible controller [0300]: NVIDIA GP104 [10de:1b80] (rev a1)',
		'/sys/kernel/iommu_groups/7/devices/0000:00:1f.0',
		'       bus info: pci@0000:04:00.0',
		'       logical name: enp4s0',
		'       configuration: autonegotiation=on broadcast=yes driver=igb driverversion=5.15',
	);
	const at = (rid: number) => {
		const {id, class: pciClass, driver, name, group} = all.device({rid, segment: 0}) ?? {};
		return [id, pciClass, driver, name, group];
	};
	assert.deepEqual(at(0x200), ['10ec:8168', '020000', 'r8169', undefined, undefined]);
	assert.deepEqual(at(0x201), [undefined, '010800', undefined, undefined, 14]);
	assert.deepEqual(at(0x300), ['10de:1b80', '030000', undefined, undefined, 15]);
	assert.deepEqual(at(0xf8), [undefined, undefined, undefined, undefined, 7]);
	assert.deepEqual(at(0x400), [undefined, undefined, 'igb', 'enp4s0', undefined]);
});

test('RAM of Linux’s and Xen’s memory maps', () => {
	const ram = (...lines: string[]) =>
		known(...lines).ram.map(({first, last}) => [hexHalves(first), hexHalves(last)]);
	assert.deepEqual(
		ram(
			'BIOS-e820: [mem 0x0000000100000000-0x000000047fffffff] usable',
			'BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable',
			'BIOS-e820: [mem 0x0000000080000000-0x000000008fffffff] reserved',
		),
		[
			['0x100000', '0x7fffffff'],
			['0x100000000', '0x47fffffff'],
		],
	);
	assert.deepEqual(ram(' [0000000000100000, 00000000dfffffff] (usable)'), [['0x100000', '0xdfffffff']]);
	assert.deepEqual(ram(' 0000000000100000 - 00000000dfffe000 (usable)'), [['0x100000', '0xdfffdfff']]);
});

test('a bridge that sends for what is behind it', () => {
	const all = known(
		'00:1c.0 PCI bridge [0604]: Intel Corporation Device [8086:a338] (rev f0)',
		'\tBus: primary=00, secondary=05, subordinate=05, sec-latency=0',
		'05:01.0 Multimedia controller [0480]: Philips SAA7160 [1131:7160] (rev 03)',
		'pci 0000:00:1d.0: PCI bridge to [bus 06-07]',
		'pci 0000:06:00.0: [8086:1234] type 00 class 0x020000',
	);
	const behind = (rid: number) =>
		all.around({family: 'vt-d', by: 'Linux', kind: 'access', name: 'DMA Read', device: {rid}}).behind;
	assert.deepEqual(behind(0x500), [{segment: 0, rid: 0x508}]);
	assert.deepEqual(behind(0x600), [], 'this function exists');
	assert.deepEqual(behind(0x800), [], 'no bridge leads there');
});

test('a reset is remembered for a few lines', () => {
	const reset = 'amdgpu 0000:03:00.0: amdgpu: GPU reset begin!';
	assert.equal(known(reset, 'hello').incident, reset);
	assert.equal(known(reset, ...Array.from({length: 50}, () => 'hello')).incident, undefined);
});
