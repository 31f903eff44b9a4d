import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {identityOf, isIdentity, mappingsOf} from '../../source/explain/mappings.js';
import {startOf} from '../../source/explain/walk.js';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {REG as AMDVI, IR, IW, levelBits} from '../../source/formats/amdvi.js';
import {REG, SRTP, TE} from '../../source/formats/vtd.js';
import {Amdvi} from '../../source/hardware/amdvi.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {AmdviDriver} from '../../source/kernel/amdvi.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {seededRandom} from '../../source/lab/build/random.js';
import type {AmdviUnit, Domain, Mapping, PhysicalReader} from '../../source/machine/tables.js';
import {A, amdvi, dte, put64, RW, TRANSLATED, table} from '../helpers/amdvi.js';
import {MIB, openTestLab} from '../helpers/lab.js';
import {play} from '../helpers/session.js';

const domain = (format: Domain['format'], root: number, levels: number): Domain => ({
	id: 7,
	role: 'guest',
	format,
	root,
	levels,
});
const vtdMappings = (memory: PhysicalReader, levels = 4) =>
	mappingsOf(memory, domain('vt-d', 0x1000, levels));
const amdviMappings = (memory: PhysicalReader, levels = 4) =>
	mappingsOf(memory, domain('amd-vi', 0x1000, levels));
const brief = (mappings: Mapping[]) =>
	mappings.map(({iova, hpa, pages, read, write}) => [
		iova,
		hpa,
		pages,
		`${read ? 'r' : '-'}${write ? 'w' : '-'}`,
	]);

test('VT-d: large pages and permissions are decoded; entries join only if both addresses continue', () => {
	const memory = new Memory(16 * MIB);
	memory.setU32(0x1000, 0x2000 | 3);
	memory.setU32(0x2000, 0x3000 | 3);
	memory.setU32(0x2008, 0x40000083);
	memory.setU32(0x3000, 0x200083);
	memory.setU32(0x3008, 0x400081);
	memory.setU32(0x3010, 0x4000 | 3);
	memory.setU32(0x4000, 0x600000 | 1);
	memory.setU32(0x4008, 0x601000 | 2);
	assert.deepEqual(brief(vtdMappings(memory)), [
		[0, 0x200000, 512, 'rw'],
		[0x200000, 0x400000, 513, 'r-'],
		[0x401000, 0x601000, 1, '-w'],
		[0x40000000, 0x40000000, 512 * 512, 'rw'],
	]);
});

test('VT-d: a page grants no more than the entries above it', () => {
	const memory = new Memory(16 * MIB);
	memory.setU32(0x1000, 0x2000 | 1);
	memory.setU32(0x2000, 0x5000 | 3);
	memory.setU32(0x2008, 0x6000 | 2);
	assert.deepEqual(brief(vtdMappings(memory, 2)), [[0, 0x5000, 1, 'r-']]);
});

test('VT-d: entries that hardware refuses map nothing', () => {
	const memory = new Memory(16 * MIB);
	memory.setU32(0x1000, 0x80 | 3);
	memory.setU32(0x1008, 0x2000 | 3);
	memory.setU32(0x2000, 0x4020_1083);
	memory.setU32(0x2008, 0x3000 | 3);
	memory.setU32(0x3000, 0x20_1083);
	assert.deepEqual(vtdMappings(memory), []);
	memory.setU32(0x3008, 0x20_0083);
	assert.deepEqual(brief(vtdMappings(memory)), [[2 ** 39 + 2 ** 30 + 2 * MIB, 0x200000, 512, 'rw']]);
});

test('AMD-Vi: page sizes, skipped levels and permissions are decoded', () => {
	const memory = new Memory(16 * MIB);
	// 512 GiB, then a table of level 2 at 512 GiB, then one whose IW is clear.
	put64(memory, 0x1000, 1, RW | 0x80);
	table(memory, 0x1008, 0x2000, 2);
	table(memory, 0x1010, 0x3000, 3, IR);
	table(memory, 0x2000, 0x400000, 0);
	table(memory, 0x2008, 0x4000, 1);
	table(memory, 0x3000, 0x40000000, 0);
	for (const i of [8, 9, 10, 11]) table(memory, 0x4000 + 8 * i, 0x801000, 7);
	table(memory, 0x4000 + 8 * 20, 0x900000, 0, IW);
	assert.deepEqual(brief(amdviMappings(memory)), [
		[0, 2 ** 39, 512 ** 3, 'rw'],
		[2 ** 39, 0x400000, 512, 'rw'],
		[2 ** 39 + 0x208000, 0x800000, 4, 'rw'],
		[2 ** 39 + 0x214000, 0x900000, 1, '-w'],
		[2 * 2 ** 39, 0x40000000, 512 * 512, 'r-'],
	]);
});

