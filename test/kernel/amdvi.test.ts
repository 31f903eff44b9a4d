import assert from 'node:assert/strict';
import {test} from 'node:test';
import {PAGE_SIZE, pageAddress} from '../../source/formats/address.js';
import {DTE_SE, EVENT, FLAG, REG, refusal, STATUS} from '../../source/formats/amdvi.js';
import {decodeDte} from '../../source/formats/amdvi-tables.js';
import {ridOf} from '../../source/formats/pci.js';
import {Amdvi} from '../../source/hardware/amdvi.js';
import {BusMaster} from '../../source/hardware/bus-master.js';
import {Memory} from '../../source/hardware/memory.js';
import type {Fault} from '../../source/hardware/probe.js';
import {AmdviDriver} from '../../source/kernel/amdvi.js';
import {Iommu} from '../../source/kernel/iommu.js';
import {Ppt} from '../../source/kernel/ppt.js';
import {releaseOf} from '../../source/kernel/release.js';
import {VmPages} from '../../source/kernel/vm-page.js';
import {Vmm} from '../../source/kernel/vmm.js';
import {seededRandom} from '../../source/lab/build/random.js';
import {MIB} from '../helpers/lab.js';
import {checkMappings} from '../helpers/mappings.js';

const RID = ridOf(4, 0, 0);
const HBA = ridOf(0, 0x1f, 2);
const ABSENT = -refusal(EVENT.IO_PAGE_FAULT, FLAG.RW);

/** A machine with a host domain, as iommu_init creates it, unless a test does that itself. */
function machine({hostPtp = true, host = true} = {}) {
	const memory = new Memory(64 * MIB);
	const unit = new Amdvi(memory);
	const faults: Fault[] = [];
	unit.probe = event => event.at === 'fault' && faults.push(event.fault);
	const pages = new VmPages(memory, seededRandom(7));
	const driver = new AmdviDriver(unit, memory, pages, {hostPtp});
	if (host) {
		const domain = driver.createDomain(memory.end);
		driver.createMapping(domain, 0, 0, memory.end);
		driver.addDevice(domain, HBA);
		driver.enable();
	}
	return {memory, unit, driver, pages, faults};
}

const dteOf = ({memory, unit}: {memory: Memory; unit: Amdvi}, rid: number) => {
	const at = pageAddress(unit.read32(REG.DEVICE_TABLE), unit.read32(REG.DEVICE_TABLE + 4)) + 32 * rid;
	return {
		decoded: decodeDte(memory.u32(at), memory.u32(at + 4), memory.u32(at + 8)),
		flags: memory.u32(at + 12),
	};
};

test('exactly the pages that the driver maps translate', () => {
	checkMappings(machine, frame => (frame === undefined ? ABSENT : frame * PAGE_SIZE));
});

test('domain IDs count up from the host’s 0, and a freed ID is not reused before the last', () => {
	const {driver} = machine();
	const first = driver.createDomain(64 * MIB);
	driver.destroyDomain(first);
	assert.deepEqual([first.id, first.levels, driver.createDomain(2 ** 40).id], [1, 4, 2]);
	for (let id = 3; id < 65535; id++) driver.destroyDomain(driver.createDomain(0));
	assert.equal(driver.createDomain(0).id, 1, 'after the last ID, but not the host’s');
});

test('destroying a domain frees its tables', () => {
	const {driver, pages} = machine();
	const pagesOwned = () => pages.owned().filter(({owner}) => owner === 'iommu tables');
	const once = () => {
		const domain = driver.createDomain(64 * MIB);
		driver.createMapping(domain, 0, 0, 64 * MIB);
		driver.destroyDomain(domain);
	};
	once();
	const before = pagesOwned();
	for (let i = 0; i < 20; i++) once();
	assert.deepEqual(pagesOwned(), before);
});

test('the device table has room for every requester ID, even on a host with 64 MiB', () => {
	for (let seed = 0; seed < 20; seed++) {
		const memory = new Memory(64 * MIB);
		const unit = new Amdvi(memory);
		const driver = new AmdviDriver(unit, memory, new VmPages(memory, seededRandom(seed)));
		driver.addDevice(driver.createDomain(memory.end), 0xffff);
		driver.enable();
		assert.equal(unit.translate(0xffff, 0, true), ABSENT);
	}
});

test('a device is in the domain to which it was added last, without a check of its previous one', () => {
	const {driver, unit} = machine();
	assert.equal(unit.translate(RID, 0x5000, true), 0x5000, 'not translated without an entry');
	const [a, b] = [driver.createDomain(64 * MIB), driver.createDomain(64 * MIB)];
	driver.createMapping(a, 0, 0x100000, PAGE_SIZE);
	driver.createMapping(b, 0, 0x200000, PAGE_SIZE);
	driver.addDevice(a, RID);
	assert.equal(unit.translate(RID, 0, true), 0x100000);
	driver.addDevice(b, RID);
	assert.equal(unit.translate(RID, 0, true), 0x200000);
});

