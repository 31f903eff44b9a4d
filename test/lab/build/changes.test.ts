import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import fc from 'fast-check';
import {mappingsOf} from '../../../source/explain/mappings.js';
import {viewDomain} from '../../../source/explain/ranges.js';
import {PAGE_SIZE} from '../../../source/formats/address.js';
import {Disk} from '../../../source/hardware/disk.js';
import {changeMachine, switchPolicy} from '../../../source/lab/build/changes.js';
import {reachOf} from '../../../source/lab/build/family.js';
import {Machine} from '../../../source/lab/build/machine.js';
import {sampleDisk} from '../../../source/lab/build/sample-disk.js';
import {defaultSpec} from '../../../source/lab/build/spec.js';
import {domainsOf} from '../../../source/lab/build/state.js';
import type {Lab} from '../../../source/lab/lab.js';
import type {Command, GuestSpec, LifecycleCommand} from '../../../source/machine/command.js';
import {UserError} from '../../../source/user-error.js';
import {MIB, openTestLab, read, transfer} from '../../helpers/lab.js';

const guest = (name: string, more: Partial<GuestSpec> = {}): GuestSpec => ({
	name,
	memory: 16 * MIB,
	wired: true,
	model: 'virtio-blk',
	disk: 'ada0',
	passthru: [],
	...more,
});

function did(lab: Lab, command: Command) {
	const outcome = lab.dispatch(command);
	assert.equal(outcome.kind, 'lifecycle');
	return outcome.kind === 'lifecycle' ? outcome : assert.fail();
}

const place = (lab: Lab, name: string) => {
	const device = lab.state().devices.find(other => other.name === name);
	return device?.untranslated ? 'untranslated' : device?.domain;
};

/** A lab with a guest without a passthru device, and em0 and two ppt devices to bind. */
const quiet = (t: TestContext, more: Parameters<typeof openTestLab>[1] = {}) =>
	openTestLab(t, {guests: [guest('vm0')], pptdevs: ['4:0:0', '4:0:1'], ...more});

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: before the first passthru bind there is no domain, and no translation`, t => {
		const lab = quiet(t, {iommu});
		assert.deepEqual(lab.state().domains, []);
		assert.equal(place(lab, 'ahci0'), 'untranslated');
		assert.equal(read(lab, 'vm0').data, 'delivered');
		const {error, tables} = did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
		assert.deepEqual([error, tables], [undefined, {domains: 2, missing: 4096}]);
		assert.deepEqual(
			lab.state().domains.map(({id, role}) => [id, role]),
			iommu === 'vt-d'
				? [
						[1, 'host'],
						[2, 'guest'],
					]
				: [
						[0, 'host'],
						[1, 'guest'],
					],
		);
		assert.equal(read(lab, 'vm0').data, 'lost');
		// A ppt device that no VM has: VT-d refuses its DMA, AMD-Vi has no entry for it.
		assert.equal(place(lab, 'ppt1'), iommu === 'vt-d' ? undefined : 'untranslated');
	});

	test(`${iommu}: a VM's second device joins its domain; the mappings go with the last`, t => {
		const lab = quiet(t, {iommu});
		did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
		assert.equal(did(lab, {do: 'bind', vm: 'vm0', device: '4:0:1'}).tables.domains, 2);
		const write = {do: 'dma', access: 'write', gpa: 0x400000, bytes: 8192} as const;
		assert.deepEqual(transfer(lab, {...write, device: 'ppt1'}).owners, ['vm0']);
		assert.equal(did(lab, {do: 'unbind', vm: 'vm0', device: 'ppt0'}).tables.missing, 4096);
		assert.equal(transfer(lab, {...write, device: 'ppt0'}).data, iommu === 'vt-d' ? 'lost' : 'delivered');
		assert.equal(did(lab, {do: 'unbind', vm: 'vm0', device: 'ppt1'}).tables.missing, 0);
		assert.equal(transfer(lab, {...write, device: 'ppt1'}).data, 'lost');
		assert.equal(read(lab, 'vm0').data, 'delivered');
	});

	test(`${iommu}: a rebind without a reset leaks the old domain`, t => {
		const lab = quiet(t, {iommu});
		did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
		did(lab, {do: 'unbind', vm: 'vm0', device: 'ppt0'});
		const again = did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
		assert.equal(again.tables.domains, 3);
		assert.match(again.report, /leaked/);
		did(lab, {do: 'reinit', vm: 'vm0'});
		assert.equal(did(lab, {do: 'destroy', vm: 'vm0'}).tables.domains, 2);
	});
}

