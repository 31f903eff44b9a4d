// A Linux guest whose disk dmascope serves. One boot, which takes some 10 s of one processor, for all of it.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {SECTOR} from '../../../source/formats/address.js';
import {buildGpt} from '../../../source/formats/gpt.js';
import {Disk} from '../../../source/hardware/disk.js';
import {serveGuest} from '../../../source/live/guest/open.js';
import {QemuMachine} from '../../../source/live/qemu/machine.js';
import {Qmp} from '../../../source/live/qemu/qmp.js';
import type {Policy} from '../../../source/machine/command.js';
import type {Domain} from '../../../source/machine/tables.js';
import {folder, MIB} from '../../helpers/lab.js';
import {bootLinux} from '../../helpers/linux.js';
import {findGuest} from '../../helpers/qemu.js';

const guest = findGuest();
const skip = typeof guest === 'string' ? guest : false;
const DISK_BYTES = 12 * MIB;
/** Sectors of the first partition, with ext4, and of the second. */
const EXT4 = {first: 2048, last: 2048 + (8 * MIB) / SECTOR - 1};

/** A disk with a GPT and an ext4 in its first partition, which has a file with a word. */
function makeDisk(place: string, word: string): string {
	const [tree, ext4, file] = ['tree', 'ext4', 'disk.img'].map(name => path.join(place, name));
	fs.mkdirSync(tree);
	fs.writeFileSync(path.join(tree, 'word'), word);
	fs.writeFileSync(ext4, Buffer.alloc((EXT4.last - EXT4.first + 1) * SECTOR));
	const env = {...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`};
	execFileSync('mkfs.ext4', ['-q', '-F', '-d', tree, ext4], {env});
	const disk = Buffer.alloc(DISK_BYTES);
	for (let at = 0; at < disk.length; at += 64)
		disk.write(`byte ${at} of the disk that a Linux guest reads`, at);
	const type = {typeGuid: '0fc63daf-8483-4772-8e79-3d69d8477de4', name: 'linux'};
	const gpt = buildGpt(disk.length / SECTOR, 'd34607d3-4607-4d34-a607-d34607d34615', [
		{...type, guid: 'd34607d3-4607-4d34-a607-d34607d34616', firstLba: EXT4.first, lastLba: EXT4.last},
		{...type, guid: 'd34607d3-4607-4d34-a607-d34607d34617', firstLba: EXT4.last + 1, lastLba: 22_000},
	]);
	disk.set(gpt.mbr, 0);
	disk.set(gpt.primary, SECTOR);
	disk.set(gpt.entries, 2 * SECTOR);
	disk.set(gpt.entries, gpt.backupEntriesLba * SECTOR);
	disk.set(gpt.backup, gpt.backupEntriesLba * SECTOR + gpt.entries.length);
	disk.set(fs.readFileSync(ext4), EXT4.first * SECTOR);
	fs.writeFileSync(file, disk);
	return file;
}

const DIRECT = 'dd if=/dev/vda bs=4096 count=16 iflag=direct';
const FORGET = 'echo 3 > /proc/sys/vm/drop_caches';

test('a Linux guest: its disk is there under keep, and gone without a word under remove', {
	skip,
	timeout: 120_000,
}, async t => {
	if (typeof guest === 'string') return;
	const place = folder(t);
	const socket = path.join(place, 'disk.sock');
	const file = makeDisk(place, 'the DMA landed');
	const open = (policy: Policy) => {
		const disk = {disk: Disk.open(file), sample: false};
		return serveGuest(socket, 'Linux', {disk, policy, iommu: 'vt-d', asks: false});
	};
	let served = open('keep');
	t.after(() => served.close());
	// Another disk, behind an IOMMU of the VM's own.
	const [behind, qmpPath, other] = ['behind.sock', 'qmp.sock', 'other.sock'].map(name =>
		path.join(place, name),
	);
	let qmp: Promise<Qmp> | undefined;
	const monitor = () => {
		qmp ??= Qmp.connect(qmpPath);
		return qmp;
	};
	t.after(async () => (await qmp)?.close());
	const own = {monitor, disk: 'disk1'};
	const translated = serveGuest(
		behind,
		'Linux',
		{disk: {disk: Disk.open(file), sample: false}, policy: 'keep', iommu: 'vt-d', asks: false},
		undefined,
		own,
	);
	t.after(() => translated.close());
	// biome-ignore format: a line for each option
	const {console, until, shell} = bootLinux(t, guest, socket, [
		'-machine', 'kernel-irqchip=split', '-device', 'intel-iommu,intremap=on,aw-bits=48',
		'-chardev', `socket,id=c1,path=${behind}`,
		'-device', 'vhost-user-blk-pci,id=disk1,chardev=c1,num-queues=1,disable-legacy=on,iommu_platform=on',
		'-qmp', `unix:${qmpPath},server=on,wait=off`, '-qmp', `unix:${other},server=on,wait=off`,
	]);
	await until('ready 0');
	assert.ok(console.lines.some(line => /vda: vda1 vda2/.test(line)));
	await shell('dmesg -n 1');
	assert.deepEqual(await shell('mount -o ro /dev/vda1 /mnt && cat /mnt/word; echo; umount /mnt'), [
		'the DMA landed',
	]);
	const hash = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
	assert.deepEqual(await shell(`${FORGET}; sha256sum /dev/vda`), [`${hash}  /dev/vda`]);

	// Through its own IOMMU the same, with one station more.
	assert.deepEqual(await shell('sha256sum /dev/vdb'), [`${hash}  /dev/vdb`]);
	const {transfers} = translated.guest.state();
	assert.deepEqual(
		transfers.at(-1)?.chain.map(({place: at}) => at),
		['guest', 'vIOMMU', 'bhyve', 'preadv', 'ahci', 'HBA', 'IOMMU', 'memory'],
	);
	assert.ok(transfers.every(({data}) => data === 'delivered'));
	// What dmascope reads from outside of the same tables.
	const outside = await QemuMachine.open(other, {clock: () => ''});
	t.after(() => outside.close());
	const seen = outside.state();
	const disk = seen.devices.find(({name}) => name === 'disk1');
	const theirs = seen.domains.find(({id}) => id === disk?.domain);
	const ours = translated.guest.state().domains.find(({role}) => role === 'os');
	const mappings = (domain?: Domain) =>
		domain?.mappings?.map(({iova, hpa, ...more}) => ({iova, hpa: hpa % 2 ** 32, ...more}));
	assert.ok((ours?.mappings?.length ?? 0) > 0);
	assert.deepEqual(mappings(ours), mappings(theirs));
	// An access that it refuses is recorded there, and the guest's kernel logs it.
	await shell('dmesg -n 7');
	translated.guest.recordRefusal(0xdead_0000, true);
	await until(/DMAR: \[DMA Write NO_PASID\] Request device \[..:..\..\] fault addr 0xdead0000/);
	await shell('dmesg -n 1');

	// Both ways, while the guest reads without a break.
	const sum = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
	const there = sum(fs.readFileSync(file).subarray(0, 65_536));
	const gone = sum(Buffer.alloc(65_536));
	await shell(
		`(while [ ! -e /tmp/stop ]; do ${DIRECT} 2>/dev/null | md5sum > /tmp/now; mv /tmp/now /tmp/sum; done; rm /tmp/stop) &`,
	);
	const shows = async (wanted: string) => {
		// The first request after the switch may be the second half of a read.
		await shell(
			'rm -f /tmp/sum; until [ -e /tmp/sum ]; do usleep 1000; done; rm -f /tmp/sum; until [ -e /tmp/sum ]; do usleep 1000; done',
		);
		assert.deepEqual(await shell('cat /tmp/sum'), [`${wanted}  -`]);
	};
	await shows(there);
	served.guest.dispatch({do: 'policy', policy: 'remove'});
	await shows(gone);
	served.guest.dispatch({do: 'policy', policy: 'bounce'});
	await shows(there);

	// dmascope is gone for a moment, and its disk comes back; the guest notices nothing.
	const errors = 'dmesg | grep -ci "i/o error"';
	served.close();
	served = open('keep');
	await shows(there);
	await shell('touch /tmp/stop; while [ -e /tmp/stop ]; do usleep 1000; done');
	assert.deepEqual(await shell(errors), ['0']);

	served.guest.dispatch({do: 'policy', policy: 'remove'});
	const read = await shell(`${FORGET}; ${DIRECT} of=/tmp/read; echo rc $?; md5sum < /tmp/read`);
	assert.deepEqual(
		read.filter(line => !/drop_caches/.test(line)),
		['16+0 records in', '16+0 records out', 'rc 0', `${gone}  -`],
	);
	await shell('blockdev --rereadpt /dev/vda');
	assert.deepEqual(await shell('ls /dev/vda*'), ['/dev/vda']);
	assert.deepEqual(await shell(errors), ['0']);
	const {tally, faults} = served.guest.state();
	assert.ok(tally.lost > 0 && tally.failed === 0 && faults.length > 0);
	assert.equal(faults[0].owner, 'vm0');
});