test('AMD-Vi: entries that hardware refuses map nothing', () => {
	const memory = new Memory(16 * MIB);
	put64(memory, 0x1000, 0x2000, RW);
	table(memory, 0x1008, 0x2000, 4);
	table(memory, 0x1010, 0x2000, 3, RW | 0x1000_0000);
	table(memory, 0x1018, 0, 0, RW | 0x10_0000);
	table(memory, 0x1020, 0x5000, 0, 0);
	table(memory, 0x1028, 0x6ff000, 7);
	for (let i = 0; i < 512; i++) table(memory, 0x2000 + 8 * i, 0, 0);
	assert.deepEqual(amdviMappings(memory), []);
	table(memory, 0x1000, 0, 0);
	assert.deepEqual(amdviMappings(memory, 6), [], 'level 6 has no pages');
});

/** Compares the mappings with the unit's answers at the edges of each mapping and beside them. */
function assertTranslates(found: readonly Mapping[], translate: (iova: number, write: boolean) => number) {
	const edges = found.slice(0, 500).flatMap(({iova, pages}) => [iova, iova + (pages - 1) * PAGE_SIZE]);
	for (const edge of [0, ...edges].flatMap(at => [at - PAGE_SIZE, at, at + PAGE_SIZE])) {
		if (edge < 0) continue;
		const mapping = found.find(({iova, pages}) => edge >= iova && edge < iova + pages * PAGE_SIZE);
		for (const write of [false, true]) {
			const hpa = mapping === undefined ? -1 : mapping.hpa + edge - mapping.iova;
			// Interrupts: no table decides about them.
			if ([hpa, edge].some(address => address >= 0xfee00000 && address < 0xfef00000)) continue;
			const allowed = mapping !== undefined && (write ? mapping.write : mapping.read);
			assert.equal(Math.max(translate(edge, write), -1), allowed ? hpa : -1);
		}
	}
}

/** Entries of tables at 0x1000–0x4fff, which point to any of these tables or map a page. */
const at = fc.nat(4 * 512 - 1).map(index => (index % 3 === 0 ? index - (index % 512) : index));
const target = fc.oneof(fc.integer({min: 1, max: 4}), fc.nat(2 ** 24));

test('VT-d: the mappings are what hardware translates, whatever the tables hold', () => {
	const entry = fc.record({
		at,
		to: fc.oneof(
			target,
			fc.nat(2 ** 10).map(n => n * 512),
			fc.nat(2).map(n => n * 2 ** 18),
		),
		rights: fc.constantFrom(3, 3, 1, 2, 0),
		ps: fc.constantFrom(0, 0x80),
	});
	const unit = {capLo: 0x106f0666, capHi: 0x00d2078c, ecapLo: 0x00f020df, hostAddressWidth: 52};
	fc.assert(
		fc.property(fc.integer({min: 3, max: 4}), fc.array(entry, {maxLength: 60}), (levels, entries) => {
			const memory = new Memory(16 * MIB);
			for (const {at, to, rights, ps} of entries)
				put64(memory, 0x1000 + 8 * at, (to << 12) | ps | rights, to >>> 20);
			put64(memory, 0x8000, 0x9001, 0);
			put64(memory, 0x9000, 0x1001, 0);
			put64(memory, 0x9008, 0x700 | (levels - 2), 0);
			const model = new Vtd(memory, unit);
			model.write32(REG.RTADDR, 0x8000);
			model.write32(REG.GCMD, SRTP);
			model.write32(REG.GCMD, TE);
			assertTranslates(vtdMappings(memory, levels), (iova, write) => model.translate(0, iova, write));
		}),
		{seed: 9, numRuns: 300},
	);
});

