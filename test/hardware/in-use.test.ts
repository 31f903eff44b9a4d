import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {BlockDevices, placeOf} from '../../source/hardware/block-device.js';
import {Disk} from '../../source/hardware/disk.js';
import {diskUsers} from '../../source/hardware/disk-users.js';
import {DiskGraph, lockForWriting, refuseIfInUse} from '../../source/hardware/in-use.js';
import {type Libc, libc} from '../../source/system/libc.js';
import {folder, randomImage} from '../helpers/lab.js';
import {Loops, run} from '../helpers/loops.js';
import {refusal} from '../helpers/refusal.js';

const LOCKER = path.resolve(import.meta.dirname, '../helpers/locker.mjs');
const writable = (file: string): string => refusal(file, {writable: true});

/** A program that has locked a file, until the test ends it. */
async function lockedBy(t: TestContext, file: string, kind: string): Promise<() => Promise<void>> {
	const child = spawn(process.execPath, [LOCKER, file, kind], {stdio: ['pipe', 'pipe', 'inherit']});
	const exit = once(child, 'exit');
	const end = async () => {
		child.stdin.end();
		await exit;
	};
	t.after(end);
	const [report] = await once(child.stdout, 'data');
	assert.equal(String(report), 'granted\n');
	return end;
}

/** What another program hears that tries a lock now. */
const tryLock = (file: string, kind: string): string =>
	spawnSync(process.execPath, [LOCKER, file, kind], {encoding: 'utf8', input: ''}).stdout.trim();

for (const [kind, who] of [
	[
		'qemu',
		/^--disk \S+ is locked by another program, such as QEMU or dmascope; end that program first, or leave --writable out\.$/,
	],
	['qemu-reader', /is locked by another program/],
	['posix', /is locked by node \(process \d+\)/],
	['flock', /is locked by node \(process \d+\)/],
	['shared', /is locked by node \(process \d+\)/],
	['lease', /is locked by node \(process \d+\)/],
] as const) {
	test(`an image is not written while another program has it locked: ${kind}`, async t => {
		const {file} = randomImage(t, 8192);
		const end = await lockedBy(t, file, kind);
		assert.match(writable(file), who);
		assert.equal(refusal(file), '');
		assert.equal(refusal(file, {overlay: true}), '');
		await end();
		assert.equal(writable(file), '');
	});
}

test('a writable disk is locked as QEMU locks it until it is closed; one that is only read is not', t => {
	const {file} = randomImage(t, 8192);
	const reader = Disk.open(file);
	const overlay = Disk.open(file, {overlay: true});
	t.after(() => reader.close());
	t.after(() => overlay.close());
	assert.equal(tryLock(file, 'try-qemu'), 'granted');
	const disk = Disk.open(file, {writable: true});
	for (const kind of ['try-qemu', 'flock', 'posix']) assert.equal(tryLock(file, kind), 'refused', kind);
	assert.match(writable(file), /is locked by another program, such as QEMU or dmascope/);
	assert.equal(refusal(file), '');
	disk.close();
	for (const kind of ['try-qemu', 'flock', 'posix']) assert.equal(tryLock(file, kind), 'granted', kind);
});

test('an image that another program has open for writing is not written; one that is read is', t => {
	const {file} = randomImage(t, 8192);
	const reader = fs.openSync(file, 'r');
	assert.equal(writable(file), '');
	const writer = fs.openSync(file, 'r+');
	assert.match(writable(file), /is open for writing in another program; end that program first, or leave/);
	fs.closeSync(writer);
	fs.closeSync(reader);
	assert.equal(writable(file), '');
});

test('a disk that is replaced between the check and the opening is refused', t => {
	const {file} = randomImage(t, 8192);
	const other = randomImage(t, 8192).file;
	const place = refuseIfInUse(file);
	fs.renameSync(other, file);
	const fd = fs.openSync(file, 'r+');
	t.after(() => fs.closeSync(fd));
	assert.throws(() => lockForWriting(file, fd, place), /was replaced while dmascope opened it/);
	assert.equal(tryLock(file, 'try-qemu'), 'granted');
});

test('a lock that comes between the check and the opening is found on the open disk', async t => {
	const {file} = randomImage(t, 8192);
	const place = refuseIfInUse(file);
	await lockedBy(t, file, 'qemu');
	const fd = fs.openSync(file, 'r+');
	t.after(() => fs.closeSync(fd));
	assert.throws(() => lockForWriting(file, fd, place), /is locked by another program/);
});

test('a mounted loop device and the image behind it are not written', t => {
	const loops = Loops.on(t);
	if (loops === undefined) return;
	const image = loops.image('fs.img');
	const device = loops.loop(image);
	assert.equal(
		writable(image),
		`--disk ${image} is the backing file of ${device}; detach it first (losetup -d ${device}), or leave --writable out.`,
	);
	assert.equal(writable(device), '');
	const at = loops.mount(device);
	assert.equal(
		writable(device),
		`--disk ${device} is mounted at ${at}; unmount it first, or leave --writable out.`,
	);
	assert.equal(
		writable(image),
		`--disk ${image} is the backing file of ${device}, which is mounted at ${at}; unmount it first, or leave --writable out.`,
	);
	assert.equal(refusal(device), '');
	assert.equal(refusal(image, {overlay: true}), '');
});

