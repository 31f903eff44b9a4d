// Page tables that real kernels have shown, as the domains of a machine to look at.

import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import {HostMachine} from '../../../source/live/host/machine.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {Tree} from '../../../source/live/host/tree.js';
import {recordedTables} from '../../helpers/host-tables.js';
import {filesOf, type Machine, pci, VTD} from '../../helpers/host-tree.js';
import {openDashboard} from '../../helpers/terminal.js';

const GUEST: Machine = {
	...VTD,
	...recordedTables('6.12', '6.12.117'),
	// Nobody opened this one: its domain has been shown already.
	'/sys/kernel/debug/iommu/intel/0000:00:05.0/domain_translation_struct': '',
	...pci('0000:00:04.0', {driver: 'vfio-pci', group: 3}),
	...pci('0000:00:05.0', {driver: 'vfio-pci', group: 4}),
};
/** The same once the NVMe controller has nothing mapped. */
const LATER: Machine = {
	...GUEST,
	'/sys/kernel/debug/iommu/intel/0000:00:03.0/domain_translation_struct': 'Device 0000:00:03.0 @0x81b000\n',
};

async function machineOf(t: TestContext, first: Machine) {
	const now = {files: first};
	const machine = await HostMachine.open({
		title: 'host',
		read: () => readHost(new Tree(filesOf(now.files))),
		now: () => 0,
		pause: () => 5,
		clock: () => '12:34:56',
		gaps: [],
	});
	t.after(() => machine.close());
	return {now, machine};
}

test('devices with the same table root are in one domain, whose mappings are listed', async t => {
	const {machine} = await machineOf(t, GUEST);
	const {domains, devices} = machine.state();
	const passed = domains.find(({label}) => label === '@0x3bbf000');
	assert.deepEqual(
		devices.filter(({domain}) => domain === passed?.id).map(({name, driver}) => `${name} ${driver}`),
		['00:04.0 vfio-pci', '00:05.0 vfio-pci'],
	);
	assert.deepEqual(passed?.mappings?.slice(0, 3), [
		{iova: 0, hpa: 0x3e00000, pages: 2, read: true, write: true},
		{iova: 0xc0000, hpa: 0x3dd8000, pages: 1, read: true, write: false},
		{iova: 0xe0000, hpa: 0x3db0000, pages: 1, read: true, write: false},
	]);
	const {press} = openDashboard(t, machine, 120, 40);
	const shown = await press('2');
	assert.match(shown, /DOMAINS ─ 5/);
	assert.match(shown, /@0x3bbf000 +3,590 +00:04\.0, 00:0/);
	assert.match(await press('down', 'down'), /DOMAIN @0x3bbf000 ─ 00:04\.0, 00:05\.0 ─ [\s\S]*→ 0x3a000000/);
});

test('a changed table is a new domain object, the others stay the same', async t => {
	const {now, machine} = await machineOf(t, GUEST);
	const before = machine.state().domains;
	const changed = new Promise<void>(resolve => machine.watch(resolve));
	now.files = LATER;
	await changed;
	const after = machine.state().domains;
	assert.deepEqual(
		after.map((domain, i) => domain === before[i]),
		before.map(({label}) => label !== '@0x81b000'),
	);
	assert.equal(machine.state().tables, 1);
});
