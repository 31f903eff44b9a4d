import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {
	CCMD_GLOBAL,
	FAULT,
	FSTS_IQE,
	ICS_IWC,
	INVALIDATE,
	IOTLB_GLOBAL_DRAIN,
	QIE,
	REG,
	SRTP,
	TE,
} from '../../source/formats/vtd.js';
import {Iotlb} from '../../source/hardware/iotlb.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {MIB} from '../helpers/lab.js';

const ROOT = 0x1000;
const CONTEXT = 0x2000;
const LEAF = 0x6000;
const QUEUE = 0x10000;
const IRO = 0x200;
/** Two functions of one device in domain 7, and one of another device in domain 8, all with the same tables. */
const A = 0x10;
const B = 0x11;
const C = 0x18;

function unit() {
	const memory = new Memory(16 * MIB);
	const context = (rid: number, domain: number) => {
		memory.setU32(CONTEXT + rid * 16, 0x3000 | 1);
		memory.setU32(CONTEXT + rid * 16 + 8, (domain << 8) | 2);
	};
	memory.setU32(ROOT, CONTEXT | 1);
	context(A, 7);
	context(B, 7);
	context(C, 8);
	memory.setU32(0x3000, 0x4000 | 3);
	memory.setU32(0x4000, 0x5000 | 3);
	memory.setU32(0x5000, LEAF | 3);
	// A large page at 2 MiB, and small pages below it.
	memory.setU32(0x5008, 0x600000 | 0x83);
	for (let page = 0; page < 512; page++) memory.setU32(LEAF + 8 * page, (0x100000 + page * 0x1000) | 3);
	const vtd = new Vtd(memory);
	vtd.write32(REG.RTADDR, ROOT);
	vtd.write32(REG.GCMD, SRTP);
	vtd.write32(REG.GCMD, TE);
	return {memory, vtd};
}

const unmap = (memory: Memory, page: number) => memory.setU32(LEAF + 8 * page, 0);

test('a stale entry stays in use until it is invalidated, and an unused page is not cached', () => {
	const {memory, vtd} = unit();
	assert.equal(vtd.translate(A, 0x5000, true), 0x105000);
	unmap(memory, 5);
	unmap(memory, 6);
	assert.equal(vtd.translate(A, 0x5010, true), 0x105010);
	assert.equal(vtd.translate(A, 0x6000, true), -FAULT.WRITE);
	vtd.write32(IRO + 12, INVALIDATE | IOTLB_GLOBAL_DRAIN);
	assert.equal(vtd.read32(IRO + 12) & INVALIDATE, 0);
	assert.equal((vtd.read32(IRO + 12) >>> 25) & 3, 1, 'done: global');
	assert.equal(vtd.translate(A, 0x5000, true), -FAULT.WRITE);
});

test('refusals are not cached: a page translates as soon as it is mapped', () => {
	const {memory, vtd} = unit();
	unmap(memory, 5);
	assert.equal(vtd.translate(A, 0x5000, true), -FAULT.WRITE);
	memory.setU32(LEAF + 8 * 5, 0x9000 | 1);
	assert.equal(vtd.translate(A, 0x5000, false), 0x9000);
	assert.equal(vtd.translate(A, 0x5000, true), -FAULT.WRITE);
	memory.setU32(LEAF + 8 * 5, 0x9000 | 3);
	assert.equal(vtd.translate(A, 0x5000, true), 0x9000, 'an added permission needs no invalidation');
});

test('the IOTLB register invalidates one domain, or pages by mask', () => {
	const {memory, vtd} = unit();
	const fill = () => [A, C].map(rid => [4, 5, 6, 7].map(page => vtd.translate(rid, page * 0x1000, true)));
	const answers = (rid: number) => [4, 5, 6, 7].map(page => vtd.translate(rid, page * 0x1000, true) > 0);
	fill();
	for (const page of [4, 5, 6, 7]) unmap(memory, page);
	vtd.write32(IRO, 0x6000 | 1);
	vtd.write32(IRO + 4, 0);
	vtd.write32(IRO + 12, INVALIDATE | 0x30000000 | 7);
	assert.deepEqual(answers(A), [true, true, false, false]);
	assert.deepEqual(answers(C), [true, true, true, true]);
	vtd.write32(IRO + 12, INVALIDATE | 0x20000000 | 8);
	assert.deepEqual(answers(A), [true, true, false, false]);
	assert.deepEqual(answers(C), [false, false, false, false]);
});

test('invalidating one page of a large page drops all of it', () => {
	const {memory, vtd} = unit();
	assert.equal(vtd.translate(A, 0x200000, true), 0x600000);
	assert.equal(vtd.translate(A, 0x3ff000, true), 0x7ff000);
	memory.setU32(0x5008, 0);
	vtd.write32(IRO, 0x300000);
	vtd.write32(IRO + 12, INVALIDATE | 0x30000000 | 7);
	assert.equal(vtd.translate(A, 0x3ff000, true), -FAULT.WRITE);
});

