import assert from 'node:assert/strict';
import {test} from 'node:test';
import {group, hostOf, type Machine, pci, VTD} from '../../helpers/host-tree.js';

const CPU = (flags: string) =>
	`processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu ${flags} lm\n\nprocessor\t: 1\n`;
const ids = async (machine: Machine): Promise<string[]> => (await hostOf(machine)).findings.map(({id}) => id);
/** A healthy machine: one card of the host, in its own group. */
const WELL: Machine = {
	...VTD,
	...group(1),
	...pci('0000:01:00.0', {driver: 'e1000e', group: 1}),
};

test('a healthy machine has no finding', async () => {
	assert.deepEqual((await hostOf(WELL)).findings, []);
	assert.deepEqual((await hostOf({})).findings, []);
});

test('no IOMMU in use though the machine may have one', async () => {
	const cause = async (machine: Machine) =>
		(await hostOf(machine)).findings.map(({cause, cure}) => `${cause} ${cure}`).join();
	assert.match(await cause({'/proc/cpuinfo': CPU('vmx')}), /VT-x.*no ACPI table DMAR.*intel_iommu=on/);
	assert.match(
		await cause({'/proc/cpuinfo': CPU('svm').replace('GenuineIntel', 'AuthenticAMD')}),
		/AMD-V,.*[Ee]nable AMD-Vi/,
	);
	assert.match(await cause({'/sys/firmware/acpi/tables/IVRS': ''}), /ACPI table IVRS.*Enable AMD-Vi/);
	assert.match(
		await cause({
			'/sys/firmware/acpi/tables/DMAR': {refused: true},
			'/proc/cmdline': 'quiet intel_iommu=off ro',
		}),
		/booted with intel_iommu=off.*Remove intel_iommu=off/,
	);
	// A guest's processor flags come from its host.
	assert.equal(await cause({'/proc/cpuinfo': CPU('vmx hypervisor')}), '');
});

test('a group with a vfio device and a host device', async () => {
	const shared = {
		...WELL,
		...pci('0000:01:00.1', {driver: 'vfio-pci', group: 1}),
	};
	const [finding] = (await hostOf(shared)).findings;
	assert.equal(finding?.id, 'shared:1');
	assert.equal(finding?.severity, 'warning');
	assert.match(finding?.cure ?? '', /echo 0000:01:00.0 >\/sys\/bus\/pci\/drivers\/e1000e\/unbind/);
	// Bridges, and drivers that do no DMA, are harmless.
	const apart = {
		'/proc/1/': '',
		...VTD,
		...group(1),
		...pci('0000:00:01.0', {class: '060400', driver: 'pcieport', group: 1}),
		...pci('0000:01:00.0', {driver: 'pci-stub', group: 1}),
		...pci('0000:01:00.1', {driver: 'vfio-pci', group: 1}),
	};
	assert.deepEqual(await ids(apart), []);
	assert.equal((await hostOf(apart)).groups[0]?.verdict.is, 'free');
});

test('firmware’s regions, pass-through, identity, and devices in no group', async () => {
	const region = '0x000000007b000000 0x000000007f7fffff direct\n0x00000000fee00000 0x00000000feefffff msi\n';
	const rmrr = await hostOf({...WELL, ...group(1, 'DMA', region)});
	assert.deepEqual(
		rmrr.findings.map(({id, severity}) => [id, severity]),
		[['reserved:1', 'note']],
	);
	assert.match(rmrr.findings[0]?.cause ?? '', /0x7b000000–0x7f7fffff/);
	assert.equal(rmrr.groups[0]?.verdict.is, 'reserved');
	assert.deepEqual(
		await ids({...WELL, ...group(1, 'DMA', region.replace('direct', 'direct-relaxable'))}),
		[],
	);

	assert.deepEqual(await ids({...WELL, ...group(1, 'identity')}), ['pass-through-default']);
	assert.deepEqual(await ids({...WELL, '/proc/cmdline': 'iommu.passthrough=0 iommu=soft'}), []);
	const other = {...group(2, 'identity'), ...pci('0000:02:00.0', {driver: 'i915', group: 2})};
	assert.deepEqual(await ids({...WELL, ...other}), ['identity']);
	assert.deepEqual(await ids({...WELL, ...pci('0000:03:00.0', {driver: 'i915'})}), ['no-group']);
	assert.deepEqual(await ids({...WELL, ...pci('0000:03:00.0', {class: '060000'})}), []);
});