test('a loop device behind a mounted one, with an offset or without, is not written, nor is its image', t => {
	for (const options of [[], ['-o', '1048576']]) {
		const loops = Loops.on(t);
		if (loops === undefined) return;
		const image = loops.image('fs.img');
		const first = loops.loop(image);
		const second = loops.loop(first, ...options);
		const at = loops.mount(second);
		const mounted = `is the backing device of ${second}, which is mounted at ${at};`;
		assert.ok(writable(first).startsWith(`--disk ${first} ${mounted}`), writable(first));
		assert.ok(
			writable(image).startsWith(`--disk ${image} is the backing file of ${first}, which ${mounted}`),
		);
	}
});

test('a second loop device on an image is not written while the first is mounted', t => {
	const loops = Loops.on(t);
	if (loops === undefined) return;
	const image = loops.image('fs.img');
	const first = loops.loop(image);
	const at = loops.mount(first);
	const second = loops.loop(image);
	const why = `is backed by ${image}, which is the backing file of ${first}, which is mounted at ${at};`;
	assert.ok(writable(second).startsWith(`--disk ${second} ${why}`), writable(second));
	const third = loops.loop(second);
	assert.ok(
		writable(third).startsWith(`--disk ${third} is backed by ${second}, which ${why}`),
		writable(third),
	);
});

test('an image whose loop device has lost its path is found by its inode', t => {
	const loops = Loops.on(t);
	if (loops === undefined) return;
	const image = loops.image('fs.img');
	const other = loops.path('other.img');
	fs.linkSync(image, other);
	const device = loops.loop(image);
	fs.unlinkSync(image);
	assert.match(run('losetup', '-n', '-O', 'BACK-FILE', device), /\(deleted\)/);
	assert.match(writable(other), new RegExp(`is the backing file of ${device};`));
	const same = loops.image('fs.img');
	assert.equal(writable(same), '');
});

test('a backing file is found where its path leads to another file here', t => {
	const loops = Loops.on(t);
	if (loops === undefined) return;
	const here = loops.image('fs.img');
	const hidden = loops.path('hidden');
	fs.mkdirSync(hidden);
	const real = loops.image('hidden/fs.img');
	const make = `mount --bind ${hidden} ${loops.folder} && losetup --show -f ${here}`;
	const device = run('unshare', '-m', 'sh', '-c', make);
	loops.later(() => run('losetup', '-d', device));
	assert.notEqual(run('losetup', '-n', '-O', 'BACK-FILE', device), real);
	assert.match(writable(real), new RegExp(`is the backing file of ${device};`));
	assert.equal(writable(here), '');
});

test('a disk is not written while a partition of it is mounted; its other partitions are', t => {
	const loops = Loops.on(t);
	if (loops === undefined) return;
	const disk = loops.loop(loops.image('disk.img'));
	for (const [number, start] of [
		['1', '0'],
		['2', '8192'],
	]) {
		run('addpart', disk, number, start, '8192');
		loops.later(() => run('delpart', disk, number));
	}
	assert.equal(writable(disk), '');
	const at = loops.mount(`${disk}p1`);
	const why = `is the disk of ${disk}p1, which is mounted at ${at}; unmount it first,`;
	assert.ok(writable(disk).startsWith(`--disk ${disk} ${why}`), writable(disk));
	assert.match(writable(loops.path('disk.img')), new RegExp(`is the backing file of ${disk}, which ${why}`));
	assert.match(writable(`${disk}p1`), /is mounted at/);
	assert.equal(writable(`${disk}p2`), '');
	const whole = loops.loop(disk);
	assert.match(
		writable(`${disk}p2`),
		new RegExp(`is a partition of ${disk}, which is the backing device of ${whole}; detach it first`),
	);
});

/** A tree of files as /proc and /sys would have them; what starts with > is a link. */
function tree(t: TestContext, files: Record<string, string>): string {
	const root = folder(t);
	for (const [file, text] of Object.entries({'proc/self/mountinfo': '', 'sys/block/': '', ...files})) {
		const at = path.join(root, file);
		fs.mkdirSync(file.endsWith('/') ? at : path.dirname(at), {recursive: true});
		if (text.startsWith('>')) fs.symlinkSync(text.slice(1), at);
		else if (!file.endsWith('/')) fs.writeFileSync(at, text);
	}
	return root;
}

function system(t: TestContext): Libc {
	const loaded = libc();
	if (loaded === undefined) t.skip('koffi is not installed');
	assert.ok(loaded);
	return loaded;
}

/** A block device of such a tree. */
const device = (number: string, name: string, more: Record<string, string> = {}) =>
	Object.fromEntries([
		[`sys/dev/block/${number}`, `>../../devices/${name}`],
		[`sys/devices/${name}/dev`, `${number}\n`],
		...Object.entries(more).map(([file, text]) => [`sys/devices/${name}/${file}`, text]),
	]);

