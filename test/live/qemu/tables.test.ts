// The tables that a Linux kernel builds for its devices, in QEMU: decoded by the code that draws the lab's, and held
// against a plain walk (helpers/plain-walk.ts) and against the unit's model put over the same memory.

import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {describe, type TestContext, test} from 'node:test';
import {setTimeout} from 'node:timers/promises';
import {promisify} from 'node:util';
import {coalesceFaults, explainFault} from '../../../source/explain/faults.js';
import {mappingsOf} from '../../../source/explain/mappings.js';
import {viewDomain} from '../../../source/explain/ranges.js';
import {explainWalk, startOf} from '../../../source/explain/walk.js';
import {GIB, HIGH, PAGE_SIZE, pageOf} from '../../../source/formats/address.js';
import * as amdvi from '../../../source/formats/amdvi.js';
import {FLAG} from '../../../source/formats/amdvi.js';
import {FAULT, REG, SRTP, TE} from '../../../source/formats/vtd.js';
import {Amdvi} from '../../../source/hardware/amdvi.js';
import {Memory} from '../../../source/hardware/memory.js';
import {Vtd} from '../../../source/hardware/vtd.js';
import {seededRandom} from '../../../source/lab/build/random.js';
import {pciDevices} from '../../../source/live/qemu/devices.js';
import {findIommu, readUnit} from '../../../source/live/qemu/iommu.js';
import {QemuMachine} from '../../../source/live/qemu/machine.js';
import {GuestRam} from '../../../source/live/qemu/memory.js';
import {Qmp} from '../../../source/live/qemu/qmp.js';
import type {MachineState} from '../../../source/machine/observed.js';
import type {Mapping, Unit} from '../../../source/machine/tables.js';
import {folder} from '../../helpers/lab.js';
import {
	amdviDomains,
	type Leaf,
	type PlainDomain,
	type ReadWord,
	scalableDomains,
	vtdDomains,
} from '../../helpers/plain-walk.js';
import {CLI} from '../../helpers/program.js';
import {boot, FAULT_AT, findGuest, type MachineOptions, VTD, WIDTH} from '../../helpers/qemu.js';
import {until} from '../../helpers/until.js';

const guest = findGuest();
const options = {timeout: 240_000, skip: typeof guest === 'string' && guest};
const LARGE = 512 * PAGE_SIZE;

