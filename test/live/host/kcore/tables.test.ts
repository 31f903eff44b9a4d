// A host's tables out of a core file that is made here: what is found, what is refused, and what is left out while it changes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import fc from 'fast-check';
import {explainWalk} from '../../../../source/explain/walk.js';
import {captureHost, treeAt} from '../../../../source/live/host/capture.js';
import {HostTables} from '../../../../source/live/host/kcore/host-tables.js';
import {Kcore, KcoreError} from '../../../../source/live/host/kcore/kcore.js';
import {openTables} from '../../../../source/live/host/kcore/open-tables.js';
import {SAVED_TABLES, tablesFrom} from '../../../../source/live/host/kcore/saved-tables.js';
import type {TableSource} from '../../../../source/live/host/kcore/table-source.js';
import {openHost} from '../../../../source/live/host/open.js';
import {EMPTY_STATE} from '../../../../source/live/observation.js';
import type {LiveMemory} from '../../../../source/live/tables/table-pages.js';
import {UserError} from '../../../../source/user-error.js';
import {btf, CONTEXT, FakeKernel, LEVEL1, LEVEL2, ROOT_TABLE, TOP} from '../../../helpers/fake-kernel.js';
import {fuzz} from '../../../helpers/fuzz.js';
import {group, hostOf, type Machine, pci, VTD} from '../../../helpers/host-tree.js';
import {folder} from '../../../helpers/lab.js';

const MACHINE: Machine = {
	'/proc/1/': '',
	'/proc/7/comm': 'qemu\n',
	'/proc/7/cmdline': 'qemu\0-name\0guest=web\0',
	'/proc/7/fd/3': {to: '/dev/vfio/1'},
	...VTD,
	...group(1),
	...pci('0000:00:02.0', {driver: 'vfio-pci', group: 1}),
};
const MAPPINGS = [
	{iova: 0x100000, hpa: 0x5000, pages: 1, read: true, write: true},
	{iova: 0x200000, hpa: 0x200000, pages: 512, read: true, write: false},
];
const now = () => 0;

async function opened(t: TestContext, kernel: FakeKernel, hidden = false): Promise<HostTables> {
	const tables = await openTables(now, kernel.write(hidden));
	assert.ok(tables instanceof HostTables, 'how' in tables ? tables.how : '');
	t.after(() => tables.close());
	return tables;
}

for (const hidden of [false, true])
	test(`the domains of a core${hidden ? ', its symbols from VMCOREINFO' : ''}`, async t => {
		const tables = await opened(t, new FakeKernel(folder(t)), hidden);
		const host = await hostOf(MACHINE);
		const {domains, devices, unit, owned} = await tables.look(host);
		assert.deepEqual(
			domains.map(({id, vm, root, levels, mappings}) => ({id, vm, root, levels, mappings})),
			[{id: 3, vm: 'web', root: TOP, levels: 4, mappings: MAPPINGS}],
		);
		assert.deepEqual(devices, [
			{rid: 0x10, name: '00:02.0', driver: 'vfio-pci', domain: 3, untranslated: false, vm: 'web'},
		]);
		assert.deepEqual(owned, [{hpa: 0, pages: 256, owner: ''}]);
		assert.partialDeepStrictEqual(unit, {
			format: 'vt-d',
			enabled: true,
			table: ROOT_TABLE,
			hostAddressWidth: 39,
		});
		const state = {...EMPTY_STATE, unit, domains, devices, owned, writer: 'this host'};
		const {steps, end} = explainWalk(tables.memory, state, 0x10, 0x100abc, true);
		assert.equal(steps.length, 6);
		assert.equal(end.kind === 'memory' && end.hpa, 0x5abc);
		// No other page of memory is shown.
		assert.equal(tables.memory.page(0x5000), undefined);
	});

test('a changed entry is seen at the next look; an unchanged domain stays the same object', async t => {
	const kernel = new FakeKernel(folder(t));
	const tables = await opened(t, kernel);
	const host = await hostOf(MACHINE);
	const [first] = (await tables.look(host)).domains;
	assert.equal((await tables.look(host)).domains[0], first);
	kernel.word(LEVEL1 + 8 * 0x101, 0x9003n);
	kernel.write();
	const [second] = (await tables.look(host)).domains;
	assert.notEqual(second, first);
	assert.equal(second.mappings?.length, 3);
});