test('context entries stay cached until they are invalidated globally, by domain, or by device and function mask', () => {
	const clear = (memory: Memory) => {
		for (const rid of [A, B, C]) memory.setU32(CONTEXT + rid * 16, 0);
	};
	const after = (lo: number, hi: number) => {
		const {memory, vtd} = unit();
		for (const rid of [A, B, C]) vtd.translate(rid, 0x5000, true);
		clear(memory);
		assert.ok([A, B, C].every(rid => vtd.translate(rid, 0x5000, true) > 0));
		vtd.write32(REG.CCMD, lo);
		vtd.write32(REG.CCMD + 4, hi);
		return [A, B, C].map(rid => vtd.translate(rid, 0x5000, true) > 0);
	};
	assert.deepEqual(after(0, INVALIDATE | CCMD_GLOBAL), [false, false, false]);
	assert.deepEqual(after(7, INVALIDATE | 0x40000000), [false, false, true]);
	assert.deepEqual(after((A << 16) | 7, INVALIDATE | 0x60000000), [false, true, true]);
	assert.deepEqual(after((A << 16) | 7, INVALIDATE | 0x60000003), [false, false, true]);
	assert.deepEqual(after((C << 16) | 7, INVALIDATE | 0x60000000), [true, true, true], 'another domain');
});

test('queued descriptors run in order, a wait writes its status, and an unknown one stops the queue', () => {
	const {memory, vtd} = unit();
	const put = (slot: number, ...words: number[]) => {
		for (const [i, word] of words.entries()) memory.setU32(QUEUE + slot * 16 + i * 4, word);
	};
	vtd.write32(REG.IQA, QUEUE);
	vtd.write32(REG.GCMD, (TE | QIE) >>> 0);
	vtd.translate(A, 0x5000, true);
	vtd.translate(C, 0x5000, true);
	unmap(memory, 5);
	put(0, 2 | (3 << 4) | (7 << 16), 0, 0x5000, 0);
	put(1, 5 | (1 << 5) | (1 << 4), 0xcafe, 0x20000, 0);
	vtd.write32(REG.IQT, 0x20);
	assert.equal(vtd.read32(REG.IQH), 0x20);
	assert.equal(memory.u32(0x20000), 0xcafe);
	assert.equal(vtd.read32(REG.ICS), ICS_IWC);
	vtd.write32(REG.ICS, ICS_IWC);
	assert.equal(vtd.read32(REG.ICS), 0);
	assert.deepEqual([vtd.translate(A, 0x5000, true) > 0, vtd.translate(C, 0x5000, true) > 0], [false, true]);
	put(2, 0xf);
	put(3, 2 | (1 << 4));
	vtd.write32(REG.IQT, 0x40);
	assert.equal(vtd.read32(REG.IQH), 0x20);
	assert.ok(vtd.read32(REG.FSTS) & FSTS_IQE);
	assert.ok(vtd.translate(C, 0x5000, true) > 0);
	put(2, 1 | (1 << 4));
	vtd.write32(REG.FSTS, FSTS_IQE);
	vtd.write32(REG.IQT, 0x40);
	assert.equal(vtd.read32(REG.IQH), 0x40);
	assert.ok(vtd.translate(C, 0x5000, true) < 0);
});

test('the IOTLB returns only the last translation stored for a page', () => {
	fc.assert(
		fc.property(
			fc.array(fc.tuple(fc.nat(3), fc.nat(3000), fc.nat(4), fc.nat(1e6)), {maxLength: 400}),
			steps => {
				const iotlb = new Iotlb();
				const model = new Map<string, number>();
				const find = ([domain, page, high]: (typeof steps)[number], needed: number) =>
					iotlb.find(domain, page, high, needed);
				for (const [domain, page, high, frame] of steps) {
					iotlb.fill(domain, page, high, frame * 4096, 3, 1);
					model.set(`${domain}:${high}:${page}`, frame);
				}
				for (const step of steps) {
					const at = find(step, 3);
					const frame = model.get(`${step[0]}:${step[2]}:${step[1]}`) ?? -1;
					if (at >= 0) assert.equal(iotlb.slots[at] * 2 ** 32 + (iotlb.lows[at] >>> 0), frame * 4096);
				}
				const last = steps.at(-1) ?? [0, 0, 0, 0];
				iotlb.invalidatePages(last[0], last[2] * 2 ** 32 + last[1], 1);
				assert.equal(find(last, 1), -1);
				iotlb.invalidateDomain(1);
				assert.ok(steps.every(step => step[0] !== 1 || find(step, 0) < 0));
			},
		),
		{seed: 15},
	);
});
