import assert from 'node:assert/strict';
import fs from 'node:fs';
import {type TestContext, test} from 'node:test';
import {BLOCKIF_MAXREQ, BlockIf, type BlockOp, type BlockRequest} from '../../source/bhyve/block-if.js';
import {Disk} from '../../source/hardware/disk.js';
import type {ProbeEvent} from '../../source/hardware/probe.js';
import {OpenFile} from '../../source/kernel/file.js';
import type {Backing, Iovec} from '../../source/kernel/physio.js';
import {BadAddress} from '../../source/kernel/vm-map.js';
import {Machine} from '../../source/lab/build/machine.js';
import {defaultSpec} from '../../source/lab/build/spec.js';
import {stubBacking} from '../helpers/backing.js';
import {MIB, randomImage} from '../helpers/lab.js';

type Setup = {geom?: boolean; writable?: boolean; readOnly?: boolean; backing?: Backing};

/** block_if on a real disk, or on a backing that moves nothing. */
function setUp(
	t: TestContext,
	{geom = true, writable = false, backing, readOnly = !writable && backing === undefined}: Setup = {},
) {
	const {file, content} = randomImage(t, 4 * MIB);
	const disk = Disk.open(file, {writable, direct: geom});
	t.after(() => disk.close());
	const machine = new Machine({...defaultSpec(64 * MIB), policy: 'keep'}, disk);
	const [{vm, device: blk, blockIf: raw}] = machine.guests;
	const {ctx} = blk;
	const events: ProbeEvent[] = [];
	machine.listen(event => events.push(event));
	const opened = backing ?? (geom ? undefined : new OpenFile(disk, machine.memory));
	const blockIf = opened ? new BlockIf(ctx, opened, machine.pages, readOnly) : raw;
	blockIf.probe = event => events.push(event);
	if (opened) opened.probe = event => events.push(event);
	const at = <At extends ProbeEvent['at']>(name: At) =>
		events.filter((event): event is Extract<ProbeEvent, {at: At}> => event.at === name);
	const bufferPages = () =>
		machine.pages
			.owned()
			.filter(({owner}) => owner === 'bhyve vm0')
			.reduce((sum, {pages}) => sum + pages, 0);
	const pointer = (gpa: number) => ctx.mapGpa(gpa, 1);
	return {blockIf, machine, vm, ctx, disk, file, content, events, at, bufferPages, pointer};
}

/** Requests that log their results. */
function requests(log: string[]) {
	return (op: BlockOp, offset: number, iov: Iovec[], more: Partial<BlockRequest> = {}): BlockRequest => ({
		op,
		offset,
		iov,
		resid: iov.reduce((sum, {bytes}) => sum + bytes, 0),
		done: error => log.push(`${op} ${offset} ${error ?? 'ok'}`),
		...more,
	});
}

const PAGE = [{pointer: 0, bytes: 4096}];

test('eight workers take pending requests in order', t => {
	const backing = stubBacking();
	const {blockIf, at} = setUp(t, {backing});
	const log: string[] = [];
	const request = requests(log);
	for (let i = 0; i < 10; i++) assert.equal(blockIf.request(request('read', i * 8192, PAGE)), undefined);
	blockIf.run();
	assert.deepEqual(
		log,
		Array.from({length: 10}, (_, i) => `read ${i * 8192} ok`),
	);
	assert.deepEqual(
		at('block_if').map(({worker}) => worker),
		[0, 1, 2, 3, 4, 5, 6, 7, 0, 1].map(n => `blk-3:0-${n}`),
	);
	assert.equal(Math.max(...at('queue').map(({busy}) => busy)), 8);
	assert.deepEqual(at('queue').at(-1), {at: 'queue', pending: 0, busy: 0, blocked: 0});
});

test('a request that starts at the end of another waits for it, even if that one waits itself', t => {
	const backing = stubBacking();
	const {blockIf, at} = setUp(t, {backing});
	const log: string[] = [];
	const request = requests(log);
	for (const offset of [0, 4096, 8192, 65536]) blockIf.request(request('read', offset, PAGE));
	assert.deepEqual(at('queue').at(-1), {at: 'queue', pending: 2, busy: 0, blocked: 2});
	blockIf.run();
	assert.deepEqual(log, ['read 0 ok', 'read 65536 ok', 'read 4096 ok', 'read 8192 ok']);
	// A delete has no iovec, so it ends at its start. No request starts at the end of a flush.
	log.length = 0;
	blockIf.request(request('delete', 512, [], {resid: 512}));
	blockIf.request(request('read', 512, PAGE));
	blockIf.request(request('flush', 1024, []));
	blockIf.request(request('read', 1024, PAGE));
	blockIf.run();
	assert.deepEqual(log, ['delete 512 ok', 'flush 1024 ok', 'read 1024 ok', 'read 512 ok']);
});

