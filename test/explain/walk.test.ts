// An explained walk ends where hardware's does: at the same address, or with the same reason, whatever the tables hold.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {explainWalk, qwordText, type Walk} from '../../source/explain/walk.js';
import {DTE_SA, IR, IW, levelBits} from '../../source/formats/amdvi.js';
import {ridOf} from '../../source/formats/pci.js';
import {REG, SRTP, TE} from '../../source/formats/vtd.js';
import {Memory} from '../../source/hardware/memory.js';
import type {Fault} from '../../source/hardware/probe.js';
import {Vtd} from '../../source/hardware/vtd.js';
import type {MachineState} from '../../source/machine/observed.js';
import type {Unit} from '../../source/machine/tables.js';
import {A, amdvi, DEVICES, dte, put64, RW} from '../helpers/amdvi.js';
import {MIB, openTestLab, read} from '../helpers/lab.js';
import {stateWith} from '../helpers/state.js';

const RID = ridOf(4, 0, 0);
const [ROOT, CONTEXT, TABLES] = [0x1000, 0x2000, 0x3000];

/** The end of a walk, for comparison with hardware's. */
const endOf = ({end}: Walk) =>
	end.kind === 'memory' ? {hpa: end.hpa} : {reason: end.reason, text: end.text};
const report = (answer: number, fault: Fault | undefined) =>
	answer >= 0 ? {hpa: answer} : {reason: fault?.reason, text: fault?.text};

type Halves = [lo: number, hi: number];
/** Mostly zero, so that most entries are well formed. */
const rarely = (...bits: number[]) => fc.constantFrom(...Array.from({length: 14}, () => 0), ...bits);
const address = fc.oneof(
	{weight: 8, arbitrary: fc.integer({min: 3, max: 7}).map((page): Halves => [page << 12, 0])},
	{weight: 2, arbitrary: fc.nat(0xfffff).map((page): Halves => [(page << 12) >>> 0, 0])},
	{
		weight: 1,
		arbitrary: fc.constantFrom<Halves>([0xfee00000, 0], [0xfee12000, 0], [0x40000000, 1], [0, 0x3fff]),
	},
);
const vtdEntry = fc
	.tuple(
		fc.nat(5 * 2 - 1).map(i => (i >> 1) * 512 + (i & 1)),
		address,
		fc.constantFrom(3, 3, 3, 3, 1, 2, 0),
		rarely(0x80, 0x80, 0x80, 0x800, 0x60),
		rarely(0x4000_0000, 0x8000, 0x10_0000),
	)
	.map(([at, [lo, hi], rights, low, high]) => ({at, lo: (lo | rights | low) >>> 0, hi: hi | high}));
const iovas = fc.oneof(
	fc
		.array(fc.nat(1), {minLength: 5, maxLength: 5})
		.map(indices => indices.reduce((iova, index) => iova * 512 + index, 0) * 4096 + 8),
	fc.constantFrom(0, 0x1008, 0xfee00000, 0xfee01008, 2 ** 39, 2 ** 47, 2 ** 48, 2 ** 52),
);

const capabilities = fc.record({
	capLo: fc.constantFrom(0x106f0466, 0x10260466, 0x102f1f66),
	capHi: fc.constantFrom(0x00d2078c, 0x00d20780, 0x00d20784),
	ecapLo: fc.constantFrom(0x00f020df, 0x00f02000, 0x00f02040),
	hostAddressWidth: fc.constantFrom(46, 39, 52),
});