test('bind and unbind are refused with vmm’s errors', t => {
	const lab = quiet(t, {guests: [guest('vm0'), guest('vm1'), guest('loose', {wired: false})]});
	const bind = (vm: string, device: string) => did(lab, {do: 'bind', vm, device}).error;
	assert.equal(bind('loose', 'ppt0'), 'unwired');
	assert.equal(bind('vm0', 'em0'), 'ENOENT');
	assert.equal(bind('vm0', '9:0:0'), 'ENOENT');
	assert.equal(bind('vm0', 'ppt0'), undefined);
	assert.equal(bind('vm0', 'ppt0'), 'EBUSY');
	assert.equal(bind('vm1', 'ppt0'), 'EBUSY');
	assert.equal(did(lab, {do: 'unbind', vm: 'vm1', device: 'ppt0'}).error, 'EBUSY');
	assert.equal(did(lab, {do: 'unbind', vm: 'vm1', device: 'ppt1'}).error, 'EBUSY');
	assert.equal(did(lab, {do: 'detach', device: 'ppt0'}).error, 'EBUSY');
	assert.equal(did(lab, {do: 'unplug', device: 'ppt0'}).error, 'EBUSY');
	assert.throws(() => lab.dispatch({do: 'bind', vm: 'vm0', device: 'ppt7'}), UserError);
	const none = quiet(t, {iommu: 'none'});
	assert.equal(did(none, {do: 'bind', vm: 'vm0', device: 'ppt0'}).error, 'ENXIO');
	assert.equal(read(none, 'vm0').data, 'delivered');
});

test('a function goes to ppt and back; the disk controllers stay', t => {
	const lab = quiet(t);
	did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
	assert.equal(place(lab, 'em0'), 1);
	did(lab, {do: 'attach', device: 'em0'});
	assert.equal(place(lab, 'ppt2'), undefined);
	assert.equal(did(lab, {do: 'bind', vm: 'vm0', device: 'ppt2'}).error, undefined);
	assert.equal(place(lab, 'ppt2'), 2);
	did(lab, {do: 'unbind', vm: 'vm0', device: 'ppt2'});
	assert.equal(place(lab, 'ppt2'), undefined, 'unbound, it is in no domain');
	did(lab, {do: 'detach', device: 'ppt2'});
	assert.equal(place(lab, 'em0'), 1);
	for (const device of ['ahci0', 'xhci0']) {
		assert.throws(() => lab.dispatch({do: 'attach', device}), /stays/);
		assert.throws(() => lab.dispatch({do: 'unplug', device}), /stays/);
	}
});

test('a hotplugged function joins the host domain, if there is one', t => {
	const lab = quiet(t);
	did(lab, {do: 'plug', device: 'nvme0', rid: '5:0:0'});
	assert.equal(place(lab, 'nvme0'), 'untranslated');
	did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
	assert.equal(place(lab, 'nvme0'), 1);
	did(lab, {do: 'plug', device: 'nvme1', rid: '6:0:0'});
	assert.equal(place(lab, 'nvme1'), 1);
	const reach = {do: 'dma', device: 'nvme1', access: 'write', gpa: 0x10000, bytes: 512} as const;
	assert.deepEqual(transfer(lab, reach).owners, ['kernel']);
	did(lab, {do: 'unplug', device: 'nvme1'});
	assert.equal(place(lab, 'nvme1'), undefined);
	assert.throws(() => lab.dispatch({do: 'plug', device: 'x0', rid: '5:0:0'}), UserError);
	assert.throws(() => lab.dispatch(reach), UserError);
});

test('vmm unloads only when its VMs are gone; then nothing is translated', t => {
	const lab = quiet(t);
	did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
	assert.equal(did(lab, {do: 'unload'}).error, 'EBUSY');
	did(lab, {do: 'destroy', vm: 'vm0'});
	assert.deepEqual(did(lab, {do: 'unload'}).tables, {domains: 0, missing: 0});
	assert.equal(place(lab, 'ahci0'), 'untranslated');
	did(lab, {do: 'create', ...guest('vm0')});
	did(lab, {do: 'bind', vm: 'vm0', device: 'ppt0'});
	assert.equal(read(lab, 'vm0').data, 'lost');
});

test('a VM that restarts keeps its memory and its devices', t => {
	const lab = openTestLab(t, {policy: 'keep'});
	const pages = () => JSON.stringify(lab.state().owned.filter(({owner}) => owner === 'vm0'));
	const before = pages();
	did(lab, {do: 'reinit', vm: 'vm0'});
	assert.equal(pages(), before);
	assert.deepEqual(lab.state().vms[0].passthru, ['ppt0']);
	assert.equal(
		transfer(lab, {do: 'dma', device: 'ppt0', access: 'read', gpa: 0, bytes: 512}).data,
		'delivered',
	);
});

test('any number of guests and passthru devices', t => {
	const names = Array.from({length: 6}, (_, i) => `vm${i}`);
	const guests = names.map((name, i) =>
		guest(name, {passthru: [`ppt${i}`], model: (['virtio-blk', 'ahci-hd', 'nvme'] as const)[i % 3]}),
	);
	const pptdevs = names.map((_, i) => `4:${i}:0`);
	const lab = openTestLab(t, {guests, pptdevs, policy: 'keep'});
	assert.equal(lab.state().domains.length, 7);
	for (const vm of names) assert.equal(read(lab, vm, {gpa: 0x300000}).data, 'delivered');
	for (const [i, vm] of names.entries()) {
		const dma = {do: 'dma', device: `ppt${i}`, access: 'write', gpa: 0x300000, bytes: 512} as const;
		assert.deepEqual(transfer(lab, dma).owners, [vm]);
	}
});