test('settings of vfio and the kernel', async () => {
	const vfio = {...WELL, ...group(2), ...pci('0000:02:00.0', {driver: 'vfio-pci', group: 2})};
	assert.deepEqual(await ids(vfio), []);
	const unsafe = {'/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'Y\n'};
	assert.deepEqual(await ids({...vfio, ...unsafe}), ['unsafe-interrupts']);
	const without = {'/sys/devices/virtual/iommu/dmar0/intel-iommu/ecap': 'f00f42\n'};
	assert.deepEqual(await ids({...vfio, ...without}), ['no-interrupt-remapping']);
	assert.deepEqual(await ids({...vfio, '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'Y\n'}), [
		'no-iommu-mode',
	]);
	assert.deepEqual(await ids({...vfio, '/proc/cmdline': 'pcie_acs_override=downstream,multifunction'}), [
		'acs-override',
	]);
});

test('boot words: the groups’ types count, and words without effect are named', async () => {
	const titles = async (words: string, machine: Machine = WELL) =>
		(await hostOf({...machine, '/proc/cmdline': words})).findings.map(({title}) => title);
	const PASSED = /not isolated: pass-through is the default/;
	const identity = {...WELL, ...group(1, 'identity')};
	// Seen on real machines: eight groups of DMA-FQ were called pass-through.
	assert.deepEqual(await titles('intel_iommu=pt'), ['intel_iommu=pt does nothing']);
	assert.deepEqual(await titles('iommu.passthrough=1 iommu.passthrough=0'), [
		'iommu.passthrough=1 is overridden by iommu.passthrough=0',
	]);
	assert.deepEqual(await titles('iommu=pt iommu=nopt'), ['iommu=pt is overridden by iommu=nopt']);
	assert.deepEqual(await titles('intel_iommu=on,igfx_off,sm_on iommu=soft'), []);
	assert.deepEqual(await titles('intel_iommu=off intel_iommu=on'), [
		'intel_iommu=off is overridden by intel_iommu=on',
	]);
	assert.deepEqual(await titles('amd_iommu=off iommu=on'), [
		'iommu=on does nothing',
		'amd_iommu=off does nothing',
	]);
	const amd = {
		...group(1, 'DMA-FQ'),
		...pci('0000:01:00.0', {driver: 'e1000e', group: 1, unit: 'ivhd0'}),
		'/sys/class/iommu/ivhd0': {to: '../../devices/virtual/iommu/ivhd0'},
		'/sys/devices/virtual/iommu/ivhd0/amd-iommu/cap': '190b640f\n',
	};
	assert.deepEqual(await titles('amd_iommu=pt', amd), ['amd_iommu=pt does nothing']);
	const [finding] = (await hostOf({...amd, '/proc/cmdline': 'amd_iommu=on'})).findings;
	assert.match(finding?.cure ?? '', /uses AMD-Vi wherever firmware enables it/);
	assert.deepEqual(await titles('intel_iommu=on', amd), ['intel_iommu=on does nothing']);

	assert.match((await titles('iommu=pt', identity)).join(), PASSED);
	assert.match((await titles('iommu.passthrough=0 iommu=pt', identity)).join(), PASSED);
	assert.match((await titles('', identity)).join(), PASSED);
	assert.deepEqual(await titles('iommu=pt'), ['iommu=pt had no effect: all groups are translated']);
	assert.equal((await titles('iommu.passthrough=0', identity)).length, 2);
	// One of three is translated all the same; and a kernel without types is believed.
	const three = {
		...identity,
		...group(2, 'identity'),
		...group(3, 'DMA'),
		...pci('0000:02:00.0', {driver: 'e1000e', group: 2}),
		...pci('0000:03:00.0', {driver: 'e1000e', group: 3}),
	};
	assert.match((await titles('iommu=pt', three)).join(), PASSED);
	assert.doesNotMatch((await titles('', three)).join(), PASSED);
	const {'/sys/kernel/iommu_groups/1/type': _, ...untyped} = WELL;
	assert.match((await titles('iommu=pt', untyped)).join(), PASSED);
});
