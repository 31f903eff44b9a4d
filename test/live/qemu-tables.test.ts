// The tables that a Linux kernel builds for its devices, in QEMU: decoded by the code that draws the lab's, and held
// against a plain walk (helpers/plain-walk.ts) and against the unit's model put over the same memory.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {describe, type TestContext, test} from 'node:test';
import {setTimeout} from 'node:timers/promises';
import {GIB, HIGH, PAGE_SIZE, pageOf} from '../../source/formats/address.js';
import * as amdvi from '../../source/formats/amdvi.js';
import {FLAG} from '../../source/formats/amdvi.js';
import {FAULT, REG, SRTP, TE} from '../../source/formats/vtd.js';
import {Amdvi} from '../../source/hardware/amdvi.js';
import {Memory} from '../../source/hardware/memory.js';
import {Vtd} from '../../source/hardware/vtd.js';
import {seededRandom} from '../../source/lab/random.js';
import {GuestRam} from '../../source/live/guest-ram.js';
import {pciDevices} from '../../source/live/qemu-devices.js';
import {findIommu} from '../../source/live/qemu-iommu.js';
import {Qmp} from '../../source/live/qmp.js';
import {contextOf, deviceEntryOf} from '../../source/seam/contexts.js';
import {type Mapping, mappingsOf} from '../../source/seam/mappings.js';
import type {Domain} from '../../source/seam/observed.js';
import {folder} from '../helpers/lab.js';
import {amdviDomains, type Leaf, type PlainDomain, type ReadWord, vtdDomains} from '../helpers/plain-walk.js';
import {boot, findGuest, type MachineOptions} from '../helpers/qemu.js';

const guest = findGuest();
const options = {timeout: 150_000, skip: typeof guest === 'string' && guest};
const WIDTH = 48;
const LARGE = 512 * PAGE_SIZE;

describe('the tables that Linux builds in QEMU', {concurrency: true}, () => {
	test('VT-d: every domain is decoded without a wrong entry', options, async t => {
		const {qmp, ram, iommu, devices} = await bootedMachine(t, {
			iommu: `intel-iommu,intremap=on,aw-bits=${WIDTH}`,
			parameters: 'intel_iommu=on',
		});
		assert.ok(iommu.format === 'vt-d' && iommu.enabled);
		const {rootTable} = iommu;
		assert.ok(rootTable >= HIGH, 'the kernel takes its tables from above 4 GiB');
		const plain = await momentOf(qmp, () => vtdDomains(wordsOf(ram), BigInt(rootTable), WIDTH));
		await assertSameBytes(t, qmp, ram, [rootTable, ...plain.map(({root}) => root)]);

		assertDecoded(ram, 'vt-d', plain, rid => contextOf(ram, rootTable, rid));
		const unit = new Vtd(copyOf(ram), {...iommu, hostAddressWidth: WIDTH});
		unit.write32(REG.RTADDR, rootTable % HIGH);
		unit.write32(REG.RTADDR + 4, Math.floor(rootTable / HIGH));
		unit.write32(REG.GCMD, SRTP);
		unit.write32(REG.GCMD, TE);
		assertTranslates(plain, unit.translate.bind(unit), write => (write ? FAULT.WRITE : FAULT.READ));
		assertAtWork(t, ram, plain, devices);
	});

	test('AMD-Vi: every domain is decoded without a wrong entry', options, async t => {
		const {qmp, ram, iommu, devices} = await bootedMachine(t, {
			iommu: 'amd-iommu,intremap=on',
			parameters: 'amd_iommu=force_isolation',
		});
		assert.ok(iommu.format === 'amd-vi' && iommu.enabled);
		const {deviceTable, deviceTableBytes} = iommu;
		const walk = () => amdviDomains(wordsOf(ram), BigInt(deviceTable), deviceTableBytes);
		const plain = await momentOf(qmp, walk);
		await assertSameBytes(t, qmp, ram, [deviceTable, ...plain.map(({root}) => root)]);
		assertDecoded(ram, 'amd-vi', plain, rid => {
			const entry = deviceEntryOf(ram, deviceTable, deviceTableBytes, rid);
			return entry?.reach === 'tables' ? entry : undefined;
		});

		const unit = new Amdvi(copyOf(ram));
		unit.write32(amdvi.REG.DEVICE_TABLE, (deviceTable % HIGH) + deviceTableBytes / PAGE_SIZE - 1);
		unit.write32(amdvi.REG.DEVICE_TABLE + 4, Math.floor(deviceTable / HIGH));
		unit.write32(amdvi.REG.CONTROL, amdvi.CONTROL.IOMMU_EN);
		assertTranslates(plain, unit.translate.bind(unit), (write, mapped) => {
			const flags = (write ? FLAG.RW : 0) | (mapped ? FLAG.PR | FLAG.PE : 0);
			return amdvi.refusal(amdvi.EVENT.IO_PAGE_FAULT, flags);
		});
		assertAtWork(t, ram, plain, devices);
	});
});

async function bootedMachine(t: TestContext, options: MachineOptions) {
	assert.ok(typeof guest !== 'string');
	const qmp = await Qmp.connect(await boot(t, guest, options));
	t.after(() => qmp.close());
	const ram = await GuestRam.open(qmp);
	t.after(() => ram.close());
	return {qmp, ram, iommu: await findIommu(qmp), devices: await pciDevices(qmp)};
}

/**
 * Stops the machine at a moment when a read into large pages is under way, which is about every other: where a
 * buffer lies is the guest's to say.
 */
async function momentOf(qmp: Qmp, walk: () => PlainDomain[]): Promise<PlainDomain[]> {
	for (let tries = 1; ; tries++) {
		await qmp.execute('stop');
		const plain = walk();
		if (tries === 50 || plain.some(({leaves}) => leaves.some(({bytes}) => bytes >= LARGE))) return plain;
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
function assertDecoded(
	ram: GuestRam,
	format: Domain['format'],
	plain: readonly PlainDomain[],
	entryOf: (rid: number) => {domain: number; root: number; levels: number} | undefined,
): void {
	const found = new Map<number, PlainDomain>();
	for (const domain of plain) for (const rid of domain.rids) found.set(rid, domain);
	for (let rid = 0; rid < 65536; rid++) {
		const entry = entryOf(rid);
		const expected = found.get(rid);
		assert.equal(entry?.domain, expected?.id);
		assert.equal(entry?.root, expected?.root);
		assert.equal(entry?.levels, expected?.levels);
	}
	for (const {root, levels, leaves} of plain) {
		assert.deepEqual(mappingsOf(ram, {format, root, levels}), joined(leaves));
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