test('AMD-Vi: the mappings are what hardware translates, whatever the tables hold', () => {
	const entry = fc.record({
		at,
		kind: fc.integer({min: 0, max: 7}),
		to: target,
		rights: fc.constantFrom(RW, RW, IR, IW),
		reserved: fc.constantFrom(0, 0, 0, 0, 0x10_0000, 0x1000_0000),
	});
	fc.assert(
		fc.property(fc.integer({min: 1, max: 4}), fc.array(entry, {maxLength: 60}), (levels, entries) => {
			const {memory, unit} = amdvi(m => {
				m.view(0x1000, 0x7000).fill(0);
				for (const {at, kind, to, rights, reserved} of entries)
					put64(m, 0x1000 + 8 * at, (to << 12) | levelBits(kind) | 1, rights | reserved | (to >>> 20));
				dte(m, A, 0x1000 | levelBits(levels) | 3, RW, 7);
			});
			assertTranslates(amdviMappings(memory, levels), (iova, write) => unit.translate(A, iova, write));
		}),
		{seed: 9, numRuns: 300},
	);
});

test('the mappings follow memory: clearing one entry removes one page', t => {
	const lab = openTestLab(t, {policy: 'keep'});
	const host = lab.state().domains[0];
	assert.deepEqual(brief(mappingsOf(lab.memory, host)), [[0, 0, 65536, 'rw']]);
	let table = host.root;
	for (let level = host.levels; level > 1; level--) table = (lab.memory.u32(table) & 0xfffff000) >>> 0;
	lab.memory.setU32(table + 8 * 16, 0);
	assert.deepEqual(
		mappingsOf(lab.memory, host).map(({iova, pages}) => [iova, pages]),
		[
			[0, 16],
			[17 * PAGE_SIZE, 65536 - 17],
		],
	);
});

for (const iommu of ['vt-d', 'amd-vi'] as const)
	test(`tables that were decoded before are decoded again once they are written: ${iommu}`, t => {
		const lab = openTestLab(t, {iommu, hostMemory: 64 * MIB, overlay: true});
		const history = lab.keepHistory(() => 0);
		const random = seededRandom(5);
		const check = () => {
			const forgetful: PhysicalReader = {page: hpa => lab.memory.page(hpa)};
			for (const each of lab.state().domains)
				assert.deepEqual(mappingsOf(lab.memory, each), mappingsOf(forgetful, each));
		};
		for (let i = 0; i < 150; i++) {
			play(lab, random, 1);
			check();
			if (i % 10 > 0) continue;
			history.go(Math.floor(random() * history.length));
			check();
		}
		// A device of the host can write the tables themselves.
		const [{root}] = lab.state().domains;
		lab.memory.writable(root, 8).fill(0xff);
		check();
	});

test('a table that stands at two levels is decoded at each', () => {
	const memory = new Memory(16 * MIB);
	for (const [at, to] of [
		[0x1000, 0x3000],
		[0x2000, 0x3000],
		[0x3000, 0x4000],
		[0x4000, 0x5000],
	])
		memory.setU32(at, to | 3);
	for (let i = 0; i < 2; i++) {
		assert.deepEqual(brief(mappingsOf(memory, domain('vt-d', 0x1000, 3))), [[0, 0x5000, 1, 'rw']]);
		assert.deepEqual(brief(mappingsOf(memory, domain('vt-d', 0x2000, 2))), [[0, 0x4000, 1, 'rw']]);
	}
});

test('tables in memory that a VM writes too are decoded each time', () => {
	const memory = new Memory(16 * MIB);
	const shared = new ArrayBuffer(16 * PAGE_SIZE);
	const base = memory.attach(shared);
	const words = new Uint32Array(shared);
	const address = (hpa: number) => [hpa | 3, Math.floor(hpa / 2 ** 32)];
	const [root, leaf] = [base + PAGE_SIZE, base + 2 * PAGE_SIZE];
	words.set(address(leaf), PAGE_SIZE / 4);
	words.set([0x5003, 0], (2 * PAGE_SIZE) / 4);
	assert.deepEqual(brief(mappingsOf(memory, domain('vt-d', root, 2))), [[0, 0x5000, 1, 'rw']]);
	words.set([0x6003, 0], (2 * PAGE_SIZE) / 4);
	assert.deepEqual(brief(mappingsOf(memory, domain('vt-d', root, 2))), [[0, 0x6000, 1, 'rw']]);
});