test('what cannot be read is a sentence with its cure', async t => {
	const gap = async (spoil: (kernel: FakeKernel) => void) => {
		const kernel = new FakeKernel(folder(t));
		kernel.write();
		spoil(kernel);
		const found = await openTables(now, kernel.files);
		assert.ok(!(found instanceof HostTables));
		return found.how;
	};
	assert.match(await gap(({files}) => fs.rmSync(files.kcore)), /not in a container.*CONFIG_PROC_KCORE/);
	assert.match(await gap(({files}) => fs.rmSync(files.btf)), /CONFIG_DEBUG_INFO_BTF=y/);
	// A container has /dev/null in its place.
	assert.match(await gap(({files}) => fs.writeFileSync(files.kcore, '')), /not a 64-bit ELF file/);
	assert.match(await gap(({files}) => fs.writeFileSync(files.btf, 'x')), /unknown format/);
	const {files} = new FakeKernel(folder(t));
	assert.match(await gap(kernel => Object.assign(kernel.files, {kcore: files.kcore})), /CONFIG_PROC_KCORE/);
});

test('a list without an end, a pointer into nowhere and a missing member are refused', async t => {
	const refused = async (spoil: (kernel: FakeKernel) => void, pattern: RegExp) => {
		const kernel = new FakeKernel(folder(t));
		spoil(kernel);
		const tables = await opened(t, kernel);
		await assert.rejects(
			tables.look(await hostOf(MACHINE)),
			error => error instanceof KcoreError && pattern.test(error.message),
		);
	};
	// The entry leads to itself.
	await refused(kernel => kernel.word(0x2010, 0xffff_8880_0000_2010n), /dmar_drhd_units has no end/);
	await refused(kernel => kernel.word(0x2010, 0n), /has no end/);
	await refused(kernel => kernel.word(0x2030, 0x1234n), /no memory at 0x/);
	await refused(kernel => kernel.word(0x3078, 0xffff_8880_0001_0008n), /not a page/);
	const kernel = new FakeKernel(folder(t));
	kernel.write();
	fs.writeFileSync(kernel.files.btf, btf({dmar_drhd_unit: {list: 16, segment: 44, iommu: 48}}));
	const tables = await openTables(now, kernel.files);
	assert.ok(tables instanceof HostTables);
	await assert.rejects(tables.look(await hostOf(MACHINE)), /this kernel has no intel_iommu/);
});

/** The core's memory, with something that happens after so many reads of a page. */
async function changing(t: TestContext, events: Record<string, (kernel: FakeKernel) => void>) {
	const kernel = new FakeKernel(folder(t));
	const core = Kcore.open(kernel.write().kcore);
	t.after(() => core.close());
	const counts = new Map<number, number>();
	const memory: LiveMemory = {
		guarded: true,
		page: () => undefined,
		readPage: (hpa, words) => {
			const bytes = kernel.memory.subarray(hpa, hpa + 4096);
			const isMemory = hpa >= 0 && hpa + 4096 <= kernel.memory.length;
			if (isMemory) for (let i = 0; i < 1024; i++) words[i] = bytes.readUInt32LE(4 * i);
			const count = (counts.get(hpa) ?? 0) + 1;
			counts.set(hpa, count);
			events[`${hpa} ${count}`]?.(kernel);
			return isMemory;
		},
	};
	const unit = {
		format: 'vt-d' as const,
		enabled: true,
		table: ROOT_TABLE,
		capLo: 0x222f0606,
		capHi: 0xd2008c,
		ecapLo: 0xf00f4a,
		hostAddressWidth: 39,
	};
	const source: TableSource = {
		memory,
		ranges: core.ranges,
		width: 39,
		units: () => ({units: [{unit, name: 'dmar0', segment: 0}], eventLogs: []}),
		close: () => {},
	};
	return new HostTables(source, now);
}

test('a table that is freed while it is read is left out, and looked at again', async t => {
	const host = await hostOf(MACHINE);
	// After the table has led to its child the kernel takes it away, and uses it for something else.
	const tables = await changing(t, {
		[`${LEVEL2} 1`]: kernel => {
			kernel.word(LEVEL2, 0n);
			kernel.word(LEVEL1 + 8, 0x7003n);
		},
		[`${LEVEL2} 3`]: kernel => kernel.word(LEVEL2, BigInt(LEVEL1 | 3)),
	});
	assert.deepEqual((await tables.look(host)).domains[0].mappings, [MAPPINGS[1]]);
	await tables.look(host);
	const again = (await tables.look(host)).domains[0].mappings;
	assert.ok(again?.some(({iova}) => iova === 0x100000));
});