test('a guest sees no byte of the previous owner of its pages', t => {
	const lab = quiet(t, {hostMemory: 64 * MIB});
	did(lab, {do: 'create', ...guest('vm1')});
	read(lab, 'vm1', {gpa: 0x300000});
	did(lab, {do: 'destroy', vm: 'vm1'});
	did(lab, {do: 'create', ...guest('vm2', {memory: 28 * MIB})});
	for (let gpa = 0x400000; gpa < 28 * MIB; gpa += MIB)
		assert.ok(
			lab.guestBytes('vm2', gpa, MIB).every(byte => byte === 0),
			gpa.toString(16),
		);
});

test('a guest too large for the host is refused, and takes no memory', t => {
	const lab = quiet(t, {hostMemory: 64 * MIB});
	const before = JSON.stringify(lab.state().owned);
	assert.throws(() => lab.dispatch({do: 'create', ...guest('vm9', {memory: 60 * MIB})}), UserError);
	assert.equal(JSON.stringify(lab.state().owned), before);
	did(lab, {do: 'destroy', vm: 'vm0'});
	assert.equal(did(lab, {do: 'unload'}).error, undefined);
});

const NAMES = ['vm0', 'vm1', 'vm2'];
const DEVICES = ['ppt0', 'ppt1', 'ppt2', 'em0', '4:0:0', '4:0:1', '9:0:0'];
const anyCommand = fc.oneof(
	fc.record({
		do: fc.constant('bind' as const),
		vm: fc.constantFrom('vm0', 'vm1'),
		device: fc.constantFrom('ppt0', 'ppt1'),
	}),
	fc.record({
		do: fc.constantFrom('bind', 'unbind'),
		vm: fc.constantFrom(...NAMES),
		device: fc.constantFrom(...DEVICES),
	}),
	fc.record({do: fc.constantFrom('attach', 'detach'), device: fc.constantFrom(...DEVICES)}),
	fc.record({do: fc.constantFrom('reinit', 'destroy'), vm: fc.constantFrom(...NAMES)}),
	fc.constantFrom(...NAMES).map(name => ({do: 'create' as const, ...guest(name, {memory: 5 * MIB})})),
	fc.constantFrom('remove', 'keep').map(policy => ({do: 'policy' as const, policy})),
	fc.constant({do: 'unload' as const}),
);

/** Runs a command, unless it makes no sense. */
function attempt(
	machine: Machine,
	command: LifecycleCommand | {do: 'policy'; policy: 'remove' | 'keep'},
): void {
	try {
		if (command.do === 'policy') switchPolicy(machine, command.policy);
		else changeMachine(machine, command);
	} catch (error) {
		if (!(error instanceof UserError)) throw error;
	}
}

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: after any commands, exactly what the tables map translates`, t => {
		const disk = Disk.open(sampleDisk());
		t.after(() => disk.close());
		fc.assert(
			fc.property(fc.array(anyCommand, {minLength: 1, maxLength: 14}), commands => {
				const spec = {
					...defaultSpec(64 * MIB),
					iommu,
					pptdevs: ['4:0:0', '4:0:1'],
					guests: [guest('vm0'), guest('vm1')],
				};
				const machine = new Machine(spec, disk);
				// Each walk fills the caches, so the next one finds a missing invalidation.
				for (const command of commands) {
					attempt(machine, command);
					check(machine);
				}
			}),
			{seed: 260178, numRuns: 40},
		);
	});
}

function check(machine: Machine): void {
	const {memory, family, vmm, ppt, functions} = machine;
	const domains = domainsOf(machine);
	for (const {rid} of functions) {
		const {domain: id, untranslated} = reachOf(memory, family.observed(), rid);
		const domain = domains.find(other => other.id === id);
		// On AMD-Vi a removed device keeps its root, which may belong to nobody now.
		if (id !== undefined && domain === undefined) continue;
		const mappings = domain ? mappingsOf(memory, domain) : [];
		for (let page = 0; page < 1.1 * (memory.end / PAGE_SIZE); page += 61) {
			const iova = page * PAGE_SIZE;
			const mapped = mappings.find(({iova: from, pages}) => iova >= from && iova < from + pages * PAGE_SIZE);
			const want = untranslated ? iova : mapped ? mapped.hpa + iova - mapped.iova : -1;
			assert.equal(Math.max(-1, family.translator.translate(rid, iova, true)), want);
		}
	}
	for (const vm of vmm.vms) {
		const own = domains.find(other => other.vm === vm.name);
		if (own === undefined || ppt.of(vm).length === 0) continue;
		const {mappedPages, ranges} = viewDomain(memory, machine.pages.owned(), own);
		assert.equal(mappedPages, vm.pages, 'a guest with a passthru device is mapped whole');
		assert.ok(ranges.every(({owner, iova, hpa}) => owner === vm.name && vm.map.hpa(iova) === hpa));
	}
}
