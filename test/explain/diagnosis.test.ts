import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import {diagnose} from '../../source/explain/diagnosis.js';
import {viewDomain} from '../../source/explain/ranges.js';
import type {Lab} from '../../source/lab/lab.js';
import type {Command, GuestSpec} from '../../source/machine/command.js';
import type {MachineState} from '../../source/machine/observed.js';
import {type LabSetup, MIB, openTestLab, read, transfer} from '../helpers/lab.js';

const findingsOf = (lab: Lab, parts: Partial<MachineState> = {}) => {
	const state = {...lab.state(), ...parts};
	const views = state.domains.map(domain => viewDomain(lab.memory, state.owned, domain));
	return diagnose(lab.memory, state, views, lab.cachedPages());
};
const ids = (lab: Lab, parts?: Partial<MachineState>) =>
	findingsOf(lab, parts).map(({severity, id}) => `${severity} ${id}`);
const run = (lab: Lab, ...commands: Command[]) => {
	for (const command of commands) lab.dispatch(command);
};
const guest = (name: string, more: Partial<GuestSpec> = {}): GuestSpec => ({
	name,
	memory: 16 * MIB,
	wired: true,
	model: 'virtio-blk',
	disk: 'ada0',
	passthru: [],
	...more,
});
const open = (t: TestContext, more: LabSetup = {}) => openTestLab(t, {policy: 'keep', ...more});

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: a healthy machine has no findings`, t => {
		const lab = open(t, {iommu});
		for (const vm of ['vm0', 'vm1']) assert.equal(read(lab, vm).data, 'delivered');
		transfer(lab, {do: 'dma', device: 'ppt0', access: 'write', gpa: 0, bytes: 8192});
		assert.deepEqual(ids(lab), []);
		// bounce removes the pages and does not need them.
		run(lab, {do: 'policy', policy: 'bounce'});
		assert.equal(read(lab, 'vm0').data, 'delivered');
		assert.deepEqual(ids(lab), []);
	});

	test(`${iommu}: a guest with a passthru device behind a raw disk`, t => {
		const lab = open(t, {iommu, policy: 'remove'});
		read(lab, 'vm0');
		assert.deepEqual(ids(lab), ['error missing-behind-disk:vm0', 'error lost:vm0']);
		const [missing, lost] = findingsOf(lab);
		assert.match(missing.cause, /does not map 16,384 pages of vm0\./);
		assert.match(missing.cure, /^Use a vmm with D34607.* without ppt0\.$/);
		assert.match(lost.title, /^2 transfers of vm0 lost, with success reported$/);
		run(lab, {do: 'policy', policy: 'keep'});
		assert.deepEqual(ids(lab), [], 'losses under the old policy are history');
	});

	test(`${iommu}: a partition and a USB disk are raw disks, a file is not`, t => {
		const disks = {file: 0, ada0p1: 1, da0: 1};
		for (const [disk, wrong] of Object.entries(disks)) {
			const lab = open(t, {iommu, policy: 'remove', guests: [guest('vm0', {disk, passthru: ['ppt0']})]});
			assert.equal(ids(lab).filter(id => id === 'error missing-behind-disk:vm0').length, wrong, disk);
		}
	});

	test(`${iommu}: a failed bind leaves pages out, for their next owner too`, t => {
		const lab = open(t, {
			iommu,
			policy: 'remove',
			guests: [guest('vm0', {passthru: ['ppt0'], disk: 'file'})],
		});
		assert.deepEqual(ids(lab), []);
		run(lab, {do: 'create', ...guest('vm1', {disk: 'file'})}, {do: 'bind', vm: 'vm1', device: 'ppt0'});
		assert.deepEqual(ids(lab), ['error left-out:vm1']);
		run(lab, {do: 'destroy', vm: 'vm1'});
		assert.deepEqual(ids(lab), ['warning left-out:free']);
		assert.match(findingsOf(lab)[0].title, /^The host domain lacks 4,096 pages of free memory$/);
	});

	test(`${iommu}: a leaked domain`, t => {
		const lab = open(t, {iommu});
		run(lab, {do: 'unbind', vm: 'vm0', device: 'ppt0'}, {do: 'bind', vm: 'vm0', device: 'ppt0'});
		const leaked = lab.state().domains.find(({role, vm}) => role === 'guest' && vm === undefined);
		assert.deepEqual(ids(lab), [`warning leaked-domain:${leaked?.id}`]);
	});

	test(`${iommu}: a device that returns to the host when its VM ends`, t => {
		const lab = open(t, {iommu, returnsToHost: true});
		assert.deepEqual(ids(lab), []);
		run(lab, {do: 'destroy', vm: 'vm0'});
		assert.deepEqual(ids(lab), ['error reaches-others:ppt0']);
		assert.match(findingsOf(lab)[0].cure, /D12661/);
	});

	test(`${iommu}: a stale translation`, t => {
		const lab = open(t, {iommu});
		read(lab, 'vm1');
		run(lab, {do: 'unmap', from: 'host', vm: 'vm1', gpa: lab.defaultGpa, pages: 1, invalidate: false});
		const stale = ids(lab);
		assert.ok(stale.includes('error stale') && stale.includes('error left-out:vm1'));
		run(lab, {do: 'invalidate'});
		assert.ok(!ids(lab).includes('error stale'));
	});
}

test('VT-d: a device without a VM is in no domain; for a host device that is an error', t => {
	const lab = open(t, {pptdevs: ['4:0:0', '4:0:1']});
	assert.deepEqual(ids(lab), ['note no-domain:ppt1']);
	const {unit} = lab.state();
	const contexts = lab.memory.u32(unit?.table ?? 0) - 1;
	lab.memory.setU32(contexts + 16 * ((25 << 3) | 0), 0);
	assert.deepEqual(ids(lab), ['error no-domain:em0', 'note no-domain:ppt1']);
});

test('AMD-Vi: a device without a VM reaches all memory, or what its old root maps', t => {
	const lab = open(t, {iommu: 'amd-vi', pptdevs: ['4:0:0', '4:0:1']});
	assert.deepEqual(ids(lab), ['error reaches-all:ppt1']);
	run(lab, {do: 'bind', vm: 'vm0', device: 'ppt1'});
	assert.deepEqual(ids(lab), []);
	run(lab, {do: 'unbind', vm: 'vm0', device: 'ppt1'});
	assert.deepEqual(ids(lab), ['error reaches-others:ppt1']);
	assert.match(
		findingsOf(lab)[0].cause,
		/still points to domain 1, vm0’s\. It can write to 16,384 pages of vm0\.$/,
	);
	run(lab, {do: 'unbind', vm: 'vm0', device: 'ppt0'});
	assert.deepEqual(ids(lab), [], 'the mappings went with the last device');
	run(lab, {do: 'destroy', vm: 'vm0'});
	assert.deepEqual(ids(lab), ['warning reaches-others:ppt0', 'warning reaches-others:ppt1']);
	assert.match(
		findingsOf(lab)[0].cause,
		/of a deleted domain, and that page may come to hold anything\. It maps nothing now\.$/,
	);
});

test('before the IOMMU is on, and without one, devices have no findings', t => {
	for (const iommu of ['vt-d', 'amd-vi', 'none'] as const)
		assert.deepEqual(ids(open(t, {iommu, guests: [guest('vm0')]})), []);
});

test('full fault registers', t => {
	const lab = open(t);
	transfer(lab, {do: 'dma', device: 'ppt0', access: 'write', gpa: 2 ** 40, bytes: 9 * 4096});
	const [finding] = findingsOf(lab);
	assert.deepEqual([finding.id, finding.severity], ['faults-overflow', 'warning']);
	assert.match(finding.title, /^All 8 fault registers are full/);
	assert.match(finding.cause, /^The kernel has logged no faults\./);
	const {faultLog} = lab.state();
	const amd = findingsOf(lab, {faultLog: {...faultLog, kind: 'event log', kernelLogged: 300}})[0];
	assert.match(amd.title, /^The event log has overflowed$/);
	assert.match(amd.cause, /^The kernel has logged 300 faults\./);
});