test('VT-d: an explained walk ends as hardware’s does, whatever the tables hold', () => {
	const seen = new Set<number | 'memory'>();
	fc.assert(
		fc.property(
			capabilities,
			fc.tuple(rarely(0, 1), rarely(2, 0x800), rarely(1, 0x10_0000), rarely(1)),
			fc.tuple(rarely(1), rarely(2, 4, 8, 12, 0x10), rarely(0x80, 0x1000000), rarely(1)),
			fc.constantFrom(2, 2, 2, 1, 3, 0, 5),
			fc.array(vtdEntry, {maxLength: 40}),
			fc.array(fc.record({iova: iovas, write: fc.boolean()}), {minLength: 1, maxLength: 10}),
			(caps, root, context, width, entries, accesses) => {
				const memory = new Memory(16 * MIB);
				put64(memory, ROOT + 4 * 16, (CONTEXT | root[1] | (root[0] ^ 1)) >>> 0, root[2]);
				put64(memory, ROOT + 4 * 16 + 8, root[3], 0);
				put64(memory, CONTEXT, (TABLES | context[1] | (context[0] ^ 1)) >>> 0, 0);
				put64(memory, CONTEXT + 8, (0x700 | width | context[2]) >>> 0, context[3]);
				for (const page of [3, 4, 5]) put64(memory, page << 12, ((page + 1) << 12) | 3, 0);
				put64(memory, 0x4008, 0x40000083, 1);
				put64(memory, 0x6008, 0xfee00003, 0);
				for (const {at, lo, hi} of entries) put64(memory, TABLES + 8 * at, lo, hi);
				const unit = new Vtd(memory, caps);
				let fault: Fault | undefined;
				unit.probe = event => {
					if (event.at === 'fault') fault = event.fault;
				};
				unit.write32(REG.RTADDR, ROOT);
				unit.write32(REG.GCMD, SRTP);
				unit.write32(REG.GCMD, TE);
				const state = stateWith({unit: {format: 'vt-d', enabled: true, table: ROOT, ...caps}});
				for (const {iova, write} of accesses) {
					fault = undefined;
					const answer = unit.translate(RID, iova, write);
					const walk = explainWalk(memory, state, RID, iova, write);
					if (answer < 0 && fault === undefined) {
						assert.ok(walk.end.kind === 'fault' && walk.end.unrecorded);
						assert.equal(walk.end.reason, -answer);
					} else assert.deepEqual(endOf(walk), report(answer, fault));
					seen.add(walk.end.kind === 'memory' ? 'memory' : walk.end.reason);
					checkSteps(walk, memory);
				}
			},
		),
		{seed: 11, numRuns: 1000},
	);
	assert.deepEqual([...seen].sort(), [1, 10, 11, 12, 14, 2, 3, 4, 5, 6, 7, 9, 'memory']);
});

test('a root table or a device table outside memory', () => {
	const memory = new Memory(16 * MIB);
	const capLo = 0x106f0466;
	const vtd: Unit = {
		format: 'vt-d',
		enabled: true,
		table: 2 ** 30,
		capLo,
		capHi: 0,
		ecapLo: 0,
		hostAddressWidth: 46,
	};
	const amd: Unit = {format: 'amd-vi', enabled: true, table: 2 ** 52 - 4096, bytes: 4096};
	for (const [unit, reason] of [
		[vtd, 8],
		[amd, 3],
	] as const) {
		const {steps, end} = explainWalk(memory, stateWith({unit}), 0, 0, true);
		assert.equal(end.kind === 'fault' && end.reason, reason);
		assert.deepEqual([steps.length, steps[0].raw, steps[0].fields], [1, [], []]);
		assert.match(steps[0].verdict ?? '', /^There is no memory at 0x/);
	}
});

const amdviEntry = fc
	.tuple(
		fc.nat(5 * 2 - 1).map(i => (i >> 1) * 512 + (i & 1)),
		address,
		fc.integer({min: 0, max: 7}),
		fc.constantFrom(RW, RW, RW, RW, IR, IW, 0),
		rarely(0x10_0000, 0x1000_0000, 0x8000_0000, 0x60000),
		rarely(1),
	)
	.map(([at, [lo, hi], next, rights, high, absent]) => ({
		at,
		lo: (lo | levelBits(next) | (absent ^ 1)) >>> 0,
		hi: (hi | rights | high) >>> 0,
	}));

test('AMD-Vi: an explained walk ends as hardware’s does, whatever the tables hold', () => {
	const seen = new Set<string>();
	fc.assert(
		fc.property(
			fc.tuple(rarely(1), rarely(2), rarely(4, 0x100), fc.nat(7)),
			fc.tuple(
				fc.constantFrom(RW, RW, RW, IR, IW),
				rarely(0x10_0000, 0x1000_0000, 0x8000_0000),
				rarely(DTE_SA),
			),
			fc.array(amdviEntry, {maxLength: 40}),
			fc.array(fc.record({iova: iovas, write: fc.boolean(), rid: rarely(0x80).map(other => other || A)}), {
				minLength: 1,
				maxLength: 10,
			}),
			([v, tv, low, mode], [rights, high, flags], entries, accesses) => {
				const {memory, unit, faults} = amdvi(m => {
					m.view(0x1000, 0x7000).fill(0);
					for (const {at, lo, hi} of entries) put64(m, TABLES + 8 * at, lo, hi);
					dte(m, A, TABLES | levelBits(mode) | low | (v ^ 1) | (tv ^ 2), (rights | high) >>> 0, 7, flags);
				});
				const state = stateWith({unit: {format: 'amd-vi', enabled: true, table: DEVICES, bytes: 4096}});
				for (const {rid, iova, write} of accesses) {
					const answer = unit.translate(rid, iova, write);
					const walk = explainWalk(memory, state, rid, iova, write);
					assert.deepEqual(endOf(walk), report(answer, faults.at(-1)));
					seen.add(walk.end.kind === 'memory' ? 'memory' : walk.end.text);
					checkSteps(walk, memory);
				}
			},
		),
		{seed: 12, numRuns: 1000},
	);
	assert.equal(seen.size, 8, [...seen].join());
});