test('each kind of write makes a page another version, and reading does not', () => {
	const memory = new Memory(16 * MIB);
	const writes: ((hpa: number) => unknown)[] = [
		hpa => memory.setU8(hpa + 5, 1),
		hpa => memory.setU16(hpa + 6, 1),
		hpa => memory.setU32(hpa + 4092, 1),
		hpa => memory.setWords(hpa, new Uint32Array(4)),
		hpa => memory.writable(hpa + 4095, 2),
		hpa => memory.writable(hpa - 4096, 8192),
		hpa => memory.page(hpa, true),
		hpa => memory.clear(hpa - 8192, 16384),
		hpa => memory.restore(hpa, new Uint8Array(PAGE_SIZE)),
	];
	const hpa = 0x7000;
	for (const write of writes) {
		memory.setU32(hpa, 7);
		const before = memory.version(hpa);
		for (const read of [memory.page(hpa), memory.view(hpa, 8), memory.u32(hpa)])
			assert.ok(read !== undefined);
		assert.equal(memory.version(hpa), before);
		write(hpa);
		assert.notEqual(memory.version(hpa), before, `${write}`);
	}
});

test('a window decodes exactly the entries that overlap it', () => {
	const memory = new Memory(16 * MIB);
	memory.setU32(0x1000, 0x2000 | 3);
	memory.setU32(0x1008, 0x2000 | 3);
	memory.setU32(0x2000, 0x3000 | 3);
	memory.setU32(0x2008, 0x400083);
	for (let i = 0; i < 512; i += 3) memory.setU32(0x3000 + 8 * i, 0x600000 | 3);
	const tables = domain('vt-d', 0x1000, 3);
	const all = mappingsOf(memory, tables);
	fc.assert(
		fc.property(
			fc.nat(0x1200),
			fc.integer({min: 1, max: 0x300}),
			fc.constantFrom(0, 2 ** 30),
			(page, pages, base) => {
				const from = base + (page - (base > 0 ? 0x900 : 0)) * PAGE_SIZE;
				const to = from + pages * PAGE_SIZE;
				if (from < 0) return;
				assert.deepEqual(
					mappingsOf(memory, tables, {from, to}),
					all.filter(({iova, pages: length}) => iova < to && iova + length * PAGE_SIZE > from),
				);
			},
		),
		{seed: 4, numRuns: 300},
	);
});

test('a domain without tables maps all memory 1:1', () => {
	const memory = new Memory(64 * MIB);
	const pages = new VmPages(memory, seededRandom(1));
	const driver = new AmdviDriver(new Amdvi(memory), memory, pages, {hostPtp: false});
	const host: Domain = {...driver.createDomain(memory.end), role: 'host', format: 'amd-vi'};
	assert.equal(isIdentity(host), true);
	assert.equal(isIdentity(domain('amd-vi', 0x1000, 4)), false);
	assert.deepEqual(mappingsOf(memory, host), []);
	assert.deepEqual(brief(identityOf(pages.owned())), [[0, 0, 16384, 'rw']]);
});

test('AMD-Vi: a function’s device table entry leads to tables, to memory or to a fault', () => {
	const {memory, unit} = amdvi();
	const start = (rid: number, more: Partial<AmdviUnit> = {}, from: PhysicalReader = memory) =>
		startOf(
			from,
			{format: 'amd-vi', enabled: true, table: unit.read32(AMDVI.DEVICE_TABLE), bytes: 4096, ...more},
			rid,
		);
	const {to, ...tables} = start(A);
	assert.equal(to, 'tables');
	assert.deepEqual(tables, {
		domain: 7,
		format: 'amd-vi',
		root: 0x3000,
		levels: 4,
		read: true,
		write: true,
		unrecorded: undefined,
	});
	dte(memory, A, TRANSLATED & ~2, RW, 7);
	assert.equal(start(A).to, 'fault', 'TV is clear');
	dte(memory, A, 3, IR, 7);
	assert.partialDeepStrictEqual(start(A), {to: 'memory', domain: 7, read: true, write: false});
	dte(memory, A, 0xffe, RW, 7);
	assert.partialDeepStrictEqual(start(A), {to: 'memory', read: true, write: true});
	assert.ok(!('domain' in start(A)), 'V is clear');
	assert.equal(start(127).to, 'memory');
	assert.equal(start(128).to, 'fault', 'beyond the table');
	assert.equal(start(0, {table: 2 ** 31}).to, 'fault', 'outside memory');

	const whole = new Memory(64 * MIB);
	const amd = new Amdvi(whole);
	const driver = new AmdviDriver(amd, whole, new VmPages(whole, seededRandom(1)));
	driver.addDevice(driver.createDomain(0), 0xabcd);
	const table = (amd.read32(AMDVI.DEVICE_TABLE) & ~0xfff) >>> 0;
	assert.equal(start(0xabcd, {table, bytes: 2 * MIB}, whole).to, 'tables');
});
