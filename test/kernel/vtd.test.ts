import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {ridOf} from '../../source/formats/pci.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {VtdDriver} from '../../source/kernel/vtd.js';
import {seededRandom} from '../../source/lab/random.js';
import {MIB} from '../helpers/lab.js';

const RID = ridOf(4, 0, 0);

function machine() {
	const memory = new Memory(64 * MIB);
	const unit = new Vtd(memory);
	const driver = new VtdDriver(unit, memory, new VmPages(memory, seededRandom(7)));
	driver.init();
	driver.enable();
	return {memory, unit, driver};
}

/** Pages near the places where tables begin: 0, 2 MiB, 1 GiB, 4 GiB, 512 GiB. */
const page = fc
	.tuple(fc.constantFrom(0, 512, 2 ** 18, 2 ** 20, 2 ** 27), fc.integer({min: -3, max: 600}))
	.map(([base, offset]) => Math.max(0, base + offset));

test('what the driver maps, and only that, translates', () => {
	fc.assert(
		fc.property(
			fc.array(
				fc.record({map: fc.boolean(), page, count: fc.integer({min: 1, max: 700}), to: fc.nat(2 ** 30)}),
				{maxLength: 12},
			),
			steps => {
				const {unit, driver} = machine();
				const domain = driver.createDomain(2 ** 48);
				driver.addDevice(domain, RID);
				const model = new Map<number, number>();
				for (const {map, page: first, count, to} of steps) {
					if (map) driver.createMapping(domain, first * PAGE_SIZE, to * PAGE_SIZE, count * PAGE_SIZE);
					else driver.removeMapping(domain, first * PAGE_SIZE, count * PAGE_SIZE);
					for (let i = 0; i < count; i++) {
						if (map) model.set(first + i, to + i);
						else model.delete(first + i);
					}
				}
				driver.invalidateTlb(domain);
				const probes = steps.flatMap(({page: first, count}) => [
					first - 1,
					first,
					first + 1,
					first + count - 1,
					first + count,
				]);
				for (const probe of [...model.keys(), ...probes]) {
					if (probe < 0) continue;
					const to = model.get(probe);
					// Frames in 0xFEE00000–0xFEEFFFFF are interrupts, not memory (reason 14).
					const interrupts = to !== undefined && to >= 0xfee00 && to < 0xfef00;
					const want = to === undefined ? -5 : interrupts ? -14 : to * PAGE_SIZE + 8;
					assert.equal(unit.translate(RID, probe * PAGE_SIZE + 8, true), want);
				}
			},
		),
		{seed: 3, numRuns: 40},
	);
});

test('a device is in the domain it was added to, and in none when removed', () => {
	const {unit, driver} = machine();
	const domain = driver.createDomain(64 * MIB);
	driver.createMapping(domain, 0, 0x100000, PAGE_SIZE);
	assert.equal(unit.translate(RID, 0, true), -2);
	driver.addDevice(domain, RID);
	assert.equal(unit.translate(RID, 0, true), 0x100000);
	assert.throws(() => driver.addDevice(domain, RID), /already in domain 1/);
	driver.removeDevice(domain, RID);
	assert.equal(unit.translate(RID, 0, true), -2);
});

test('domain ids start at 1 and the lowest free one is taken; tables are given back', () => {
	const {driver, memory} = machine();
	const [first, second] = [driver.createDomain(64 * MIB), driver.createDomain(64 * MIB)];
	assert.deepEqual([first.id, second.id], [1, 2]);
	driver.createMapping(first, 0, 0, 64 * MIB);
	driver.destroyDomain(first);
	const third = driver.createDomain(64 * MIB);
	assert.equal(third.id, 1);
	assert.ok(memory.page(third.root)?.every(word => word === 0));
});
