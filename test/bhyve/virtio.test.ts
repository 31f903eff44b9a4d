import assert from 'node:assert/strict';
import {test} from 'node:test';
import {RING_SIZE} from '../../source/bhyve/virtio-blk.js';
import {
	AVAIL,
	BLK_S,
	BLK_T,
	DESC_BYTES,
	DESC_INDIRECT,
	DESC_NEXT,
	DESC_WRITE,
	VIRTIO_PCI,
} from '../../source/formats/virtqueue.js';
import {MIB} from '../helpers/lab.js';
import {
	BUFFER,
	blkOf,
	HEADER,
	type Part,
	QUEUE,
	type Ring,
	read,
	ringMachine,
	STATUS,
} from '../helpers/ring.js';

test('registers with wrong sizes or offsets read as ones, and read-only ones stay', t => {
	const blk = blkOf(ringMachine(t).guest);
	assert.equal(blk.read(VIRTIO_PCI.QUEUE_NUM, 4), 0xffffffff);
	assert.equal(blk.read(84, 1), 0xff);
	assert.equal(blk.read(VIRTIO_PCI.CONFIG + 58, 4), 0xffffffff);
	blk.write(VIRTIO_PCI.QUEUE_NUM, 2, 4);
	blk.write(VIRTIO_PCI.CONFIG, 4, 1);
	assert.equal(blk.read(VIRTIO_PCI.QUEUE_NUM, 2), RING_SIZE);
	assert.equal(blk.read(VIRTIO_PCI.CONFIG, 4), 2048);
	blk.write(VIRTIO_PCI.GUEST_FEATURES, 4, 0xffffffff);
	assert.equal(blk.read(VIRTIO_PCI.GUEST_FEATURES, 4), blk.read(VIRTIO_PCI.HOST_FEATURES, 4));
	// A guest may select a queue that does not exist.
	blk.write(VIRTIO_PCI.QUEUE_SEL, 2, 1);
	blk.write(VIRTIO_PCI.QUEUE_PFN, 4, 7);
	assert.deepEqual([blk.read(VIRTIO_PCI.QUEUE_NUM, 2), blk.read(VIRTIO_PCI.QUEUE_PFN, 4)], [0, 0xffffffff]);
	blk.write(VIRTIO_PCI.QUEUE_SEL, 2, 0);
	assert.equal(blk.read(VIRTIO_PCI.QUEUE_PFN, 4), 0x80);
	blk.write(VIRTIO_PCI.STATUS, 1, 0);
	assert.deepEqual(
		[VIRTIO_PCI.GUEST_FEATURES, VIRTIO_PCI.QUEUE_PFN].map(offset => blk.read(offset, 4)),
		[0, 0],
	);
	// Without a queue a notification has no effect.
	blk.write(VIRTIO_PCI.QUEUE_NOTIFY, 2, 0);
	assert.equal(blk.stopped, undefined);
});

test('the chains of one notification return in the order in which block_if ends them', t => {
	const {ring} = ringMachine(t);
	const single = (number: number, sector: number) => {
		ring.header(BLK_T.IN, sector, 0, HEADER + 0x100 * (number + 1));
		ring.chain(
			[
				[HEADER + 0x100 * (number + 1), 16, DESC_NEXT],
				[BUFFER + 512 * number, 512, DESC_NEXT | DESC_WRITE],
				[STATUS + 1 + number, 1, DESC_WRITE],
			],
			3 * number,
		);
		return 3 * number;
	};
	// The second starts at the end of the first, so it waits.
	ring.kick(single(0, 10), single(1, 11), single(2, 100));
	assert.deepEqual(ring.returned(), [
		[0, 1],
		[6, 1],
		[3, 1],
	]);
});

test('the ring wraps, and its indices wrap at 65,536', t => {
	const {ring} = ringMachine(t);
	ring.header(99);
	for (let head = 0; head < RING_SIZE; head += 2) {
		ring.chain(
			[
				[HEADER, 16, DESC_NEXT],
				[STATUS, 1, DESC_WRITE],
			],
			head,
		);
	}
	const after = ring.map.read(QUEUE.end, 4096);
	// Fewer than fit into the ring, so each round starts at another entry.
	const heads = Array.from({length: 51}, (_, i) => 2 * i);
	for (let kicks = 0; kicks * heads.length < 70_000; kicks++) {
		ring.kick(...heads);
		assert.deepEqual(
			ring.returned(),
			heads.map(head => [head, 1]),
		);
	}
	assert.equal(Buffer.compare(ring.map.read(QUEUE.end, 4096), after), 0);
});

