import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {hostDevice} from '../../source/live/host-devices.js';
import {productNames} from '../../source/live/pci-ids.js';
import {folder} from '../helpers/lab.js';

const LIST = `# a comment
8086  Intel Corporation
\t10d3  82574L Gigabit Network Connection
\t\t8086 a01f  a subsystem
\t1137  Thunderbolt 4 NHI [Maple Ridge 4C 2020]
1022  Advanced Micro Devices, Inc. [AMD]
\t1137  another vendor’s
C 02  Network controller
\t10d3  no product
`;

test('names of devices, from the list of lspci', t => {
	const list = path.join(folder(t), 'pci.ids');
	fs.writeFileSync(list, LIST);
	assert.deepEqual(
		productNames(new Set(['8086:10d3', '1022:1137', '8086:ffff', 'dead:beef']), ['/nowhere', list]),
		new Map([
			['8086:10d3', 'Intel Corporation 82574L Gigabit Network Connection'],
			['1022:1137', 'Advanced Micro Devices, Inc. [AMD] another vendor’s'],
		]),
	);
	assert.deepEqual(productNames(new Set(['8086:10d3']), ['/nowhere']), new Map());
});

test('names across the pieces in which the list is read', t => {
	const list = path.join(folder(t), 'pci.ids');
	const vendors = Array.from(
		{length: 9000},
		(_, i) => `${(i + 0x1000).toString(16)}  Vendor ${i}\n\t0001  Product ${i}\n`,
	);
	fs.writeFileSync(list, vendors.join(''));
	const wanted = Array.from({length: 9000}, (_, i) => `${(i + 0x1000).toString(16)}:0001`);
	const names = productNames(new Set(wanted), [list]);
	assert.equal(names.size, 9000);
	assert.equal(names.get('2000:0001'), 'Vendor 4096 Product 4096');
});

test('a device of this host, as sysfs has it', t => {
	const root = folder(t);
	const device = path.join(root, '0000:3b:00.0');
	fs.mkdirSync(path.join(device, 'net', 'eth7'), {recursive: true});
	fs.writeFileSync(path.join(device, 'vendor'), '0x8086\n');
	fs.writeFileSync(path.join(device, 'device'), '0x10d3\n');
	fs.writeFileSync(path.join(device, 'class'), '0x020000\n');
	fs.symlinkSync('../../../../bus/pci/drivers/e1000e', path.join(device, 'driver'));
	fs.symlinkSync('../../../../kernel/iommu_groups/9', path.join(device, 'iommu_group'));
	const known = {
		device: {rid: 0x3b00, segment: 0},
		id: '8086:10d3',
		class: '020000',
		driver: 'e1000e',
		name: 'eth7',
		group: 9,
	};
	assert.deepEqual(hostDevice({rid: 0x3b00}, root), known);
	assert.deepEqual(hostDevice({rid: 0x3b00, segment: 0}, root), known);
	assert.equal(hostDevice({rid: 0x3b00, segment: 1}, root), undefined);
	assert.equal(hostDevice({rid: 0x3b01}, root), undefined);
	fs.mkdirSync(path.join(root, '0001:3b:00.0'));
	assert.equal(hostDevice({rid: 0x3b00}, root), undefined, 'which of the two is not known');
});
