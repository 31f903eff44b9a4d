import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {hostDevice} from '../../../source/live/host/device-lookup.js';
import {PciIds} from '../../../source/live/host/pci-ids.js';
import {Disk, Files, type Source, Tree} from '../../../source/live/host/tree.js';
import {folder} from '../../helpers/lab.js';

const LIST = `# a comment
8086  Intel Corporation
\t10d3  82574L Gigabit Network Connection
# a comment among the products

\t\t8086 a01f  a subsystem
\t1137  Thunderbolt 4 NHI [Maple Ridge 4C 2020]
1022  Advanced Micro Devices, Inc. [AMD]
\t1137  another vendor’s
10d3  no vendor that is asked for
\t8086  and none of its products
C 02  Network controller
\t10d3  no product
`;
const PLACES = ['usr/share/misc/pci.ids', 'usr/share/misc/pci_vendors', 'usr/local/share/pciids/pci.ids'];

/** A machine with a list, and how often the list was read. */
function machine(list: string, place = PLACES[0]): {tree: () => Tree; reads: () => number} {
	const files = new Files();
	files.add(place ?? '', 'file', Buffer.from(list).toString('latin1'));
	let reads = 0;
	const source: Source = {
		refused: files.refused,
		kind: at => files.kind(at),
		list: at => files.list(at),
		link: at => files.link(at),
		read: (at, limit) => {
			reads++;
			return files.read(at, limit);
		},
	};
	return {tree: () => new Tree(source), reads: () => reads};
}

test('device names from lspci’s list', () => {
	for (const place of PLACES)
		assert.deepEqual(
			new PciIds().names(machine(LIST, place).tree(), ['8086:10d3', '1022:1137', '8086:ffff', 'dead:beef']),
			new Map([
				['8086:10d3', 'Intel Corporation 82574L Gigabit Network Connection'],
				['1022:1137', 'Advanced Micro Devices, Inc. [AMD] another vendor’s'],
			]),
		);
	assert.deepEqual(new PciIds().names(new Tree(new Files()), ['8086:10d3']), new Map());
});

test('names at the beginning of a list and at its end, which may lack a newline', () => {
	const {tree} = machine('0001  First\n\t0001  One\n0002\tSecond\n\t0002\tTwo');
	assert.deepEqual(
		new PciIds().names(tree(), ['0002:0002', '0001:0001']),
		new Map([
			['0002:0002', 'Second Two'],
			['0001:0001', 'First One'],
		]),
	);
});

test('the list is read once, and once more for new devices', () => {
	const {tree, reads} = machine(LIST);
	const pciIds = new PciIds();
	for (let i = 0; i < 100; i++) pciIds.names(tree(), ['8086:10d3', '8086:ffff', 'dead:beef']);
	assert.equal(reads(), 1);
	assert.equal(pciIds.names(tree(), ['8086:10d3', '8086:1137']).size, 2);
	assert.equal(pciIds.names(tree(), []).size, 0);
	assert.equal(reads(), 2);
});

test('every name of a list', () => {
	const hex = (i: number) => (i + 0x1000).toString(16);
	const all = Array.from({length: 2000}, (_, i) => i);
	const {tree} = machine(all.map(i => `${hex(i)}  Vendor ${i}\n\t0001  Product ${i}\n`).join(''));
	const names = new PciIds().names(
		tree(),
		all.map(i => `${hex(i)}:0001`),
	);
	assert.equal(names.size, 2000);
	assert.equal(names.get('1400:0001'), 'Vendor 1024 Product 1024');
});

test('a device of this host, from sysfs', t => {
	const root = folder(t);
	const devices = path.join(root, 'sys/bus/pci/devices');
	const device = path.join(devices, '0000:3b:00.0');
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
	const at = (rid: number, segment?: number) =>
		hostDevice(segment === undefined ? {rid} : {rid, segment}, new Tree(new Disk(root)));
	assert.deepEqual(at(0x3b00), known);
	assert.deepEqual(at(0x3b00, 0), known);
	assert.equal(at(0x3b00, 1), undefined);
	assert.equal(at(0x3b01), undefined);
	fs.mkdirSync(path.join(devices, '0001:3b:00.0'));
	assert.equal(at(0x3b00), undefined, 'which of the two is not known');
});
