import assert from 'node:assert/strict';
import {test} from 'node:test';
import {parseHalves} from '../../../source/formats/address.js';
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