describe('the tables that Linux builds in QEMU', {concurrency: true}, () => {
	test(
		'VT-d: every domain is decoded without a wrong entry, and followed as it changes',
		options,
		async t => {
			const {booted, qmp, ram, unit, devices} = await bootedMachine(t, {...VTD, faults: true});
			assert.ok(unit.format === 'vt-d' && unit.enabled);
			const {table} = unit;
			assert.ok(table >= HIGH, 'the kernel takes its tables from above 4 GiB');
			const plain = await momentOf(qmp, () => vtdDomains(wordsOf(ram), BigInt(table), WIDTH), devices);
			await assertSameBytes(t, qmp, ram, [table, ...plain.map(({root}) => root)]);

			assertDecoded(ram, unit, plain);
			const model = new Vtd(copyOf(ram), unit);
			model.write32(REG.RTADDR, table % HIGH);
			model.write32(REG.RTADDR + 4, Math.floor(table / HIGH));
			model.write32(REG.GCMD, SRTP);
			model.write32(REG.GCMD, TE);
			assertTranslates(plain, model.translate.bind(model), write => (write ? FAULT.WRITE : FAULT.READ));
			assertAtWork(t, ram, plain, devices);

			await assertProgram(booted.other, plain);
			const machine = await openMachine(t, booted.other);
			assertObserved(machine, plain);
			await qmp.execute('cont');
			machine.watch(() => {});
			await assertComeAndGo(machine);
			await assertFaults(machine);
		},
	);

	test(
		'AMD-Vi: every domain is decoded without a wrong entry, and followed as it changes',
		options,
		async t => {
			const {booted, qmp, ram, unit, devices} = await bootedMachine(t, {
				iommu: 'amd-iommu,intremap=on',
				parameters: 'amd_iommu=force_isolation',
			});
			assert.ok(unit.format === 'amd-vi' && unit.enabled);
			const {table, bytes} = unit;
			const plain = await momentOf(qmp, () => amdviDomains(wordsOf(ram), BigInt(table), bytes), devices);
			await assertSameBytes(t, qmp, ram, [table, ...plain.map(({root}) => root)]);
			assertDecoded(ram, unit, plain);

			const model = new Amdvi(copyOf(ram));
			model.write32(amdvi.REG.DEVICE_TABLE, (table % HIGH) + bytes / PAGE_SIZE - 1);
			model.write32(amdvi.REG.DEVICE_TABLE + 4, Math.floor(table / HIGH));
			model.write32(amdvi.REG.CONTROL, amdvi.CONTROL.IOMMU_EN);
			assertTranslates(plain, model.translate.bind(model), (write, mapped) => {
				const flags = (write ? FLAG.RW : 0) | (mapped ? FLAG.PR | FLAG.PE : 0);
				return amdvi.refusal(amdvi.EVENT.IO_PAGE_FAULT, flags);
			});
			assertAtWork(t, ram, plain, devices);

			await assertProgram(booted.other, plain);
			const machine = await openMachine(t, booted.other);
			assertObserved(machine, plain);
			await qmp.execute('cont');
			machine.watch(() => {});
			await assertComeAndGo(machine);
		},
	);

	test('VT-d in scalable mode: every domain is found by its PASID', options, async t => {
		assert.ok(typeof guest !== 'string');
		const {iommu} = VTD;
		const scalable = {iommu: `${iommu},x-scalable-mode=on`, parameters: 'intel_iommu=on,sm_on'};
		const {booted, qmp, ram, unit} = await bootedMachine(t, scalable);
		assert.ok(unit.format === 'vt-d' && unit.ecapHi !== undefined);
		const {table} = unit;
		const plain = await momentOf(qmp, () => scalableDomains(wordsOf(ram), BigInt(table), WIDTH));
		assert.ok(plain.length >= 4);
		assertDecoded(ram, unit, plain);
		await assertProgram(booted.other, plain);
		assertObserved(await openMachine(t, booted.other), plain);
	});

	test(
		'memory that is in no file is read through the monitor; a QEMU that is killed leaves its last picture',
		options,
		async t => {
			assert.ok(typeof guest !== 'string');
			const {qmp: socket, other, process} = await boot(t, guest, {...VTD, shared: false, faults: true});
			const machine = await openMachine(t, other);
			assert.match(machine.state().notes?.[0] ?? '', /through QEMU’s monitor, which is slow/);
			machine.watch(() => {});
			await assertComeAndGo(machine);
			await assertFaults(machine);
			machine.close();

			const qmp = await Qmp.connect(socket);
			t.after(() => qmp.close());
			await qmp.execute('stop');
			const {unit} = machine.state();
			assert.ok(unit);
			const plain = await walkSaved(t, qmp, word => vtdDomains(word, BigInt(unit.table), WIDTH));
			const still = await openMachine(t, other);
			assertObserved(still, plain);

			const before = still.state();
			still.watch(() => {});
			process.kill('SIGKILL');
			const {lost, domains} = await until(still, state => state.lost);
			assert.match(lost?.why ?? '', /QEMU closed the connection|nothing is listening/);
			assert.equal(lost?.lastSeen, CLOCK);
			assert.deepEqual(domains, before.domains);
			const [access] = plain.filter(({leaves}) => leaves.length > 0);
			const walk = explainWalk(still.memory, still.state(), access.rids[0], access.leaves[0].iova, false);
			assert.equal(walk.end.kind === 'memory' && walk.end.hpa, access.leaves[0].hpa);
		},
	);
});

const CLOCK = '12:34:56';

async function openMachine(t: TestContext, socket: string): Promise<QemuMachine> {
	const machine = await QemuMachine.open(socket, {every: 50, clock: () => CLOCK});
	t.after(() => machine.close());
	return machine;
}