/** A step shows the words in memory at its address, and only the step that ends the walk has a verdict. */
function checkSteps({steps, end}: Walk, memory: Memory): void {
	for (const {entryAddress, tableAddress, index, raw, fields, name} of steps) {
		for (const [i, [lo, hi]] of raw.entries())
			assert.deepEqual([lo, hi], [memory.u32(entryAddress + 8 * i), memory.u32(entryAddress + 8 * i + 4)]);
		if (raw.length > 0) assert.equal(entryAddress, tableAddress + index * raw.length * 8);
		assert.equal(fields.length > 0, raw.length > 0, name);
	}
	const stopped = steps.filter(({verdict}) => verdict !== undefined);
	assert.equal(stopped.length, end.kind === 'fault' ? 1 : 0);
}

for (const iommu of ['vt-d', 'amd-vi'] as const) {
	test(`${iommu}: why a guest with a passthru device loses a read of its raw disk`, t => {
		const lab = openTestLab(t, {iommu});
		const {iova = 0} = read(lab, 'vm0');
		const state = lab.state();
		const ahci = state.devices.find(({name}) => name === 'ahci0');
		const {steps, end} = explainWalk(lab.memory, state, ahci?.rid ?? 0, iova, true);
		const names = steps.map(({name}) => name.replace(' entry', ''));
		const start = iommu === 'vt-d' ? ['root', 'context'] : ['device table'];
		assert.deepEqual(names, [...start, 'level 4', 'level 3', 'level 2', 'level 1']);
		assert.match(steps.at(-1)?.verdict ?? '', /^The entry is zero: nothing is mapped here$/);
		assert.ok(end.kind === 'fault');
		assert.equal(end.text, state.faults.at(-1)?.text);
		const host = iommu === 'vt-d' ? 1 : 0;
		assert.match(
			end.sentence,
			new RegExp(
				`^ahci0 \\(0:31:2\\) cannot write to 0x0[0-9a-f]{7} in domain ${host}, the host’s\\. The entry is zero: nothing is mapped here\\. That address is memory of vm0\\. Mapped below: 0x`,
			),
		);
		assert.match(end.check, /^Before D34607, vmm removes vm0’s wired pages .* ppt0\./);
		assert.ok(end.near.below && end.near.below.iova < iova && end.near.below.owner !== 'vm0');
		assert.equal(end.near.here, undefined);

		lab.dispatch({do: 'policy', policy: 'keep'});
		const kept = explainWalk(lab.memory, lab.state(), ahci?.rid ?? 0, iova + 5, true).end;
		assert.ok(kept.kind === 'memory');
		assert.deepEqual([kept.hpa, kept.owner, kept.pages, kept.write], [iova + 5, 'vm0', 1, true]);
	});

	test(`${iommu}: a passthru device beyond its guest, and one without a VM`, t => {
		const lab = openTestLab(t, {iommu, policy: 'keep', pptdevs: ['4:0:0', '4:0:1']});
		const state = lab.state();
		const beyond = explainWalk(lab.memory, state, ridOf(4, 0, 0), 64 * MIB, true).end;
		assert.ok(beyond.kind === 'fault');
		assert.match(beyond.sentence, /in domain \d, vm0’s\..* Mapped below: 0x0[0-9a-f]+–0x03ffffff, vm0\.$/);
		assert.match(beyond.check, /reaches only vm0’s memory/);
		const nobody = explainWalk(lab.memory, state, ridOf(4, 0, 1), 64 * MIB, true).end;
		if (iommu === 'amd-vi')
			assert.match(nobody.sentence, /^V is clear: the function’s DMA is not translated\. ppt1/);
		else assert.match(nobody.kind === 'fault' ? nobody.check : '', /^A ppt device without a VM/);
		const none = explainWalk(lab.memory, state, ridOf(9, 0, 0), 0, false);
		assert.equal(none.end.kind, iommu === 'vt-d' ? 'fault' : 'memory');
	});
}

test('without an IOMMU, or before it is enabled, addresses are not translated', t => {
	const off: Unit = {format: 'amd-vi', enabled: false, table: 0, bytes: 4096};
	const walk = (parts: Partial<MachineState>) =>
		explainWalk(
			openTestLab(t).memory,
			stateWith({owned: [{hpa: 0, pages: 1, owner: 'kernel'}], ...parts}),
			RID,
			8,
			true,
		);
	assert.equal(
		walk({}).end.sentence,
		'This machine has no IOMMU, so addresses are not translated. 4:0:0 can write to 0x00000008: memory used by kernel.',
	);
	assert.match(walk({unit: off}).end.sentence, /^The IOMMU is off/);
	assert.deepEqual(walk({unit: off}).steps, []);
});

test('64 bits are printed in groups of four digits', () => {
	assert.equal(qwordText([0x23456003, 0x80000001]), '8000_0001_2345_6003');
});