test('a used chain raises an interrupt unless the guest wants none, and reading the ISR clears it', t => {
	const {ring, guest} = ringMachine(t);
	const isr = () => blkOf(guest).read(VIRTIO_PCI.ISR, 1);
	assert.equal(isr(), 0);
	ring.run(BLK_T.IN, [[BUFFER, 512, DESC_WRITE]]);
	assert.deepEqual([isr(), isr()], [1, 0]);
	ring.map.setU16(QUEUE.avail + AVAIL.FLAGS, 1);
	ring.run(BLK_T.IN, [[BUFFER, 512, DESC_WRITE]]);
	assert.equal(isr(), 0);
	assert.equal(ring.returned().length, 2);
});

test('an indirect table may lie anywhere, have any order, and be followed by more descriptors', t => {
	const {ring, content} = ringMachine(t);
	const TABLE = 0x91008;
	ring.header(BLK_T.IN, 9);
	ring.chain(
		[
			[HEADER, 16, DESC_NEXT, 2],
			[STATUS, 1, DESC_WRITE],
			[BUFFER, 512, DESC_NEXT | DESC_WRITE, 1],
		],
		0,
		TABLE,
	);
	ring.chain([[TABLE, 48, DESC_INDIRECT]], 5);
	assert.equal(ring.kick(5), BLK_S.OK);
	assert.ok(ring.bytes().equals(content.subarray(4608, 5120)));
	ring.chain(
		[
			[HEADER, 16, DESC_NEXT, 1],
			[BUFFER + 512, 512, DESC_WRITE],
		],
		0,
		TABLE,
	);
	ring.chain(
		[
			[TABLE, 32, DESC_INDIRECT | DESC_NEXT],
			[STATUS, 1, DESC_WRITE],
		],
		5,
	);
	assert.equal(ring.kick(5), BLK_S.OK);
	assert.ok(ring.bytes(1024).equals(Buffer.concat([ring.bytes(), ring.bytes()])));
	assert.deepEqual(ring.returned(), [
		[5, 1],
		[5, 1],
	]);
});

/** Guests' actions that would end bhyve, and the device's message. */
const FATAL: [action: string, message: RegExp, act: (ring: Ring) => void][] = [
	['a chain that loops', /the descriptor chain loops/, ring => ring.chain([[HEADER, 16, DESC_NEXT, 0]])],
	['an index out of range', /index 500 is out of range/, ring => ring.chain([[HEADER, 16, DESC_NEXT, 500]])],
	['a chain of one descriptor', /a chain has only one descriptor/, ring => ring.chain([[HEADER, 16, 0]])],
	['a chain of 513 descriptors', /the descriptor chain loops/, ring => long(ring, 513)],
	['a chain of 131 descriptors', /a chain has 131 descriptors/, ring => long(ring, 131)],
	[
		'a short header',
		/a header is malformed/,
		ring =>
			ring.chain([
				[HEADER, 15, DESC_NEXT],
				[STATUS, 1, DESC_WRITE],
			]),
	],
	[
		'a header outside memory',
		/nothing is mapped at/,
		ring =>
			ring.chain([
				[2 ** 40, 16, DESC_NEXT],
				[STATUS, 1, DESC_WRITE],
			]),
	],
	[
		'a long status',
		/a status descriptor is malformed/,
		ring =>
			ring.chain([
				[HEADER, 16, DESC_NEXT],
				[STATUS, 2, DESC_WRITE],
			]),
	],
	[
		'a status outside memory',
		/nothing is mapped at/,
		ring =>
			ring.chain([
				[HEADER, 16, DESC_NEXT],
				[2 ** 60, 1, DESC_WRITE],
			]),
	],
	[
		'a status that the device reads',
		/a status descriptor is malformed/,
		ring =>
			ring.chain([
				[HEADER, 16, DESC_NEXT],
				[STATUS, 1, 0],
			]),
	],
	['a read from a readable segment', /wrong direction/, ring => ring.run(BLK_T.IN, [[BUFFER, 512, 0]])],
	[
		'a write to a writable segment',
		/wrong direction/,
		ring => ring.run(BLK_T.OUT, [[BUFFER, 512, DESC_WRITE]]),
	],
	[
		'one of two segments outside memory',
		/nothing is mapped at 0x0;/,
		ring =>
			ring.run(BLK_T.IN, [
				[BUFFER, 512, DESC_WRITE],
				[16 * MIB, 512, DESC_WRITE],
			]),
	],
	[
		'a serial number outside memory',
		/nothing is mapped at 0x0;/,
		ring => ring.run(BLK_T.GET_ID, [[16 * MIB, 20, DESC_WRITE]]),
	],
	[
		'an odd indirect table',
		/an indirect table has 33 bytes/,
		ring => ring.chain([[BUFFER, 33, DESC_INDIRECT]]),
	],
	[
		'an empty indirect table',
		/an indirect table has 0 bytes/,
		ring => ring.chain([[BUFFER, 0, DESC_INDIRECT]]),
	],
	[
		'an indirect table outside memory',
		/table is not in guest memory/,
		ring => ring.chain([[16 * MIB - 16, 32, DESC_INDIRECT]]),
	],
	[
		'an indirect table in an indirect table',
		/table contains an indirect table/,
		ring => {
			ring.chain([[BUFFER, 16, DESC_INDIRECT]], 0, BUFFER);
			ring.chain([[BUFFER, 16, DESC_INDIRECT]]);
		},
	],
	[
		'an indirect index out of range',
		/indirect descriptor index 2 is out of range/,
		ring => {
			ring.chain([[HEADER, 16, DESC_NEXT, 2]], 0, BUFFER);
			ring.chain([[BUFFER, 32, DESC_INDIRECT]]);
		},
	],
	[
		'an indirect table that loops',
		/the descriptor chain loops/,
		ring => {
			ring.chain([[HEADER, 16, DESC_NEXT, 0]], 0, BUFFER);
			ring.chain([[BUFFER, 16, DESC_INDIRECT]]);
		},
	],
	['more chains than entries', /claims 129 chains/, ring => ring.kick(...Array.from({length: 129}, () => 0))],
	[
		'a queue outside memory',
		/the queue is not in guest memory/,
		ring => blkOf(ring.guest).write(VIRTIO_PCI.QUEUE_PFN, 4, 2 ** 20),
	],
];