/** The machine has the domains of the plain walk, no other, with the same functions and mappings. */
function assertObserved(machine: QemuMachine, plain: readonly PlainDomain[]): void {
	const {domains, devices, owned} = machine.state();
	const byId = (a: {id: number}, b: {id: number}) => a.id - b.id;
	assert.deepEqual(
		domains.map(({id, root, levels, mappings}) => ({id, root, levels, mappings})),
		plain.toSorted(byId).map(({id, root, levels, leaves}) => ({id, root, levels, mappings: joined(leaves)})),
	);
	for (const domain of domains) {
		assert.equal(domain.role, 'os');
		const rids = devices.filter(device => device.domain === domain.id).map(({rid}) => rid);
		const expected = plain.find(({id}) => id === domain.id);
		assert.deepEqual(
			rids,
			expected?.rids.toSorted((a, b) => a - b),
		);
		const view = viewDomain(machine.memory, owned, domain);
		assert.equal(
			view.mappedPages,
			(expected?.leaves ?? []).reduce((sum, {bytes}) => sum + bytes, 0) / PAGE_SIZE,
		);
		assert.equal(view.removedPages, 0);
	}
}

/** The program itself, without a terminal. */
async function assertProgram(socket: string, plain: readonly PlainDomain[]): Promise<void> {
	const {stdout} = await promisify(execFile)(process.execPath, [CLI, 'qemu', socket, '--json'], {
		maxBuffer: 64 * 1024 * 1024,
	});
	const {domains} = JSON.parse(stdout);
	const pages = ({leaves}: PlainDomain) => leaves.reduce((sum, {bytes}) => sum + bytes, 0) / PAGE_SIZE;
	assert.deepEqual(
		domains.map(({id, mappedPages}: {id: number; mappedPages: number}) => [id, mappedPages]),
		plain.toSorted((a, b) => a.id - b.id).map(domain => [domain.id, pages(domain)]),
	);
}

/** What a disk maps for a read is there, and gone when the read is done. */
async function assertComeAndGo(machine: QemuMachine): Promise<void> {
	const rid = machine.state().devices.find(({name}) => name === 'nvme0')?.rid;
	const mapped = ({domains, devices}: MachineState) => {
		const id = devices.find(device => device.rid === rid)?.domain;
		return new Set(
			domains.find(domain => domain.id === id)?.mappings?.map(({iova, hpa}) => `${iova} ${hpa}`),
		);
	};
	const first = mapped(machine.state());
	// The driver keeps some of what it maps.
	const came = new Set<string>();
	await until(machine, state => {
		const now = mapped(state);
		for (const key of now) if (!first.has(key)) came.add(key);
		return [...came].some(key => !now.has(key));
	});
}

/** edu's reads and writes are refused, and explained. */
async function assertFaults(machine: QemuMachine): Promise<void> {
	const {faults, devices} = await until(
		machine,
		({faults}) => faults.some(({write}) => write) && faults.some(({write}) => !write),
	);
	const rid = devices.find(({name}) => name === 'edu0')?.rid;
	for (const fault of faults) {
		assert.deepEqual([fault.device, fault.rid, fault.recorded], ['edu0', rid, true]);
		assert.equal(fault.reason, fault.write ? FAULT.WRITE : FAULT.READ);
		const page = (fault.iova - FAULT_AT) / PAGE_SIZE;
		assert.ok(Number.isInteger(page) && page >= 0);
		assert.equal(page % 2 === 1, fault.write);
	}
	const [row] = coalesceFaults(faults);
	const {sentence, check} = explainFault(machine.memory, machine.state(), row);
	assert.match(
		sentence,
		/^edu0 \(0:\d+:0\) tried .*: its domain had no (read|writ)able mapping for the page\./,
	);
	assert.match(check, /^The driver never mapped that address for this device/);
}

async function bootedMachine(t: TestContext, options: MachineOptions) {
	assert.ok(typeof guest !== 'string');
	const booted = await boot(t, guest, options);
	const qmp = await Qmp.connect(booted.qmp);
	t.after(() => qmp.close());
	const ram = await GuestRam.open(qmp);
	t.after(() => ram.close());
	const unit = await readUnit(qmp, await findIommu(qmp));
	return {booted, qmp, ram, unit, devices: await pciDevices(qmp)};
}

