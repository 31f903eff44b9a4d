import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {viewDomain} from '../../source/explain/ranges.js';
import {seededRandom} from '../../source/lab/build/random.js';
import {Lab} from '../../source/lab/lab.js';
import {type Command, POLICIES, type Policy} from '../../source/machine/command.js';
import type {Data, Path} from '../../source/machine/transfer.js';
import {errnoOf, UserError} from '../../source/user-error.js';
import {folder, MIB, openTestLab, randomImage, read, transfer} from '../helpers/lab.js';

const STORY: [Policy, string, number, Data, Path, number][] = [
	['remove', 'vm0', 1, 'lost', 'direct', 8],
	['remove', 'vm0', 4, 'delivered', 'bounced', 0],
	['remove', 'vm1', 1, 'delivered', 'direct', 0],
	['remove', 'vm1', 4, 'delivered', 'bounced', 0],
	['keep', 'vm0', 1, 'delivered', 'direct', 0],
	['keep', 'vm0', 4, 'delivered', 'bounced', 0],
	['keep', 'vm1', 1, 'delivered', 'direct', 0],
	['bounce', 'vm0', 1, 'delivered', 'bounced', 0],
	['bounce', 'vm0', 4, 'delivered', 'bounced', 0],
	['bounce', 'vm1', 1, 'delivered', 'bounced', 0],
];
for (const [policy, vm, segments, data, path, faults] of STORY) {
	test(`under ${policy}, ${vm} reads 8 pages in ${segments}: ${data}, ${path}`, t => {
		const lab = openTestLab(t, {policy});
		const done = read(lab, vm, {sectors: 64, segments});
		assert.deepEqual([done.data, done.path, done.faults], [data, path, faults]);
		const inGuest = lab.guestBytes(vm, lab.defaultGpa, 32768);
		const same = Buffer.compare(inGuest, lab.diskBytes('vm0', 0, 32768)) === 0;
		assert.equal(same, data === 'delivered');
		if (data === 'lost')
			assert.match(Buffer.from(inGuest).toString('latin1'), /^stale vm0 #\d+ 0x01000000 stale/);
	});
}

test('every layer of a lost read reports success; only the IOMMU and memory show the loss', t => {
	const {chain} = read(openTestLab(t), 'vm0');
	assert.deepEqual(
		chain.map(({place, trouble}) => [place, trouble]),
		[
			['guest', false],
			['bhyve', false],
			['preadv', false],
			['ahci', false],
			['HBA', false],
			['IOMMU', true],
			['memory', true],
		],
	);
	assert.match(chain[0].full, /status OK/);
	assert.match(chain[2].full, /returns 4,096 of 4,096/);
	assert.equal(chain[6].full, 'untouched');
});

const hostView = (lab: Lab) => {
	const state = lab.state();
	const host = state.domains.find(({role}) => role === 'host');
	assert.ok(host);
	return viewDomain(lab.memory, state.owned, host);
};

test('a new policy removes the pages from the host domain and returns them', t => {
	const lab = openTestLab(t);
	const total = (256 * MIB) / 4096;
	const guest = total / 4;
	for (const policy of ['remove', 'keep', 'bounce', 'remove', 'keep'] as const) {
		lab.dispatch({do: 'policy', policy});
		const {mappedPages, removedPages, ranges} = hostView(lab);
		assert.equal(removedPages, policy === 'keep' ? 0 : guest);
		assert.equal(mappedPages + removedPages, total);
		assert.deepEqual(
			[...new Set(ranges.filter(({read: r}) => !r).map(({owner}) => owner))],
			policy === 'keep' ? [] : ['vm0'],
		);
		const {domains, devices} = lab.state();
		assert.deepEqual(
			domains.map(({id, role, vm}) => [id, role, vm]),
			[
				[1, 'host', undefined],
				[2, 'guest', 'vm0'],
			],
		);
		assert.equal(devices.find(({name}) => name === 'ppt0')?.domain, 2);
		assert.equal(devices.find(({name}) => name === 'ahci0')?.domain, 1);
	}
});

test("the guest's table shows tens of runs", t => {
	const lab = openTestLab(t);
	const state = lab.state();
	const {ranges, mappedPages} = viewDomain(lab.memory, state.owned, state.domains[1]);
	assert.equal(mappedPages, 16384);
	assert.ok(ranges.length >= 10 && ranges.length < 100, `${ranges.length}`);
});

for (const policy of POLICIES) {
	test(`under ${policy}, ppt0 reaches its own VM's memory and nothing else`, t => {
		const lab = openTestLab(t, {policy, hostMemory: 64 * MIB});
		const owned = lab.state().owned;
		const others = owned.filter(({owner}) => owner !== 'vm0');
		const copies = others.map(({hpa, pages}) => copyOf(lab, hpa, pages));
		const guest = 16 * MIB;
		for (let gpa = 0; gpa < 80 * MIB; gpa += MIB / 2) {
			const {data, faults} = transfer(lab, {do: 'dma', device: 'ppt0', access: 'write', gpa, bytes: 4096});
			assert.deepEqual([data, faults], gpa < guest ? ['delivered', 0] : ['lost', 1], gpa.toString(16));
		}
		others.forEach(({hpa, pages}, i) => {
			assert.equal(Buffer.compare(copyOf(lab, hpa, pages), copies[i]), 0);
		});
		assert.equal(
			transfer(lab, {do: 'dma', device: 'ppt0', access: 'write', gpa: guest - 4096, bytes: 8192}).data,
			'torn',
		);
		assert.equal(
			transfer(lab, {do: 'dma', device: 'ppt0', access: 'read', gpa: guest - 4096, bytes: 4096}).data,
			'delivered',
		);
	});
}

function copyOf(lab: Lab, hpa: number, pages: number): Buffer {
	return Buffer.concat(
		Array.from({length: pages}, (_, i) =>
			Buffer.from(new Uint32Array(lab.memory.page(hpa + i * 4096) ?? []).buffer),
		),
	);
}

/** Thousands of reads at random places: guest memory equals the image. */
function readAtRandom(lab: Lab, content: Buffer, times: number): void {
	const random = seededRandom(42);
	const upTo = (n: number) => Math.floor(random() * n);
	const sectors = content.length / 512;
	for (let i = 0; i < times; i++) {
		const count = 1 + upTo(i % 50 === 0 ? 600 : 16);
		const lba = upTo(sectors - count);
		const gpa = 0x200000 + upTo(20000) * 512;
		const segments = 1 + upTo(Math.min(count, 4));
		const done = read(lab, i % 2 === 0 ? 'vm0' : 'vm1', {lba, sectors: count, segments, gpa});
		assert.equal(done.data, 'delivered');
		const there = lab.guestBytes(i % 2 === 0 ? 'vm0' : 'vm1', gpa, count * 512);
		assert.equal(Buffer.compare(there, content.subarray(lba * 512, (lba + count) * 512)), 0);
	}
}

test('under keep, every sector read equals the image, thousands of times', t => {
	const {file, content} = randomImage(t, 8 * MIB, 9);
	readAtRandom(openTestLab(t, {disk: file, policy: 'keep'}), content, 2500);
});

/** A real disk: partitions by sfdisk, a file system by mkfs.ext4 in the second. */
function realImage(t: TestContext): string | undefined {
	const file = path.join(folder(t), 'real.img');
	fs.writeFileSync(file, '');
	fs.truncateSync(file, 24 * MIB);
	const table = 'label: gpt\nsize=4M, type=U, name="esp"\ntype=L, name="root fs"\n';
	process.env.PATH += ':/usr/sbin:/sbin';
	try {
		execFileSync('sfdisk', ['-q', file], {input: table, stdio: ['pipe', 'ignore', 'pipe']});
		execFileSync('mkfs.ext4', ['-q', '-E', `offset=${5 * MIB}`, file, '16M'], {stdio: 'pipe'});
	} catch (error) {
		if (errnoOf(error) === 'ENOENT') return undefined;
		throw error;
	}
	return file;
}

test('an image by sfdisk and mkfs.ext4: the guest names its partitions, and reads it byte for byte', t => {
	const file = realImage(t);
	if (file === undefined) return t.skip('sfdisk or mkfs.ext4 is not installed');
	const lab = openTestLab(t, {disk: file, policy: 'keep'});
	assert.deepEqual(lab.state().vms[0].console.slice(-2), [
		'1: EFI System "esp", 4 MiB at LBA 2048',
		'2: Linux filesystem "root fs", 18 MiB at LBA 10240',
	]);
	readAtRandom(lab, fs.readFileSync(file), 500);
});

test('the same image behind a loop device', t => {
	const file = realImage(t);
	let device: string;
	try {
		device = execFileSync('losetup', ['--show', '-f', file ?? ''], {encoding: 'utf8', stdio: 'pipe'}).trim();
	} catch {
		return t.skip('no loop device can be had here');
	}
	t.after(() => execFileSync('losetup', ['-d', device]));
	const lab = openTestLab(t, {disk: device, policy: 'keep'});
	assert.match(lab.state().vms[0].console.join('\n'), /2: Linux filesystem "root fs"/);
	readAtRandom(lab, fs.readFileSync(file ?? ''), 500);
});

test('writes reach a writable disk, vanish silently if the page is removed, and harm no other sector', t => {
	const {file, content} = randomImage(t, MIB);
	const lab = openTestLab(t, {disk: file, writable: true});
	const write = (lba: number, segments: number) =>
		transfer(lab, {do: 'write', vm: 'vm0', lba, sectors: 16, segments, gpa: lab.defaultGpa});
	const lost = write(100, 1);
	assert.deepEqual([lost.data, write(200, 2).data], ['lost', 'delivered']);
	// Nothing was written, so neither way was taken.
	assert.equal(lost.chain.find(({place}) => place === 'HBA')?.full, 'no error; reports 8,192 bytes moved');
	lab.dispatch({do: 'policy', policy: 'keep'});
	const direct = write(300, 1);
	assert.deepEqual([direct.data, direct.path], ['delivered', 'direct']);
	const after = fs.readFileSync(file);
	const changed = Array.from({length: MIB / 512}, (_, lba) => lba).filter(
		lba =>
			Buffer.compare(
				after.subarray(lba * 512, lba * 512 + 512),
				content.subarray(lba * 512, lba * 512 + 512),
			) !== 0,
	);
	const run = (from: number) => Array.from({length: 16}, (_, i) => from + i);
	assert.deepEqual(changed, [...run(200), ...run(300)]);
});

test('a write of bytes that the disk already holds is not mistaken for a lost one', t => {
	const {file} = randomImage(t, MIB);
	const write = {do: 'write', vm: 'vm0', lba: 100, sectors: 8, segments: 1, gpa: 0x1000000} as const;
	const lab = openTestLab(t, {disk: file, writable: true, policy: 'keep'});
	assert.equal(transfer(lab, write).data, 'delivered');
	// A second lab counts its transfers anew, and so would write the same text.
	const second = new Lab({...lab.spec, policy: 'remove'}, {disk: lab.disk, sample: false});
	const {data, landed, faults} = transfer(second, write);
	assert.deepEqual([data, landed, faults], ['lost', 0, 1]);
});

test('a transfer without the alignment for O_DIRECT reports the page cache', t => {
	const lab = openTestLab(t, {policy: 'keep'});
	const hba = (gpa: number) => read(lab, 'vm0', {gpa}).chain.find(({place}) => place === 'HBA')?.full;
	assert.match(hba(0x1000002) ?? '', /through the page cache/);
	if (lab.state().disk?.direct) assert.match(hba(0x1000000) ?? '', /O_DIRECT/);
});

test('a buffer that leaves the guest shows the bytes inside', t => {
	const lab = openTestLab(t);
	assert.equal(lab.guestBytes('vm0', 64 * MIB - 4096, 8192).length, 4096);
	assert.equal(lab.guestBytes('vm0', 64 * MIB, 8192).length, 0);
});

test('a read-only disk refuses a write, and says how to allow it', t => {
	const lab = openTestLab(t);
	assert.throws(
		() => lab.dispatch({do: 'write', vm: 'vm0', lba: 0, sectors: 1, segments: 1, gpa: 0}),
		/--writable/,
	);
});

test('a disk that shrinks fails the read with a sentence, and the lab continues', t => {
	const {file} = randomImage(t, MIB);
	const lab = openTestLab(t, {disk: file, policy: 'keep'});
	fs.truncateSync(file, 4096);
	const done = read(lab, 'vm0', {lba: 4, sectors: 16});
	assert.deepEqual([done.data, done.landed], ['failed', 2048]);
	assert.match(done.note ?? '', /the disk ended after 2048 of 8192 bytes/);
	assert.equal(read(lab, 'vm0', {lba: 0, sectors: 8}).data, 'delivered');
	assert.equal(lab.diskBytes('vm0', 0, 8192).length, 4096);
});

test('a read across the end of the disk is cut there, as in GEOM, with a note', t => {
	const {file} = randomImage(t, MIB);
	const lab = openTestLab(t, {disk: file, policy: 'keep'});
	const across = read(lab, 'vm1', {lba: 2040, sectors: 16});
	assert.deepEqual([across.data, across.landed], ['torn', 4096]);
	assert.match(across.note ?? '', /past the end of the disk at 2048 sectors/);
	assert.equal(read(lab, 'vm1', {lba: 5000}).data, 'failed');
});

test('a buffer outside the guest fails; with several segments the device stops until its driver resets it', t => {
	const lab = openTestLab(t, {policy: 'keep'});
	assert.equal(read(lab, 'vm0', {gpa: 64 * MIB}).data, 'failed');
	const stopped = read(lab, 'vm0', {gpa: 64 * MIB, segments: 2});
	assert.equal(stopped.data, 'failed');
	assert.match(
		stopped.note ?? '',
		/vm0 virtio-blk stopped: nothing is mapped at 0x0; bhyve would have crashed/,
	);
	assert.equal(read(lab, 'vm0').data, 'delivered');
});

test('a command from a form is refused with a sentence that names the wrong field', t => {
	const lab = openTestLab(t);
	const before = lab.state();
	const good = {do: 'read', vm: 'vm0', lba: 0, sectors: 8, segments: 1, gpa: 0x1000000} as const;
	for (const wrong of [
		{lba: -1},
		{lba: 0.5},
		{sectors: 0},
		{sectors: 1e9},
		{segments: 9},
		{gpa: 1},
		{gpa: Number.NaN},
	]) {
		const [field] = Object.keys(wrong);
		assert.throws(
			() => lab.check({...good, ...wrong}),
			(error: unknown) => error instanceof UserError && error.message.startsWith(`${field} is `),
		);
	}
	lab.check(good);
	lab.check({do: 'dma', device: 'ppt9', access: 'write', gpa: 0, bytes: 1});
	assert.throws(() => lab.check({do: 'work', count: 0}), /count is 0; expected an integer from 1 to 10000/);
	assert.equal(lab.state(), before);
});

test('a command that makes no sense at this moment is refused with a sentence, and nothing happens', t => {
	const lab = openTestLab(t);
	const before = lab.state();
	const none = {lba: 0, sectors: 8, segments: 1, gpa: 0x1000000};
	const guest = lab.spec.guests[1];
	for (const [command, message] of [
		[{do: 'read', vm: 'vm9', ...none}, /^Unknown guest vm9; use vm0 or vm1\. Did you mean vm0\?$/],
		[
			{do: 'read', vm: 'vm0', ...none, gpa: 0x80000},
			/^gpa 0x00080000 overlaps the guest driver's own memory/,
		],
		[{do: 'write', vm: 'vm0', ...none}, /open read-only/],
		[{do: 'work', count: 1, writes: 1}, /open read-only/],
		[{do: 'boot', vm: 'vm9'}, /^Unknown guest vm9/],
		[
			{do: 'dma', device: 'ppt9', access: 'write', gpa: 0, bytes: 1},
			/^Unknown device ppt9; use xhci0, em0, ahci0 or ppt0\./,
		],
		[{do: 'dma', device: '9:0:0', access: 'write', gpa: 0, bytes: 1}, /^There is no function at 9:0:0\.$/],
		[{do: 'bind', vm: 'vm1', device: 'ppt9'}, /^Unknown device ppt9/],
		[{do: 'create', ...guest}, /^Guest vm1 exists/],
		[{do: 'create', ...guest, name: 'vm2', passthru: ['ppt9']}, /^Unknown device ppt9/],
		[{do: 'plug', device: 'em0', rid: '5:0:0'}, /^Device em0 exists/],
		[{do: 'plug', device: 'em1', rid: '4:0:0'}, /^There is a function at 4:0:0/],
		[{do: 'attach', device: 'ahci0'}, /^ahci0 carries ada0 and stays with the host\.$/],
		[
			{do: 'unmap', from: 'host', vm: 'vm1', gpa: 64 * MIB, pages: 1, invalidate: true},
			/^vm1 does not have 1 page at/,
		],
	] satisfies [Command, RegExp][])
		assert.throws(() => lab.dispatch(command), {constructor: UserError, message});
	assert.equal(lab.state(), before);
	assert.deepEqual(
		lab.state().vms.map(({name}) => name),
		['vm0', 'vm1'],
	);
});

test('a host with memory above 4 GiB: high guest memory is mapped and read', t => {
	const lab = openTestLab(t, {policy: 'keep', hostMemory: 16 * 1024 * MIB});
	const high = read(lab, 'vm0', {gpa: 4 * 1024 * MIB + 0x1000});
	assert.deepEqual([high.data, high.path], ['delivered', 'direct']);
	assert.equal(read(lab, 'vm0', {gpa: 3 * 1024 * MIB}).data, 'failed');
	lab.dispatch({do: 'policy', policy: 'remove'});
	assert.equal(read(lab, 'vm0', {gpa: 4 * 1024 * MIB + 0x1000}).data, 'lost');
});
