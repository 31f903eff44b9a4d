import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {deviceEntryOf} from '../../source/explain/contexts.js';
import {identityOf, isIdentity, type Mapping, mappingsOf} from '../../source/explain/mappings.js';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {IR, IW, levelBits, REG} from '../../source/formats/amdvi.js';
import {Amdvi} from '../../source/hardware/amdvi.js';
import {Memory} from '../../source/hardware/memory.js';
import {AmdviDriver} from '../../source/kernel/amdvi.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {seededRandom} from '../../source/lab/build/random.js';
import type {Domain} from '../../source/machine/tables.js';
import {A, amdvi, dte, put64, RW, TRANSLATED, table} from '../helpers/amdvi.js';
import {MIB} from '../helpers/lab.js';

const domain = (root: number, levels: number): Domain => ({
	id: 7,
	role: 'guest',
	format: 'amd-vi',
	root,
	levels,
});
const brief = (mappings: Mapping[]) =>
	mappings.map(({iova, hpa, pages, read, write}) => [
		iova,
		hpa,
		pages,
		`${read ? 'r' : '-'}${write ? 'w' : '-'}`,
	]);

test('page sizes, levels left out and permissions are decoded', () => {
	const memory = new Memory(16 * MIB);
	// 512 GiB, then a table of the second level at 512 GiB, then one whose IW is clear.
	put64(memory, 0x1000, 1, RW | 0x80);
	table(memory, 0x1008, 0x2000, 2);
	table(memory, 0x1010, 0x3000, 3, IR);
	table(memory, 0x2000, 0x400000, 0);
	table(memory, 0x2008, 0x4000, 1);
	table(memory, 0x3000, 0x40000000, 0);
	for (const i of [8, 9, 10, 11]) table(memory, 0x4000 + 8 * i, 0x801000, 7);
	table(memory, 0x4000 + 8 * 20, 0x900000, 0, IW);
	assert.deepEqual(brief(mappingsOf(memory, domain(0x1000, 4))), [
		[0, 2 ** 39, 512 ** 3, 'rw'],
		[2 ** 39, 0x400000, 512, 'rw'],
		[2 ** 39 + 0x208000, 0x800000, 4, 'rw'],
		[2 ** 39 + 0x214000, 0x900000, 1, '-w'],
		[2 * 2 ** 39, 0x40000000, 512 * 512, 'r-'],
	]);
});

test('what the hardware refuses is not decoded as mapped', () => {
	const memory = new Memory(16 * MIB);
	put64(memory, 0x1000, 0x2000, RW);
	table(memory, 0x1008, 0x2000, 4);
	table(memory, 0x1010, 0x2000, 3, RW | 0x1000_0000);
	table(memory, 0x1018, 0, 0, RW | 0x10_0000);
	table(memory, 0x1020, 0x5000, 0, 0);
	table(memory, 0x1028, 0x6ff000, 7);
	for (let i = 0; i < 512; i++) table(memory, 0x2000 + 8 * i, 0, 0);
	assert.deepEqual(mappingsOf(memory, domain(0x1000, 4)), []);
	table(memory, 0x1000, 0, 0);
	assert.deepEqual(mappingsOf(memory, domain(0x1000, 6)), [], 'no pages at the sixth level');
});

/** Entries of tables at 0x1000–0x4fff, each of which may point to any of them, or be a page of any kind. */
const entry = fc.record({
	at: fc.nat(4 * 512 - 1).map(index => (index % 3 === 0 ? index - (index % 512) : index)),
	kind: fc.integer({min: 0, max: 7}),
	to: fc.oneof(fc.integer({min: 1, max: 4}), fc.nat(2 ** 24)),
	rights: fc.constantFrom(RW, RW, IR, IW),
	reserved: fc.constantFrom(0, 0, 0, 0, 0x10_0000, 0x1000_0000),
});

test('what is decoded is what the hardware translates, whatever the tables hold', () => {
	fc.assert(
		fc.property(fc.integer({min: 1, max: 4}), fc.array(entry, {maxLength: 60}), (levels, entries) => {
			const {memory, unit} = amdvi(m => {
				m.view(0x1000, 0x7000).fill(0);
				for (const {at, kind, to, rights, reserved} of entries)
					put64(m, 0x1000 + 8 * at, (to << 12) | levelBits(kind) | 1, rights | reserved | (to >>> 20));
				dte(m, A, 0x1000 | levelBits(levels) | 3, RW, 7);
			});
			const found = mappingsOf(memory, domain(0x1000, levels));
			const edges = found.slice(0, 500).flatMap(({iova, pages}) => [iova, iova + (pages - 1) * PAGE_SIZE]);
			for (const edge of edges.flatMap(at => [at - PAGE_SIZE, at, at + PAGE_SIZE])) {
				if (edge < 0) continue;
				const mapping = found.find(({iova, pages}) => edge >= iova && edge < iova + pages * PAGE_SIZE);
				for (const write of [false, true]) {
					const allowed = mapping !== undefined && (write ? mapping.write : mapping.read);
					const answer = unit.translate(A, edge, write);
					if (write && edge >= 0xfee00000 && edge < 0xfef00000) continue;
					assert.equal(Math.max(answer, -1), allowed ? mapping.hpa + edge - mapping.iova : -1);
				}
			}
		}),
		{seed: 9, numRuns: 300},
	);
});

test('a domain without a table is 1:1: all memory there is, and nothing to decode', () => {
	const memory = new Memory(64 * MIB);
	const pages = new VmPages(memory, seededRandom(1));
	const driver = new AmdviDriver(new Amdvi(memory), memory, pages, {hostPtp: false});
	const host: Domain = {...driver.createDomain(memory.end), role: 'host', format: 'amd-vi'};
	assert.equal(isIdentity(host), true);
	assert.equal(isIdentity(domain(0x1000, 4)), false);
	assert.deepEqual(mappingsOf(memory, host), []);
	assert.deepEqual(brief(identityOf(pages.owned())), [[0, 0, 16384, 'rw']]);
});

test('a function’s device table entry says how far it reaches', () => {
	const {memory, unit} = amdvi();
	const at = unit.read32(REG.DEVICE_TABLE);
	const of = (rid: number) => deviceEntryOf(memory, at, 4096, rid);
	const fields = {domain: 7, read: true, write: true};
	assert.deepEqual(of(A), {reach: 'tables', root: 0x3000, levels: 4, ...fields});
	dte(memory, A, TRANSLATED & ~2, RW, 7);
	assert.deepEqual(of(A), {reach: 'refused', root: 0x3000, levels: 4, ...fields});
	dte(memory, A, 3, IR, 7);
	assert.deepEqual(of(A), {reach: '1:1', root: 0, levels: 0, ...fields, write: false});
	dte(memory, A, 0xffe, RW, 7);
	assert.deepEqual(of(A), {reach: 'untranslated'});
	assert.deepEqual(of(127), {reach: 'untranslated'});
	assert.equal(of(128), undefined, 'beyond the table');
	assert.equal(deviceEntryOf(memory, 2 ** 31, 4096, 0), undefined, 'outside memory');
	const whole = new Memory(64 * MIB);
	const amd = new Amdvi(whole);
	const driver = new AmdviDriver(amd, whole, new VmPages(whole, seededRandom(1)));
	driver.addDevice(driver.createDomain(0), 0xabcd);
	const entry = deviceEntryOf(whole, (amd.read32(REG.DEVICE_TABLE) & ~0xfff) >>> 0, 2 * MIB, 0xabcd);
	assert.equal(entry?.reach, 'tables');
});