/** A walk of a stopped machine, over pages that QEMU itself writes to files: as many rounds as there are levels. */
async function walkSaved(
	t: TestContext,
	qmp: Qmp,
	walk: (word: ReadWord) => PlainDomain[],
): Promise<PlainDomain[]> {
	const filename = path.join(folder(t), 'page');
	const pages = new Map<number, Buffer>();
	for (;;) {
		const missing = new Set<number>();
		const found = walk(address => {
			const page = pageOf(Number(address));
			const bytes = pages.get(page);
			if (bytes === undefined) missing.add(page);
			return bytes?.readBigUInt64LE(Number(address) - page) ?? 0n;
		});
		if (missing.size === 0) return found;
		for (const page of missing) {
			await qmp.execute('pmemsave', {val: page, size: PAGE_SIZE, filename});
			pages.set(page, fs.readFileSync(filename));
		}
	}
}

/**
 * Stops the machine at a moment when a read into large pages is under way, which is about every other: where a
 * buffer lies is the guest's to say.
 */
async function momentOf(
	qmp: Qmp,
	walk: () => PlainDomain[],
	devices: readonly {rid: number; name: string}[] = [],
): Promise<PlainDomain[]> {
	const nvme = devices.find(({name}) => name === 'nvme0')?.rid;
	const isAtWork = ({rids, leaves}: PlainDomain) =>
		nvme !== undefined && rids.includes(nvme) && leaves.length >= 128;
	for (let tries = 1; ; tries++) {
		await qmp.execute('stop');
		const plain = walk();
		const large = plain.some(({leaves}) => leaves.some(({bytes}) => bytes >= LARGE));
		if (tries === 50 || (large && (nvme === undefined || plain.some(isAtWork)))) return plain;
		await qmp.execute('cont');
		await setTimeout(200);
	}
}

function wordsOf(ram: GuestRam): ReadWord {
	const pages = new Map<number, DataView>();
	return address => {
		const page = pageOf(Number(address));
		let view = pages.get(page);
		if (view === undefined) {
			view = new DataView(new ArrayBuffer(PAGE_SIZE));
			assert.ok(ram.read(page, new Uint8Array(view.buffer)), `no memory at 0x${address.toString(16)}`);
			pages.set(page, view);
		}
		return view.getBigUint64(Number(address) - page, true);
	};
}

/** The file is read where the guest's memory is: what QEMU itself finds at these pages is the same. */
async function assertSameBytes(t: TestContext, qmp: Qmp, ram: GuestRam, pages: readonly number[]) {
	const filename = path.join(folder(t), 'page');
	const edges = ram.blocks.flatMap(({gpa, bytes}) => [gpa, gpa + bytes - PAGE_SIZE]);
	for (const page of [...pages, ...edges]) {
		await qmp.execute('pmemsave', {val: page, size: PAGE_SIZE, filename});
		const bytes = new Uint8Array(PAGE_SIZE);
		assert.ok(ram.read(page, bytes));
		assert.deepEqual(Buffer.from(bytes), fs.readFileSync(filename));
	}
}

/** The decoder finds each domain, no other, and in each the mappings that the plain walk has found. */
function assertDecoded(ram: GuestRam, unit: Unit, plain: readonly PlainDomain[]): void {
	const found = new Map<number, PlainDomain>();
	for (const domain of plain) for (const rid of domain.rids) found.set(rid, domain);
	for (let rid = 0; rid < 65536; rid++) {
		const start = startOf(ram, unit, rid);
		const tables = start.to === 'tables' ? [start.domain, start.root, start.levels] : [];
		const expected = found.get(rid);
		assert.deepEqual(tables, expected ? [expected.id, expected.root, expected.levels] : []);
	}
	for (const {root, levels, leaves} of plain) {
		assert.deepEqual(mappingsOf(ram, {format: unit.format, root, levels}), joined(leaves));
	}
}

/** Neighbouring leaves as one mapping, where both addresses and the permissions continue. */
function joined(leaves: readonly Leaf[]): Mapping[] {
	const runs: Leaf[] = [];
	for (const leaf of leaves) {
		const last = runs.at(-1);
		const continues =
			last !== undefined &&
			last.iova + last.bytes === leaf.iova &&
			last.hpa + last.bytes === leaf.hpa &&
			last.read === leaf.read &&
			last.write === leaf.write;
		if (continues) last.bytes += leaf.bytes;
		else runs.push({...leaf});
	}
	return runs.map(({bytes, ...run}) => ({...run, pages: bytes / PAGE_SIZE}));
}