test('the queue takes 136 requests until the workers run', t => {
	const {blockIf} = setUp(t, {backing: stubBacking()});
	const log: string[] = [];
	const request = requests(log);
	for (let i = 0; i < BLOCKIF_MAXREQ; i++) {
		assert.equal(blockIf.request(request('read', i * MIB, PAGE)), undefined);
	}
	assert.equal(blockIf.request(request('flush', 0, [])), 'E2BIG');
	blockIf.run();
	assert.equal(log.length, 136);
	assert.equal(blockIf.request(request('flush', 0, [])), undefined);
});

test('cancel removes a waiting request and unblocks others, but not a busy or unknown one', t => {
	const {blockIf} = setUp(t, {backing: stubBacking()});
	const log: string[] = [];
	const request = requests(log);
	const first = request('read', 0, PAGE);
	const follower = request('read', 4096, PAGE);
	blockIf.request(first);
	blockIf.request(follower);
	assert.equal(blockIf.cancel(first), undefined);
	assert.equal(blockIf.cancel(first), 'EINVAL');
	const second = request('read', MIB, PAGE);
	const canceller = request('flush', 0, [], {done: () => log.push(`cancel ${blockIf.cancel(second)}`)});
	blockIf.request(canceller);
	blockIf.request(second);
	blockIf.run();
	assert.deepEqual(log, ['read 4096 ok', 'cancel EBUSY', `read ${MIB} ok`]);
});

test('a request made by a callback is served in the same run', t => {
	const {blockIf} = setUp(t, {backing: stubBacking()});
	const log: string[] = [];
	const request = requests(log);
	const next = () => {
		log.push('first');
		blockIf.request(request('read', 4096, PAGE));
		blockIf.run();
	};
	blockIf.request(request('read', 0, PAGE, {done: next}));
	blockIf.run();
	assert.deepEqual(log, ['first', 'read 4096 ok']);
});

test('a worker’s buffer gets its pages at the first bounced request', t => {
	const {blockIf, bufferPages, pointer} = setUp(t);
	const log: string[] = [];
	const request = requests(log);
	const segment = (i: number) => ({pointer: pointer(0x100000 + i * 4096), bytes: 4096});
	blockIf.request(request('read', 0, [segment(0)]));
	blockIf.run();
	assert.equal(bufferPages(), 0);
	for (const together of [1, 1, 3, 8, 20]) {
		for (let i = 0; i < together; i++) {
			blockIf.request(request('read', i * 65536, [segment(0), segment(1)]));
		}
		blockIf.run();
		assert.equal(bufferPages(), 256 * Math.min(8, together));
	}
	assert.ok(log.every(line => line.endsWith('ok')));
});

test('one segment goes straight, several go through the buffer by MAXPHYS, and a file takes all at once', t => {
	const lengths = [MIB, 12_288, 1.5 * MIB - 12_288 + 512];
	for (const [geom, everything, segments, path, calls] of [
		[true, false, 1, 'direct', [2.5 * MIB + 512]],
		[true, false, 3, 'bounced', [MIB, MIB, MIB / 2 + 512]],
		[true, true, 1, 'bounced', [MIB, MIB, MIB / 2 + 512]],
		[false, false, 3, 'copied', [2.5 * MIB + 512]],
		[false, true, 1, 'copied', [2.5 * MIB + 512]],
	] as const) {
		const {blockIf, vm, at, pointer, content} = setUp(t, {geom});
		blockIf.bounceEverything = everything;
		const log: string[] = [];
		const total = lengths.reduce((sum, length) => sum + length, 0);
		const gpas = segments === 1 ? [0x100000] : [0x100000, 0x400000, 0x500000];
		const parts = segments === 1 ? [total] : lengths;
		const iov = gpas.map((gpa, i) => ({pointer: pointer(gpa), bytes: parts[i]}));
		const request = requests(log)('read', 512, iov);
		blockIf.request(request);
		blockIf.run();
		assert.deepEqual([log, request.resid, at('block_if')[0].path], [['read 512 ok'], 0, path]);
		assert.deepEqual(
			at('syscall').map(({bytes}) => bytes),
			calls,
		);
		const there = Buffer.concat(gpas.map((gpa, i) => vm.map.read(gpa, parts[i])));
		assert.ok(there.equals(content.subarray(512, 512 + total)));
		assert.equal(at('driver').length > 0, geom);
	}
});

