import assert from 'node:assert/strict';
import {test} from 'node:test';
import {PAGE_SIZE} from '../../source/formats/address.js';
import {ridOf} from '../../source/formats/pci.js';
import {FAULT} from '../../source/formats/vtd.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {VtdDriver} from '../../source/kernel/vtd.js';
import {seededRandom} from '../../source/lab/build/random.js';
import {MIB} from '../helpers/lab.js';
import {checkMappings} from '../helpers/mappings.js';

const RID = ridOf(4, 0, 0);

function machine() {
	const memory = new Memory(64 * MIB);
	const unit = new Vtd(memory);
	const driver = new VtdDriver(unit, memory, new VmPages(memory, seededRandom(7)));
	driver.init();
	driver.enable();
	return {memory, unit, driver};
}

test('exactly the pages that the driver maps translate', () => {
	// Frames in 0xFEE00000–0xFEEFFFFF are interrupts, not memory.
	checkMappings(machine, frame => {
		if (frame === undefined) return -FAULT.WRITE;
		return frame >= 0xfee00 && frame < 0xfef00 ? -FAULT.INTERRUPT_RANGE : frame * PAGE_SIZE;
	});
});

test('an added device is in its domain, and a removed one in none', () => {
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

test('a new domain takes the lowest free ID from 1, and destroying a domain frees its tables', () => {
	const {driver, memory} = machine();
	const [first, second] = [driver.createDomain(64 * MIB), driver.createDomain(64 * MIB)];
	assert.deepEqual([first.id, second.id], [1, 2]);
	driver.createMapping(first, 0, 0, 64 * MIB);
	driver.destroyDomain(first);
	const third = driver.createDomain(64 * MIB);
	assert.equal(third.id, 1);
	assert.ok(memory.page(third.root)?.every(word => word === 0));
});

test('a disabled unit does not translate, and its tables stay', () => {
	const {unit, driver} = machine();
	const domain = driver.createDomain(64 * MIB);
	driver.createMapping(domain, 0, 0x100000, PAGE_SIZE);
	driver.addDevice(domain, RID);
	driver.disable();
	assert.equal(unit.translate(RID, 0, true), 0);
	driver.enable();
	assert.equal(unit.translate(RID, 0, true), 0x100000);
});

test('the width of a domain is that of vtd_create_domain, which counts a bit too many', () => {
	const {driver} = machine();
	assert.equal(driver.createDomain(2 ** 39).levels, 4);
	assert.throws(() => driver.createDomain(2 ** 48), /no supported address width/);
	// A unit with 39 and 48 bits.
	const memory = new Memory(64 * MIB);
	const both = new Vtd(memory, {capLo: 0x106f0666, capHi: 0xd2078c, ecapLo: 0xf020df, hostAddressWidth: 46});
	const wide = new VtdDriver(both, memory, new VmPages(memory, seededRandom(7)));
	assert.equal(wide.createDomain(2 ** 38).levels, 3);
	assert.equal(wide.createDomain(2 ** 38 + PAGE_SIZE).levels, 4, '39 bits would do');
});

test('after an unload the driver starts as at power-on', () => {
	const {driver, unit, memory} = machine();
	const host = driver.createDomain(64 * MIB);
	driver.addDevice(host, RID);
	driver.disable();
	driver.unload();
	assert.equal(unit.translate(RID, 0, true), 0);
	driver.init();
	driver.enable();
	assert.equal(driver.createDomain(64 * MIB).id, 1);
	assert.equal(unit.translate(RID, 0, true), -2, 'no device is in a domain');
	assert.ok(memory.has(host.root, PAGE_SIZE));
});