/** The guest's memory where the unit's model can walk it. Most of it is zero, and stays untouched here too. */
function copyOf(ram: GuestRam): Memory {
	const last = ram.blocks[ram.blocks.length - 1];
	const end = last.gpa + last.bytes;
	// Memory ends its first part at 3 GiB, and goes on at 4 GiB.
	const memory = new Memory(end > HIGH ? end - GIB : end);
	const chunk = new Uint8Array(LARGE);
	const nothing = new Uint8Array(LARGE);
	for (const {gpa, bytes} of ram.blocks) {
		for (let at = 0; at < bytes; at += LARGE) {
			const part = chunk.subarray(0, Math.min(LARGE, bytes - at));
			assert.ok(ram.read(gpa + at, part));
			if (Buffer.compare(part, nothing) !== 0) memory.view(gpa + at, part.length).set(part);
		}
	}
	return memory;
}

/** What is written to 0xFEE00000–0xFEEFFFFF is an interrupt, and no table's affair. */
const isMessage = (iova: number): boolean => iova >= 0xfee00000 && iova < 0xfef00000;

/** The unit agrees at a place in every leaf, and refuses what lies beside them and far from them. */
function assertTranslates(
	plain: readonly PlainDomain[],
	translate: (rid: number, iova: number, write: boolean) => number,
	reasonOf: (write: boolean, mapped: boolean) => number,
): void {
	const random = seededRandom(1);
	for (const {rids, leaves, levels} of plain) {
		const rid = rids[Math.floor(random() * rids.length)];
		const inside = leaves.map(({iova, bytes}) => iova + Math.floor(random() * bytes));
		const beside = leaves.flatMap(({iova, bytes}) => [iova - 1, iova + bytes]);
		const reach = 2 ** Math.min(WIDTH, 12 + 9 * levels);
		const anywhere = Array.from({length: 500}, () => Math.floor(random() * reach));
		for (const iova of [...inside, ...beside, ...anywhere]) {
			if (iova < 0 || iova >= reach || isMessage(iova)) continue;
			const leaf = leaves.find(leaf => leaf.iova <= iova && iova < leaf.iova + leaf.bytes);
			for (const write of [false, true]) {
				const allowed = write ? leaf?.write : leaf?.read;
				const refused = -reasonOf(write, leaf !== undefined);
				const expected = leaf && allowed ? leaf.hpa + iova - leaf.iova : refused;
				assert.equal(translate(rid, iova, write), expected);
			}
		}
	}
}

/** What the devices were doing is in their tables, and lies in the guest's memory. */
function assertAtWork(
	t: TestContext,
	ram: GuestRam,
	plain: readonly PlainDomain[],
	devices: readonly {rid: number; name: string}[],
): void {
	for (const {hpa, bytes} of plain.flatMap(({leaves}) => leaves)) {
		assert.ok(ram.blocks.some(block => hpa >= block.gpa && hpa + bytes <= block.gpa + block.bytes));
	}
	const leavesOf = (name: string): Leaf[] => {
		const rid = devices.find(device => device.name === name)?.rid;
		const domain = plain.find(({rids}) => rid !== undefined && rids.includes(rid));
		assert.ok(domain, `${name} is in no domain`);
		const {id, levels, leaves} = domain;
		const pages = leaves.reduce((sum, {bytes}) => sum + bytes, 0) / PAGE_SIZE;
		const sizes = [...new Set(leaves.map(({bytes}) => bytes / 1024))].join(', ');
		t.diagnostic(
			`${name}: domain ${id}, ${levels} levels, ${leaves.length} leaves of ${sizes} KiB, ${pages} pages, ${joined(leaves).length} mappings`,
		);
		return leaves;
	};
	assert.ok(leavesOf('nvme0').length >= 128, 'a read of the NVMe disk is under way');
	assert.ok(
		leavesOf('vtblk0').some(({bytes}) => bytes === LARGE),
		'a read of the virtio disk is under way, in large pages',
	);
	assert.ok(leavesOf('em0').length >= 256, 'the network card has its receive buffers');
}