test('a removed device keeps its old root and still reaches its pages', () => {
	const made = machine();
	const {driver, unit} = made;
	const domain = driver.createDomain(64 * MIB);
	driver.createMapping(domain, 0, 0x100000, PAGE_SIZE);
	driver.addDevice(domain, RID);
	const before = dteOf(made, RID);
	assert.deepEqual(before.decoded, {
		valid: true,
		translates: true,
		root: domain.root,
		levels: 4,
		domain: domain.id,
		read: true,
		write: true,
	});
	assert.equal(before.flags, DTE_SE);
	driver.removeDevice(domain, RID);
	assert.deepEqual(dteOf(made, RID), before);
	assert.equal(unit.translate(RID, 0, true), 0x100000);
});

test('a device removed from a domain that it was never in gets V without TV, which blocks all accesses', () => {
	const made = machine();
	const domain = made.driver.createDomain(64 * MIB);
	made.driver.removeDevice(domain, RID);
	assert.equal(dteOf(made, RID).decoded.translates, false);
	assert.equal(made.unit.translate(RID, 0, true), ABSENT);
});

test('a removed mapping stays in use until its domain is invalidated', () => {
	const {driver, unit} = machine();
	const [host] = driver.domains;
	assert.equal(unit.translate(HBA, 0x5000, true), 0x5000);
	driver.removeMapping(host, 0x5000, PAGE_SIZE);
	assert.equal(unit.translate(HBA, 0x5000, true), 0x5000);
	driver.invalidateTlb(driver.createDomain(64 * MIB));
	assert.equal(unit.translate(HBA, 0x5000, true), 0x5000, 'another domain’s invalidation');
	driver.invalidateTlb(host);
	assert.equal(unit.translate(HBA, 0x5000, true), ABSENT);
});

test('with host_ptp=0 the host domain has no tables, is 1:1, and nothing can be removed from it', () => {
	const made = machine({hostPtp: false});
	const {driver, unit} = made;
	const [host] = driver.domains;
	assert.deepEqual([host.id, host.root, host.levels], [0, 0, 0]);
	assert.deepEqual(dteOf(made, HBA).decoded, {
		valid: true,
		translates: true,
		root: 0,
		levels: 0,
		domain: 0,
		read: true,
		write: true,
	});
	driver.removeMapping(host, 0, 64 * MIB);
	driver.invalidateTlb(host);
	assert.equal(unit.translate(HBA, 0x5000, true), 0x5000);
	assert.equal(unit.translate(HBA, 2 ** 50, true), 2 ** 50);
	assert.equal(driver.createDomain(64 * MIB).levels, 4, 'a guest domain has tables');
	driver.destroyDomain(host);
});

test('with host_ptp=0 a device that returns from a guest keeps the guest’s root', () => {
	const made = machine({hostPtp: false});
	const {driver, unit} = made;
	const [host] = driver.domains;
	const guest = driver.createDomain(64 * MIB);
	driver.createMapping(guest, 0, 0x100000, PAGE_SIZE);
	driver.addDevice(guest, RID);
	driver.removeDevice(guest, RID);
	driver.addDevice(host, RID);
	assert.equal(dteOf(made, RID).decoded.domain, 0);
	assert.equal(unit.translate(RID, 0, true), 0x100000);
	assert.equal(unit.translate(RID, 0x5000, true), ABSENT);
});

test('the event log’s handler prints FreeBSD’s lines, once per device until its entry is invalidated', () => {
	const {driver, unit, faults, memory} = machine();
	const [host] = driver.domains;
	driver.removeMapping(host, 0x123000, PAGE_SIZE);
	for (let i = 0; i < 3; i++) assert.equal(unit.translate(HBA, 0x123000, true), ABSENT);
	assert.deepEqual(driver.log, [
		'ivhd0: EVT INTR 0 Status:0x1a EVT Head:0x0 Tail:0x10]',
		'  [CMD Total 0x2] Tail:0x20, Head:0x20.',
		'ivhd0:  [Event0: Head:0x0 Tail:0x10]',
		'        [IO_PAGE_FAULT EVT: devId:0xfa DomId:0x0 Addr:0x123000 0x20<RW>]',
	]);
	assert.deepEqual(
		faults.map(({recorded}) => recorded),
		[true, false, false],
	);
	assert.equal(unit.read32(REG.STATUS) & (STATUS.EVENT_INT | STATUS.EVENT_OVERFLOW), 0);
	assert.equal(unit.eventLog.unread, 0);
	driver.addDevice(host, HBA);
	unit.translate(HBA, 0x123000, false);
	assert.equal(driver.log.at(-1), '        [IO_PAGE_FAULT EVT: devId:0xfa DomId:0x0 Addr:0x123000 0x0]');
	assert.deepEqual([driver.eventsLogged, driver.linesLogged], [2, 8]);
	memory.setU32(host.root + 4, 0x6010_0000);
	driver.addDevice(host, HBA);
	driver.invalidateTlb(host);
	unit.translate(HBA, 0x456789, true);
	assert.match(driver.log.at(-1) ?? '', /Addr:0x456789 0xb0<PR,RW,RZ>\]$/);
});

