// What a look at the tables finds changed is decoded again, and nothing else: it has to come to the same as decoding
// all of it.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {mappingsOf, type Tables} from '../../../source/explain/mappings.js';
import {PAGE_SIZE} from '../../../source/formats/address.js';
import {Amdvi} from '../../../source/hardware/amdvi.js';
import {Memory} from '../../../source/hardware/memory.js';
import {Vtd} from '../../../source/hardware/vtd.js';
import {AmdviDriver} from '../../../source/kernel/amdvi.js';
import {VmPages} from '../../../source/kernel/vm-page.js';
import {VtdDriver} from '../../../source/kernel/vtd.js';
import {seededRandom} from '../../../source/lab/build/random.js';
import {changedWindows, updated} from '../../../source/live/tables/mapped.js';
import {TablePages} from '../../../source/live/tables/table-pages.js';
import type {Mapping, PhysicalReader} from '../../../source/machine/tables.js';
import {MIB} from '../../helpers/lab.js';

/** A guest's memory that counts how often it is read. */
function guestMemory(memory: Memory) {
	const guest = {
		reads: 0,
		blocks: [{gpa: 0, bytes: memory.bytes, offset: 0}],
		how: '',
		inPlace: true,
		page: (gpa: number) => memory.page(gpa),
		readPage: (gpa: number, words: Uint32Array) => {
			const page = memory.page(gpa);
			guest.reads++;
			if (page) words.set(page);
			return page !== undefined;
		},
		close: () => {},
	};
	return guest;
}

const machines = {
	'vt-d': (memory: Memory, pages: VmPages) => new VtdDriver(new Vtd(memory), memory, pages),
	'amd-vi': (memory: Memory, pages: VmPages) => new AmdviDriver(new Amdvi(memory), memory, pages),
} as const;

/** Pages near the places where tables begin, and long enough for large pages. */
const page = fc
	.tuple(fc.constantFrom(0, 512, 2 ** 18, 2 ** 20), fc.integer({min: 0, max: 600}))
	.map(([base, offset]) => base + offset);
const step = fc.record({
	map: fc.boolean(),
	page,
	count: fc.integer({min: 1, max: 1500}),
	to: fc.nat(2 ** 20),
});

for (const format of ['vt-d', 'amd-vi'] as const) {
	test(`${format}: decoding only the changes gives the same as decoding everything`, async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.array(step, {maxLength: 4}), {maxLength: 6}), async rounds => {
				const memory = new Memory(64 * MIB);
				const driver = machines[format](memory, new VmPages(memory, seededRandom(7)));
				driver.init();
				driver.enable();
				const {root, levels} = driver.createDomain(2 ** 47);
				const tables: Tables = {format, root, levels};
				const [domain] = driver.domains;
				const pages = new TablePages(guestMemory(memory));
				let mappings: readonly Mapping[] = [];
				for (const steps of rounds) {
					for (const {map, page: first, count, to} of steps) {
						if (map) driver.createMapping(domain, first * PAGE_SIZE, to * PAGE_SIZE, count * PAGE_SIZE);
						else driver.removeMapping(domain, first * PAGE_SIZE, count * PAGE_SIZE);
					}
					const view = pages.view();
					const windows = await changedWindows(view, tables);
					pages.adopt(view);
					mappings = updated(pages, tables, mappings, windows ?? []);
					assert.deepEqual(mappings, mappingsOf(memory, tables));
				}
			}),
			{seed: 17, numRuns: 60},
		);
	});
}

test('only changed pages of entries are decoded, and none if none changed', async () => {
	const memory = new Memory(64 * MIB);
	const driver = machines['vt-d'](memory, new VmPages(memory, seededRandom(7)));
	driver.init();
	driver.enable();
	const domain = driver.createDomain(2 ** 47);
	const tables: Tables = {format: 'vt-d', root: domain.root, levels: domain.levels};
	for (let i = 0; i < 16; i++) driver.createMapping(domain, i * 2 * MIB, 0x1000, PAGE_SIZE);
	const guest = guestMemory(memory);
	const pages = new TablePages(guest);
	const look = async () => {
		guest.reads = 0;
		const seen = pages.view();
		const windows = await changedWindows(seen, tables);
		pages.adopt(seen);
		return windows;
	};
	await look();
	assert.equal(guest.reads, 16 + 3);
	assert.deepEqual(await look(), []);
	driver.createMapping(domain, 6 * MIB + 8 * PAGE_SIZE, 0x5000, 2 * PAGE_SIZE);
	const windows = await look();
	assert.deepEqual(windows, [{from: 6 * MIB + 8 * PAGE_SIZE, to: 6 * MIB + 10 * PAGE_SIZE}]);

	const read = new Set<number>();
	const counting: PhysicalReader = {
		page: gpa => {
			read.add(gpa);
			return pages.page(gpa);
		},
	};
	updated(counting, tables, [], windows ?? []);
	assert.equal(read.size, 4);
});

test('tables that lead back to themselves end', async () => {
	const memory = new Memory(MIB);
	for (let i = 0; i < 512; i++) memory.setU32(0x1000 + 8 * i, 0x1003);
	const pages = new TablePages(guestMemory(memory));
	assert.equal(await changedWindows(pages.view(), {format: 'vt-d', root: 0x1000, levels: 4}), undefined);
});
