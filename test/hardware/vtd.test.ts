import assert from 'node:assert/strict';
import {test} from 'node:test';
import {FAULT, FRCD_F, FSTS_PFO, FSTS_PPF, REG, reasonText, SRTP, TE} from '../../source/formats/vtd.js';
import {Memory} from '../../source/hardware/memory.js';
import type {Fault} from '../../source/hardware/probe.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {MIB} from '../helpers/lab.js';

const ROOT = 0x1000;
const CONTEXT = 0x2000;
const TOP = 0x3000;
const RID = 0x00fa;
const FRO = 0x100;

/** A unit whose tables map one page, iova 0x5000 → 0x9000, read and write. */
function unit(change: (memory: Memory) => void = () => {}) {
	const memory = new Memory(16 * MIB);
	memory.setU32(ROOT, CONTEXT | 1);
	memory.setU32(CONTEXT + 0xfa * 16, TOP | 1);
	memory.setU32(CONTEXT + 0xfa * 16 + 8, (7 << 8) | 2);
	memory.setU32(TOP, 0x4000 | 3);
	memory.setU32(0x4000, 0x5000 | 3);
	memory.setU32(0x5000, 0x6000 | 3);
	memory.setU32(0x6000 + 8 * 5, 0x9000 | 3);
	change(memory);
	const vtd = new Vtd(memory);
	const faults: Fault[] = [];
	vtd.probe = event => event.at === 'fault' && faults.push(event.fault);
	vtd.write32(REG.RTADDR, ROOT);
	vtd.write32(REG.GCMD, SRTP);
	vtd.write32(REG.GCMD, TE);
	return {vtd, memory, faults};
}

test('a disabled unit does not translate', () => {
	const vtd = new Vtd(new Memory(16 * MIB));
	assert.equal(vtd.translate(RID, 0x123456, true), 0x123456);
});

test('a mapped page translates and keeps its offset', () => {
	assert.equal(unit().vtd.translate(RID, 0x5abc, true), 0x9abc);
});

test('large pages of 2 MiB and 1 GiB translate', () => {
	const two = unit(memory => memory.setU32(0x5000 + 8, 0x600000 | 0x83));
	assert.equal(two.vtd.translate(RID, 0x200000 + 0x12345, false), 0x612345);
	const one = unit(memory => memory.setU32(0x4000 + 8, 0x40000000 | 0x83));
	assert.equal(one.vtd.translate(RID, 0x40000000 + 0x2345678, false), 0x42345678);
});

const REFUSED: [string, number, number, boolean, (memory: Memory) => void][] = [
	['an absent root entry', FAULT.ROOT_ABSENT, 0x5000, true, memory => memory.setU32(ROOT, 0)],
	[
		'a reserved bit in the root entry',
		FAULT.ROOT_RESERVED,
		0x5000,
		true,
		memory => memory.setU32(ROOT, CONTEXT | 5),
	],
	[
		'a context table outside memory',
		FAULT.CONTEXT_UNREADABLE,
		0x5000,
		true,
		memory => memory.setU32(ROOT, 0x7fff0001),
	],
	[
		'an absent context entry',
		FAULT.CONTEXT_ABSENT,
		0x5000,
		true,
		memory => memory.setU32(CONTEXT + 0xfa * 16, 0),
	],
	[
		'an unsupported address width',
		FAULT.CONTEXT_INVALID,
		0x5000,
		true,
		memory => memory.setU32(CONTEXT + 0xfa * 16 + 8, 1),
	],
	[
		'a reserved bit in the context entry',
		FAULT.CONTEXT_RESERVED,
		0x5000,
		true,
		memory => memory.setU32(CONTEXT + 0xfa * 16 + 8, 0x82),
	],
	['an address beyond 48 bits', FAULT.BEYOND_WIDTH, 2 ** 48, true, () => {}],
	['a write to an unmapped page', FAULT.WRITE, 0x7000, true, () => {}],
	['a read of an unmapped page', FAULT.READ, 0x7000, false, () => {}],
	[
		'a write without write permission in an upper level',
		FAULT.WRITE,
		0x5000,
		true,
		memory => memory.setU32(0x4000, 0x5000 | 1),
	],
	[
		'a table outside memory',
		FAULT.TABLE_UNREADABLE,
		0x5000,
		true,
		memory => memory.setU32(0x4000, 0x7fff0003),
	],
	[
		'a reserved bit in an entry',
		FAULT.ENTRY_RESERVED,
		0x5000,
		true,
		memory => memory.setU32(0x6000 + 8 * 5 + 4, 0x8000),
	],
	[
		'an output in the interrupt range',
		FAULT.INTERRUPT_RANGE,
		0x5000,
		true,
		memory => memory.setU32(0x6000 + 8 * 5, 0xfee00003),
	],
];
for (const [name, reason, iova, write, change] of REFUSED) {
	test(`${name} is refused with reason ${reason}`, () => {
		const {vtd, faults} = unit(change);
		assert.equal(vtd.translate(RID, iova, write), -reason);
		assert.deepEqual(faults, [{rid: RID, iova, write, reason, text: reasonText(reason), recorded: true}]);
	});
}

test('faults fill the record registers; further ones set PFO and are lost until PFO is cleared', () => {
	const {vtd, faults} = unit();
	for (let i = 0; i < 10; i++) vtd.translate(RID, 0x100000 + i * 0x1000, true);
	assert.equal(vtd.faultRegisters.total, 8);
	assert.deepEqual(
		vtd.faultRegisters.records.map(({iova}) => iova),
		[0, 1, 2, 3, 4, 5, 6, 7].map(i => 0x100000 + i * 0x1000),
	);
	assert.deepEqual(vtd.faultRegisters.records[0], {
		iova: 0x100000,
		rid: RID,
		reason: FAULT.WRITE,
		read: false,
	});
	assert.equal(vtd.faultRegisters.overflow, true);
	assert.deepEqual(
		faults.map(({recorded}) => recorded),
		[...Array(8).fill(true), false, false],
	);

	// A free record does not help while PFO is set.
	vtd.write32(FRO + 12, FRCD_F);
	vtd.translate(RID, 0x200000, false);
	assert.equal(vtd.faultRegisters.records.length, 7);
	vtd.write32(REG.FSTS, FSTS_PFO);
	assert.equal(vtd.faultRegisters.overflow, false);
	vtd.translate(RID, 0x200000, false);
	assert.deepEqual(vtd.faultRegisters.records[0], {iova: 0x200000, rid: RID, reason: FAULT.READ, read: true});
	assert.ok(vtd.read32(REG.FSTS) & FSTS_PPF);
	for (let i = 0; i < 8; i++) vtd.write32(FRO + 16 * i + 12, FRCD_F);
	assert.equal(vtd.read32(REG.FSTS) & FSTS_PPF, 0);
});

test('with fault processing disabled, a refused access is not recorded', () => {
	const {vtd, faults} = unit(memory => memory.setU32(CONTEXT + 0xfa * 16, TOP | 3));
	assert.equal(vtd.translate(RID, 0x7000, true), -FAULT.WRITE);
	assert.deepEqual(faults, []);
	assert.equal(vtd.faultRegisters.records.length, 0);
});

test('pass-through does not translate', () => {
	const {vtd} = unit(memory => memory.setU32(CONTEXT + 0xfa * 16, TOP | (2 << 2) | 1));
	assert.equal(vtd.translate(RID, 0x123456789a, true), 0x123456789a);
});