test('the handler prints hardware errors and illegal commands in FreeBSD’s words', () => {
	const {driver, unit, memory} = machine();
	const [host] = driver.domains;
	memory.setU32(host.root, 0x7fff0000 | (3 << 9) | 1);
	unit.translate(HBA, 0x5000, true);
	assert.match(
		driver.log.at(-2) ?? '',
		/^ {8}\[PAGE_TAB_HW_ERR EVT: devId:0xfa DomId:0x0 Addr:0x7fff0000 0x20<RW>\]$/,
	);
	assert.equal(driver.log.at(-1), 'RSVD');
	const commands = pageAddress(unit.read32(REG.COMMAND_BASE), 0);
	memory.setU32(commands + unit.read32(REG.COMMAND_TAIL) + 4, 0xf000_0007);
	unit.write32(REG.COMMAND_TAIL, unit.read32(REG.COMMAND_TAIL) + 16);
	assert.deepEqual(driver.log.slice(-2), [
		'        [ILLEGAL CMD EVT]',
		'        CMD opcode= 0xf 0x0 0x7 0x0',
	]);
	driver.invalidateTlb(host);
	assert.match(driver.log.at(-1) ?? '', /^ivhd0: Error: completion failed tail:0x[0-9a-f]+, head:0x20\.$/);
});

test('once the log has wrapped, every interrupt prints all of it, and it finally overflows', () => {
	const {driver, unit, faults} = machine();
	const [host] = driver.domains;
	driver.removeMapping(host, 0x123000, PAGE_SIZE);
	driver.invalidateTlb(host);
	const fault = () => {
		driver.addDevice(host, HBA);
		unit.translate(HBA, 0x123000, true);
	};
	for (let i = 0; i < 255; i++) fault();
	assert.deepEqual([driver.eventsLogged, driver.log.length], [255, 1000]);
	assert.equal(driver.linesLogged, 4 * 255);
	fault();
	assert.equal(driver.eventsLogged, 255 + 256);
	for (let i = 0; i < 255; i++) fault();
	assert.equal(faults.at(-1)?.recorded, false);
	assert.equal(driver.log.length, 1000);
});

test('the command ring wraps, and reused entries are executed', () => {
	const {driver, unit} = machine();
	const [host] = driver.domains;
	for (let i = 0; i < 300; i++) {
		driver.createMapping(host, 0x5000, 0x1000 * i, PAGE_SIZE);
		driver.invalidateTlb(host);
		if (i % 7 === 0) driver.addDevice(host, HBA);
		assert.equal(unit.translate(HBA, 0x5000, true), 0x1000 * i);
	}
	assert.deepEqual(driver.log, []);
});

test('a disabled unit does not translate, and its tables stay', () => {
	const {driver, unit} = machine();
	driver.removeMapping(driver.domains[0], 0x5000, PAGE_SIZE);
	driver.disable();
	assert.equal(unit.translate(HBA, 0x5000, true), 0x5000);
	driver.enable();
	assert.equal(unit.translate(HBA, 0x5000, true), ABSENT);
});

test('a passthru bind removes the guest’s pages from the host domain, unless that has no tables', () => {
	for (const hostPtp of [true, false]) {
		const {memory, unit, driver, pages} = machine({hostPtp, host: false});
		const iommu = new Iommu(driver, memory, () => [HBA]);
		const ppt = new Ppt(iommu);
		ppt.attach(RID, new BusMaster(true));
		const vmm = new Vmm(iommu, ppt, memory, pages, releaseOf('14-CURRENT'));
		const vm = vmm.create('vm0');
		vmm.mmap(vm, {gpa: 0, bytes: 16 * MIB}, true);
		assert.equal(unit.translate(HBA, 0x5000, true), 0x5000, 'not translated before the first bind');
		vmm.bind(vm, RID);
		const hpa = vm.map.hpa(0x5000) ?? 0;
		assert.equal(unit.translate(RID, 0x5000, true), hpa);
		assert.equal(unit.translate(HBA, hpa, true), hostPtp ? ABSENT : hpa);
		vmm.reinit(vm);
		assert.equal(unit.translate(HBA, hpa, true), hpa);
	}
});