/** A chain of `length` descriptors in an indirect table. */
function long(ring: Ring, length: number): void {
	ring.header(BLK_T.FLUSH);
	ring.chain(
		Array.from({length}, (_, i): Part => [BUFFER, 16, i < length - 1 ? DESC_NEXT : 0]),
		0,
		BUFFER,
	);
	ring.chain([[BUFFER, length * DESC_BYTES, DESC_INDIRECT]]);
}

for (const [action, message, act] of FATAL) {
	test(`${action} stops the device with a message, and a reset restarts it`, t => {
		const {ring, guest, other, content} = ringMachine(t);
		act(ring);
		if (guest.device.stopped === undefined) ring.kick(0);
		assert.match(guest.device.stopped ?? '', message);
		assert.match(
			guest.disk.stopped ?? '',
			/^vm0 virtio-blk stopped: .*; bhyve would have (aborted|crashed)\.$/,
		);
		assert.equal(read(guest.disk, 0, [{gpa: BUFFER, bytes: 512}]), undefined);
		assert.equal(read(other.disk, 0, [{gpa: BUFFER, bytes: 512}])?.ok, true);
		ring.reset();
		assert.equal(guest.disk.stopped, undefined);
		assert.equal(read(guest.disk, 4, [{gpa: BUFFER, bytes: 512}])?.ok, true);
		assert.ok(ring.bytes().equals(content.subarray(2048, 2560)));
	});
}

test('requests in the queue are never done once the device has stopped', t => {
	const {ring, guest} = ringMachine(t);
	const before = ring.bytes();
	ring.header(BLK_T.IN, 1);
	ring.chain([
		[HEADER, 16, DESC_NEXT],
		[BUFFER, 512, DESC_NEXT | DESC_WRITE],
		[STATUS, 1, DESC_WRITE],
	]);
	ring.chain([[HEADER, 16, 0]], 10);
	assert.equal(ring.kick(0, 10), 0xff);
	assert.match(guest.device.stopped ?? '', /a chain has only one descriptor; bhyve would have aborted/);
	ring.reset();
	assert.equal(read(guest.disk, 0, [{gpa: BUFFER + 4096, bytes: 512}])?.ok, true);
	assert.ok(ring.bytes().equals(before));
});