test('a write takes the bytes of all segments, on either path', t => {
	for (const geom of [true, false]) {
		const {blockIf, vm, file, pointer, content} = setUp(t, {geom, writable: true});
		const log: string[] = [];
		vm.map.write(0x100000, content.subarray(MIB, MIB + 1024));
		vm.map.write(0x200001, content.subarray(MIB + 1024, MIB + 1024 + 512));
		const iov = [
			{pointer: pointer(0x100000), bytes: 1024},
			{pointer: pointer(0x200001), bytes: 512},
		];
		blockIf.request(requests(log)('write', 4096, iov));
		blockIf.request(requests(log)('flush', 0, []));
		blockIf.run();
		assert.deepEqual(log, ['write 4096 ok', 'flush 0 ok']);
		const expected = Buffer.from(content);
		content.copy(expected, 4096, MIB, MIB + 1536);
		assert.ok(fs.readFileSync(file).equals(expected));
	}
});

test('a delete leaves zeros up to the end of the disk, and GEOM refuses invalid ranges', t => {
	const {blockIf, file, content} = setUp(t, {writable: true});
	const log: string[] = [];
	const request = requests(log);
	const trim = request('delete', 1024, [], {resid: 1536});
	blockIf.request(trim);
	blockIf.request(request('delete', 4 * MIB - 512, [], {resid: 16 * MIB}));
	for (const [offset, resid] of [
		[100, 512],
		[0, 100],
		[512 * 9, 0],
		[4 * MIB, 512],
		[-512, 512],
	]) {
		blockIf.request(request('delete', offset, [], {resid}));
	}
	blockIf.run();
	assert.equal(trim.resid, 0);
	assert.deepEqual(log, [
		'delete 1024 ok',
		`delete ${4 * MIB - 512} ok`,
		'delete 100 EINVAL',
		'delete 0 EINVAL',
		'delete 4608 EINVAL',
		`delete ${4 * MIB} EIO`,
		'delete -512 EIO',
	]);
	const expected = Buffer.from(content)
		.fill(0, 1024, 2560)
		.fill(0, 4 * MIB - 512);
	assert.ok(fs.readFileSync(file).equals(expected));
});

test('requests fail on a read-only disk, on a disk that cannot delete, and at unmapped addresses', t => {
	const log: string[] = [];
	const request = requests(log);
	const raw = setUp(t);
	const one = [{pointer: raw.pointer(0), bytes: 512}];
	raw.blockIf.request(request('write', 0, one));
	raw.blockIf.request(request('write', 4096, [...one, ...one]));
	raw.blockIf.request(request('delete', 8192, [], {resid: 512}));
	raw.blockIf.request(request('flush', 0, []));
	raw.blockIf.request(request('read', 65536, [{pointer: 0, bytes: 512}]));
	raw.blockIf.request(request('read', 1, one));
	raw.blockIf.request(request('read', 5 * MIB, one));
	raw.blockIf.run();
	assert.deepEqual(log.splice(0), [
		'write 0 EROFS',
		'write 4096 EROFS',
		'delete 8192 EROFS',
		'flush 0 EPERM',
		'read 65536 EFAULT',
		'read 1 EINVAL',
		`read ${5 * MIB} EIO`,
	]);
	const file = setUp(t, {geom: false});
	file.blockIf.request(request('delete', 0, [], {resid: 512}));
	file.blockIf.request(request('write', 0, one));
	file.blockIf.run();
	assert.deepEqual(log, ['delete 0 EOPNOTSUPP', 'write 0 EROFS']);
});

test('a copy to NULL empties the queue, and the next request is served', t => {
	const {blockIf, at, pointer} = setUp(t);
	const log: string[] = [];
	const request = requests(log);
	const good = [{pointer: pointer(0), bytes: 512}];
	blockIf.request(request('read', 0, [...good, {pointer: 0, bytes: 512}]));
	for (let i = 2; i < 20; i++) blockIf.request(request('read', i * 8192, good));
	assert.throws(() => blockIf.run(), BadAddress);
	assert.deepEqual([log, at('queue').at(-1)], [[], {at: 'queue', pending: 0, busy: 0, blocked: 0}]);
	blockIf.request(request('read', 4096, good));
	blockIf.run();
	assert.deepEqual(log, ['read 4096 ok']);
});

test('past the end of a raw disk a bounced read returns the buffer’s old contents without an error', t => {
	const {blockIf, vm, pointer, content} = setUp(t);
	const log: string[] = [];
	const iov = [0x100000, 0x200000].map(gpa => ({pointer: pointer(gpa), bytes: 1024}));
	blockIf.request(requests(log)('read', 0, iov));
	blockIf.run();
	blockIf.request(requests(log)('read', 4 * MIB - 1024, iov));
	blockIf.run();
	assert.deepEqual(log, ['read 0 ok', `read ${4 * MIB - 1024} ok`]);
	assert.ok(content.subarray(-1024).equals(vm.map.read(0x100000, 1024)));
	assert.ok(content.subarray(1024, 2048).equals(vm.map.read(0x200000, 1024)));
});
