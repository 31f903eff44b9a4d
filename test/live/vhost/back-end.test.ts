import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import * as vhost from '../../../source/formats/vhost-user.js';
import {REQUEST} from '../../../source/formats/vhost-user.js';
import {AVAIL, BLK_T} from '../../../source/formats/virtqueue.js';
import {Disk} from '../../../source/hardware/disk.js';
import {serveGuest} from '../../../source/live/guest/open.js';
import type {Policy} from '../../../source/machine/command.js';
import {FrontEnd, HOLE, RING} from '../../helpers/front-end.js';
import {folder, MIB, randomImage} from '../../helpers/lab.js';

const BUFFER = 0x100000;

function serve(t: TestContext, policy: Policy = 'keep', asks = false) {
	const {file, content} = randomImage(t, MIB);
	const socket = path.join(folder(t), 'disk.sock');
	const disk = {disk: Disk.open(file), sample: false};
	const served = serveGuest(socket, 'test', {disk, policy, iommu: 'vt-d', asks});
	t.after(served.close);
	return {...served, socket, content};
}

async function started(t: TestContext, policy: Policy = 'keep') {
	const served = serve(t, policy);
	const front = new FrontEnd(t);
	await front.connect(served.socket);
	await front.start();
	return {...served, front};
}

test('a request of the ring is one preadv into the guest’s own page, with O_DIRECT', async t => {
	const {front, content, guest} = await started(t);
	const calls: {fd: number; at: number; bytes: number; shared: boolean}[] = [];
	const {readvSync} = fs;
	t.mock.method(fs, 'readvSync', (fd: number, views: Uint8Array[], offset: number) => {
		for (const {buffer, byteOffset, length} of views)
			calls.push({fd, at: byteOffset, bytes: length, shared: buffer.byteLength === front.bytes});
		return readvSync(fd, views, offset);
	});
	assert.equal(await front.read(8, BUFFER, 4096), 0);
	const [{fd, ...call}, ...others] = calls;
	assert.deepEqual([call, others], [{at: BUFFER, bytes: 4096, shared: true}, []]);
	const [, flags = '0'] = /^flags:\s+(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
	assert.equal(guest.state().disk?.direct, (Number.parseInt(flags, 8) & fs.constants.O_DIRECT) !== 0);
	assert.ok(front.view(BUFFER, 4096).equals(content.subarray(4096, 8192)));
	assert.equal(front.calls(), 1);
	const {transfers, tally} = guest.state();
	assert.equal(tally.delivered, 1);
	assert.equal(transfers[0]?.path, 'direct');
	assert.deepEqual(
		transfers[0]?.chain.map(({place}) => place),
		['guest', 'bhyve', 'preadv', 'ahci', 'HBA', 'IOMMU', 'memory'],
	);
});

test('under remove the guest is told OK, and its page keeps what it held; a switch counts at the next request', async t => {
	const {front, content, guest} = await started(t, 'remove');
	front.view(BUFFER, 4096).fill(0x5a);
	assert.equal(await front.read(8, BUFFER, 4096), 0);
	assert.ok(front.view(BUFFER, 4096).every(byte => byte === 0x5a));
	for (const [policy, arrives] of [
		['keep', true],
		['remove', false],
		['bounce', true],
	] as const) {
		guest.dispatch({do: 'policy', policy});
		front.view(BUFFER, 4096).fill(0x5a);
		assert.equal(await front.read(8, BUFFER, 4096), 0);
		assert.equal(front.view(BUFFER, 4096).equals(content.subarray(4096, 8192)), arrives, policy);
	}
	const {tally, faults} = guest.state();
	assert.deepEqual([tally.lost, tally.delivered, faults.length], [2, 2, 2]);
	assert.equal(faults[0].owner, 'vm0');
});

test('many requests in one kick each have their own verdict, compared or counted', async t => {
	// No tenth of a second passes, after which others would be compared.
	t.mock.timers.enable({apis: ['setInterval']});
	const {front, guest} = await started(t, 'remove');
	let total = 0;
	for (let kick = 0; kick < 10; kick++) {
		for (let slot = 0; slot < 32; slot++) front.put(slot, slot, BUFFER + slot * 4096, 512);
		await front.kick();
		total += 32;
		assert.equal(front.taken(), 32);
	}
	const {tally, transfers, faultLog} = guest.state();
	assert.deepEqual(tally, {delivered: 0, lost: total, torn: 0, failed: 0, unchecked: 0});
	assert.equal(transfers.length, 50);
	assert.equal(faultLog.blocked, total);
});

test('a page that held the disk’s bytes already is lost all the same', async t => {
	const {front, content, guest} = await started(t, 'remove');
	front.view(BUFFER, 512).set(content.subarray(0, 512));
	assert.equal(await front.read(0, BUFFER, 512), 0);
	assert.equal(guest.state().transfers[0]?.data, 'lost');
});

test('a read that dmascope asks for lands in the running guest’s memory, once it is confirmed', async t => {
	const served = serve(t, 'keep', true);
	const front = new FrontEnd(t);
	const command = {do: 'read', vm: 'vm0', lba: 3, sectors: 8, segments: 1, gpa: BUFFER} as const;
	assert.throws(() => served.guest.check(command), /vm0 has not shared its memory yet/);
	await front.connect(served.socket);
	await front.start();
	assert.throws(() => served.guest.check(command), /overwrites 4,096 bytes of the running vm0 at 0x00100000/);
	served.guest.check(command);
	const outcome = served.guest.dispatch(command);
	assert.match(outcome.report, /^vm0 DELIVERED/);
	const there = served.content.subarray(3 * 512, 11 * 512);
	assert.ok(front.view(BUFFER, 4096).every((byte, i) => byte === there[i]));
	assert.deepEqual(served.guest.guestBytes('vm0', BUFFER, 4096), new Uint8Array(there));
	assert.match(JSON.stringify(outcome), /requested by dmascope, not by the guest/);
});

test('a back end that is gone and comes again goes on where the ring was', async t => {
	const {front, socket, content} = await started(t);
	assert.equal(await front.read(0, BUFFER, 512), 0);
	front.disconnect();
	await front.connect(socket);
	// As QEMU does: from the used index on. A request that came meanwhile is done now.
	const status = front.put(1, 9, BUFFER, 512);
	await front.start(front.memory.getUint16(RING.used + 2, true));
	assert.equal(front.memory.getUint8(status), 0);
	assert.ok(front.view(BUFFER, 512).equals(content.subarray(9 * 512, 10 * 512)));
	assert.equal(front.taken(), 2);
	assert.equal(await front.stop(), 2);
});

test('memory that is shared anew takes the place of the old, which nothing touches any more', async t => {
	const {front, guest, content} = await started(t);
	const old = guest.memory.view(2 ** 32, 4096);
	assert.equal(old.length, 4096);
	await front.ask(REQUEST.SET_MEM_TABLE, vhost.encodeMemoryTable(front.regions), {
		ack: true,
		fds: front.regions.map(() => front.file),
	});
	assert.equal(old.length, 0);
	assert.equal(await front.read(1, BUFFER, 512), 0);
	assert.ok(front.view(BUFFER, 512).equals(content.subarray(512, 1024)));
	// Another layout is another machine around it; the ring goes on.
	const [low, {gpa, ...high}] = front.regions;
	const moved = [low, {gpa: 2 ** 32 + gpa, ...high}];
	await front.ask(REQUEST.SET_MEM_TABLE, vhost.encodeMemoryTable(moved), {
		ack: true,
		fds: moved.map(() => front.file),
	});
	assert.equal(await front.read(2, 2 ** 32 + BUFFER, 512), 0);
	assert.ok(front.view(BUFFER, 512).equals(content.subarray(1024, 1536)));
	assert.equal(guest.state().tally.delivered, 2);
	front.disconnect();
	while (guest.attached) await new Promise(setImmediate);
	assert.equal(guest.guestBytes('vm0', BUFFER, 512).length, 0);
});

test('memory beyond 4 GiB, in several regions of one file', async t => {
	const {socket, content, guest} = serve(t);
	const front = new FrontEnd(t, 5 * 1024 * MIB);
	await front.connect(socket);
	await front.start();
	const high = 4.5 * 1024 * MIB + 512;
	assert.equal(await front.read(1, high, 1024), 0);
	assert.ok(front.view(high, 1024).equals(content.subarray(512, 1536)));
	assert.equal(guest.state().vms[0].pages, (front.bytes - (HOLE.end - HOLE.start)) / 4096);
});

test('what a front end does against the protocol ends its connection alone', async t => {
	const {socket, guest} = serve(t);
	const front = new FrontEnd(t);
	const region = front.regions[0];
	const table = (regions: vhost.Region[], fds: number) => () =>
		front.tell(REQUEST.SET_MEM_TABLE, vhost.encodeMemoryTable(regions), Array(fds).fill(front.file));
	const ring = (change: object) => () => {
		front.share();
		front.setRing(0, {...RING, ...change});
		front.tell(REQUEST.SET_VRING_ENABLE, vhost.u32s(0, 1));
	};
	const attacks: Record<string, () => void> = {
		'another version': () => front.passing.send(front.socket, vhost.u32s(1, 2, 0)),
		'a message without end': () => front.passing.send(front.socket, vhost.u32s(1, 1, 2 ** 31)),
		'a table without memory': table([], 0),
		'a table without descriptors': table(front.regions, 0),
		'too many descriptors': table(front.regions, 3),
		'memory behind the end of its file': table([{...region, bytes: front.bytes + 4096}], 1),
		'half a page': table([{...region, bytes: 2048}], 1),
		'addresses beyond 2^53': table([{...region, gpa: 2 ** 53}], 1),
		'regions that overlap': table([region, region], 2),
		'a ring of 3': ring({size: 3}),
		'a ring of 2^31': ring({size: 2 ** 31}),
		'a ring outside memory': ring({descriptors: front.bytes}),
		'a ring in the hole': ring({used: HOLE.start}),
		'a ring across the end': ring({avail: front.bytes - 16}),
		'a ring at an odd address': ring({descriptors: RING.descriptors + 1}),
		'another ring': () => front.tell(REQUEST.SET_VRING_NUM, vhost.u32s(1, 128)),
		'a kick without a descriptor': () => front.tell(REQUEST.SET_VRING_KICK, vhost.u64(0)),
		'a short message': () => front.tell(REQUEST.SET_VRING_BASE, vhost.u32s(0)),
	};
	for (const [name, attack] of Object.entries(attacks)) {
		await front.connect(socket);
		await front.ask(REQUEST.GET_FEATURES, new Uint8Array(0));
		front.tell(REQUEST.SET_FEATURES, vhost.u64(vhost.FEATURE.PROTOCOL_FEATURES));
		attack();
		assert.ok(await front.isClosed(), name);
		front.disconnect();
		assert.equal(guest.attached, false, name);
	}
	await front.connect(socket);
	await front.start();
	assert.equal(await front.read(0, BUFFER, 512), 0);
});

test('a driver that breaks the ring stops its device with bhyve’s own word, until it starts it anew', async t => {
	const {front, guest} = await started(t);
	front.descriptor(0, BUFFER, 16, 1, 0);
	front.announce(0);
	await front.kick();
	assert.match(guest.stopped ?? '', /^vm0 virtio-blk stopped: the descriptor chain loops/);
	assert.equal(front.taken(), 0);
	await front.stop();
	front.memory.setUint16(RING.avail + AVAIL.IDX, 0, true);
	front.avail = 0;
	await front.start();
	assert.equal(guest.stopped, undefined);
	assert.equal(await front.read(0, BUFFER, 512), 0);
	assert.equal(front.memory.getUint8(front.put(1, 0, BUFFER, 512, BLK_T.OUT)), 0xff);
	await front.kick();
	assert.equal(guest.state().tally.failed, 1);
});