test('a page with bits that no entry has is no table', async t => {
	const tables = await changing(t, {
		[`${LEVEL2} 1`]: kernel => kernel.word(LEVEL1 + 8, 0x0000_0f00_0000_0003n),
	});
	assert.deepEqual((await tables.look(await hostOf(MACHINE))).domains[0].mappings, [MAPPINGS[1]]);
});

test('a beginning that changes meanwhile is thrown away, and read again', async t => {
	let moved = 0;
	const tables = await changing(t, {
		[`${TOP} 1`]: kernel => {
			moved++;
			kernel.word(CONTEXT + 16 * 0x10 + 8, 0x402n);
		},
	});
	const {domains} = await tables.look(await hostOf(MACHINE));
	assert.equal(moved, 1);
	assert.deepEqual(
		domains.map(({id}) => id),
		[4],
	);
});

test('tables that lead back to themselves end', async t => {
	const kernel = new FakeKernel(folder(t));
	kernel.word(LEVEL2, BigInt(LEVEL2 | 3));
	for (let i = 0; i < 512; i++) kernel.word(TOP + 8 * i, BigInt(TOP | 3));
	const {domains, notes} = await (await opened(t, kernel)).look(await hostOf(MACHINE));
	assert.deepEqual(domains[0].mappings, []);
	assert.match(notes.join(), /more than 65,536 tables, or a table that leads back to itself/);
});

test('a capture takes the tables along where it is asked to, and shows them', async t => {
	const kernel = new FakeKernel(folder(t));
	const tables = await opened(t, kernel);
	const live = await tables.look(await hostOf(MACHINE));
	const saved = tables.save();
	const source = tablesFrom(saved);
	const again = await new HostTables(source, now).look(await hostOf(MACHINE));
	assert.deepEqual(again.domains, live.domains);
	assert.deepEqual(again.unit, live.unit);
	// In a folder, as a capture is unpacked.
	const place = folder(t);
	const at = path.join(place, SAVED_TABLES);
	fs.mkdirSync(path.dirname(at), {recursive: true});
	fs.writeFileSync(at, saved);
	fs.mkdirSync(path.join(place, 'sys/bus/pci/devices/0000:00:02.0'), {recursive: true});
	fs.mkdirSync(path.join(place, 'sys/class/iommu/dmar0'), {recursive: true});
	const machine = await openHost({root: place, trace: false});
	t.after(() => machine.close());
	assert.equal(machine.state().domains[0].mappings?.length, 2);
	assert.match(machine.state().host?.tables.join() ?? '', /^domain 3 {2}513 pages mapped/);
	const file = path.join(place, 'with.tar');
	await captureHost(place, file, false, () => {}, true);
	assert.equal(treeAt(file)().read(SAVED_TABLES, 1 << 20), saved);
	await captureHost(place, path.join(place, 'without.tar'), false, () => {});
	assert.equal(treeAt(path.join(place, 'without.tar'))().kind(SAVED_TABLES), undefined);
	for (const wrong of [
		'',
		'{}',
		saved.slice(0, 100),
		saved.replace('"version":1', '"version":2'),
		saved.replace(/\n.*/, '\n!!'),
	])
		assert.throws(
			() => tablesFrom(wrong),
			error => error instanceof UserError && /tables are damaged/.test(error.message),
		);
});

test('a core, BTF and symbols of any bytes come to tables or to a sentence', async t => {
	const kernel = new FakeKernel(folder(t));
	kernel.write();
	const names = ['kcore', 'btf', 'symbols'] as const;
	const whole = Object.fromEntries(names.map(name => [name, fs.readFileSync(kernel.files[name])]));
	const host = await hostOf(MACHINE);
	await fc.assert(
		fc.asyncProperty(
			fc.constantFrom(...names),
			fc.array(fc.tuple(fc.nat(), fc.nat(255)), {minLength: 1, maxLength: 8}),
			fc.boolean(),
			async (name, changes, atHead) => {
				const bytes = Buffer.from(whole[name]);
				const range = atHead ? Math.min(2048, bytes.length) : bytes.length;
				for (const [at, value] of changes) bytes[at % range] = value;
				fs.writeFileSync(kernel.files[name], bytes);
				const tables = await openTables(now, kernel.files);
				if (tables instanceof HostTables) {
					await tables
						.look(host)
						.catch((error: unknown) => assert.ok(error instanceof KcoreError, String(error)));
					tables.close();
				} else assert.match(tables.how, /\S/);
				fs.writeFileSync(kernel.files[name], whole[name]);
			},
		),
		fuzz(200, 16),
	);
});
