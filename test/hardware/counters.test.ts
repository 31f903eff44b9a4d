import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Disk} from '../../source/hardware/disk.js';
import type {Counters} from '../../source/hardware/dma.js';
import {Machine} from '../../source/lab/build/machine.js';
import {sampleDisk} from '../../source/lab/build/sample-disk.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import type {MachineSpec} from '../../source/machine/command.js';
import {MIB} from '../helpers/lab.js';

const PAGE = 4096;
const EM0 = 0xc8;
/** 5:0:0, which belongs to no guest. */
const PPT1 = 0x500;

function hostOf(t: {after: (work: () => void) => void}, parts: Partial<MachineSpec>): Machine {
	const disk = Disk.open(sampleDisk());
	t.after(() => disk.close());
	return new Machine({...defaultSpec(64 * MIB), policy: 'keep', ...parts}, disk);
}

const countersOf = ({family}: Machine): Counters => {
	assert.ok(family.unit);
	const {counters} = family.unit;
	for (const {lookups, hits, misses} of [counters, counters.contexts]) assert.equal(hits + misses, lookups);
	return counters;
};

/** The counters' increase during `work`. */
function added(machine: Machine, work: () => void) {
	const before = countersOf(machine);
	work();
	const after = countersOf(machine);
	return {
		hits: after.hits - before.hits,
		misses: after.misses - before.misses,
		walks: after.walks - before.walks,
		entries: after.entries - before.entries,
		contextHits: after.contexts.hits - before.contexts.hits,
		contextMisses: after.contexts.misses - before.contexts.misses,
		contextEntries: after.contexts.entries - before.contexts.entries,
	};
}

const NONE = {hits: 0, misses: 0, walks: 0, entries: 0, contextHits: 0, contextMisses: 0, contextEntries: 0};

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	const access = (machine: Machine, rid: number, iova: number, pages: number) => () =>
		machine.portOf(rid).access(iova, pages * PAGE, true, () => {});

	test(`${iommu}: first lookups miss and walk, repeated ones hit, until an invalidation`, t => {
		const machine = hostOf(t, {iommu});
		const ten = access(machine, EM0, 16 * MIB, 10);
		const context = {contextHits: 9, contextMisses: 1, contextEntries: 1};
		assert.deepEqual(added(machine, ten), {...NONE, misses: 10, walks: 10, entries: 10, ...context});
		assert.deepEqual(added(machine, ten), {...NONE, hits: 10, contextHits: 10});
		const {hostDomain, ops} = machine.iommu;
		assert.ok(hostDomain);
		const {entries} = countersOf(machine);
		assert.equal(added(machine, () => ops.invalidateTlb(hostDomain)).entries, -entries);
		assert.deepEqual(added(machine, ten), {...NONE, misses: 10, walks: 10, entries: 10, contextHits: 10});
	});

	test(`${iommu}: an access makes one lookup per page that it touches`, t => {
		const machine = hostOf(t, {iommu});
		const port = machine.portOf(EM0);
		const {misses} = added(machine, () => port.access(16 * MIB + 512, PAGE, true, () => {}));
		assert.equal(misses, 2);
		assert.equal(added(machine, () => port.store(16 * MIB, 1)).hits, 1);
		assert.equal(added(machine, () => port.fetch(16 * MIB, new Uint32Array(4))).hits, 1);
	});

	test(`${iommu}: a refused access is walked each time and never cached`, t => {
		const machine = hostOf(t, {iommu, policy: 'remove'});
		const {hpa} = machine.guests[0].vm.map.runs(0, PAGE)[0];
		access(machine, EM0, 0, 1)();
		for (let i = 0; i < 3; i++)
			assert.deepEqual(added(machine, access(machine, EM0, hpa, 1)), {
				...NONE,
				misses: 1,
				walks: 1,
				contextHits: 1,
			});
	});

	test(`${iommu}: a function in no domain never reaches the IOTLB`, t => {
		const machine = hostOf(t, {iommu, pptdevs: ['4:0:0', '5:0:0']});
		const {hits, misses, walks, contextHits, contextMisses} = added(machine, access(machine, PPT1, 0, 3));
		assert.deepEqual([hits, misses, walks], [0, 0, 0]);
		assert.equal(contextHits + contextMisses, 3);
	});

	test(`${iommu}: nothing is looked up while translation is off`, t => {
		const machine = hostOf(t, {iommu, guests: []});
		assert.deepEqual(added(machine, access(machine, EM0, 16 * MIB, 10)), NONE);
	});

	test(`${iommu}: viewing the IOTLB counts no lookup`, t => {
		const machine = hostOf(t, {iommu});
		const {caches} = machine.family;
		assert.ok(caches);
		access(machine, EM0, 16 * MIB, 1)();
		const domain = machine.iommu.host().id;
		const view = () => [16 * MIB, 17 * MIB].map(iova => caches.iotlb.cached(domain, iova)?.hpa);
		assert.deepEqual(view(), [16 * MIB, undefined]);
		assert.deepEqual(added(machine, view), NONE);
	});

	test(`${iommu}: the IOTLB holds no more than its 1,024 entries`, t => {
		const machine = hostOf(t, {iommu});
		access(machine, EM0, 16 * MIB, 4096)();
		assert.equal(countersOf(machine).entries, 1024);
		machine.iommu.ops.invalidateTlb(machine.iommu.hostDomain ?? assert.fail());
		assert.equal(countersOf(machine).entries, 0);
	});
}