test('holders are followed through LVM, RAID and partitions to the mount', t => {
	const root = tree(t, {
		'proc/self/mountinfo': '29 1 253:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n',
		...device('8:0', 'sda'),
		...device('8:1', 'sda/sda1', {partition: '1\n', 'holders/md0': '>../../../md0'}),
		...device('8:16', 'sdb', {'holders/md0': '>../../md0'}),
		...device('9:0', 'md0', {
			'slaves/sda1': '>../../sda/sda1',
			'slaves/sdb': '>../../sdb',
			'holders/dm-0': '>../../dm-0',
			'holders/dm-1': '>../../dm-1',
		}),
		...device('253:0', 'dm-0', {'dm/name': 'vg-home\n', 'slaves/md0': '>../../md0'}),
		...device('253:1', 'dm-1', {'dm/name': 'vg-root\n', 'slaves/md0': '>../../md0'}),
		...device('253:2', 'dm-2', {'dm/name': 'luks\n', 'slaves/sdc': '>../../sdc'}),
		...device('8:32', 'sdc', {'holders/dm-2': '>../../dm-2'}),
		...device('8:33', 'sdc/sdc1', {partition: '1\n'}),
	});
	const graph = new DiskGraph(diskUsers(system(t), root), new BlockDevices(root));
	const uses = (key: string) =>
		graph
			.uses({key, device: true})
			.map(({is}) => is)
			.join(', ');
	assert.equal(uses('253:1'), 'mounted at /');
	assert.equal(uses('9:0'), 'held by /dev/mapper/vg-home');
	assert.equal(uses('8:16'), 'held by /dev/md0, held by /dev/mapper/vg-home');
	assert.equal(uses('8:1'), 'held by /dev/md0, held by /dev/mapper/vg-home');
	assert.equal(uses('8:0'), 'the disk of /dev/sda1, held by /dev/md0, held by /dev/mapper/vg-home');
	assert.equal(uses('8:33'), 'a partition of /dev/sdc, held by /dev/mapper/luks');
	// A volume beside a mounted one is free.
	assert.equal(uses('253:0'), '');
	assert.equal(uses('253:2'), '');
});

test('mounts without their own device number, and swap files, are found by their source', t => {
	const image = (name: string) => {
		const file = path.join(folder(t), name);
		fs.writeFileSync(file, 'x');
		return {file, place: placeOf(fs.statSync(file, {bigint: true}))};
	};
	const erofs = image('a b.erofs');
	const swap = image('swap file');
	const free = image('free');
	const escaped = ({file}: {file: string}) => file.replaceAll(' ', '\\040');
	const root = tree(t, {
		'proc/self/mountinfo': `40 29 0:52 / /mnt/a\\040b ro,relatime - erofs ${escaped(erofs)} ro\n`,
		'proc/swaps': `Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n${escaped(swap)}  file\t\t1048572\t0\t-2\n`,
		'sys/fs/btrfs/0d7e/devices/sdb': '>../../../../devices/sdb',
		'sys/fs/btrfs/features/': '',
		...device('8:16', 'sdb'),
		...device('8:32', 'sdc'),
	});
	const graph = new DiskGraph(diskUsers(system(t), root), new BlockDevices(root));
	assert.deepEqual(graph.uses(erofs.place), [{is: 'mounted at /mnt/a b', mend: 'unmount it first'}]);
	assert.deepEqual(graph.uses(swap.place), [{is: 'used as swap', mend: 'run swapoff first'}]);
	assert.deepEqual(graph.uses(free.place), []);
	assert.deepEqual(graph.uses({key: '8:16', device: true}), [
		{is: 'a part of a mounted btrfs', mend: 'unmount it first'},
	]);
	assert.deepEqual(graph.uses({key: '8:32', device: true}), []);
});

test('users that cannot be identified are named, and hidden information is no all-clear', t => {
	const loop = (name: string, backing: string, ro: number) => ({
		[`sys/block/${name}/dev`]: `7:${name.slice(4)}\n`,
		[`sys/block/${name}/ro`]: `${ro}\n`,
		[`sys/block/${name}/loop/backing_file`]: `${backing}\n`,
	});
	const {file} = randomImage(t, 512);
	const root = tree(t, {
		...loop('loop1', '/images/a.img (deleted)', 0),
		...loop('loop2', '/images/a.img (deleted)', 1),
		...loop('loop3', file, 1),
		'proc/swaps': 'Filename\tType\n/swap\\040(deleted) file\t1\t0\t-2\n',
	});
	const users = diskUsers(system(t), root);
	assert.deepEqual(users.unknown, [
		{what: 'the swap file /swap (deleted)', reads: false},
		{what: 'the file behind /dev/loop1', reads: false},
		{what: 'the file behind /dev/loop2', reads: true},
		{what: 'the file behind /dev/loop3', reads: false},
	]);
	// The path is all there is to go by.
	const place = placeOf(fs.statSync(file, {bigint: true}));
	assert.match(new DiskGraph(users).uses(place)[0].is, /the backing file of \/dev\/loop3/);
	fs.rmSync(path.join(root, 'proc/self/mountinfo'));
	assert.throws(() => diskUsers(system(t), root), {code: 'ENOENT'});
});
