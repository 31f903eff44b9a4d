import assert from 'node:assert/strict';
import fs from 'node:fs';
import {test} from 'node:test';
import fc from 'fast-check';
import {BlockIf} from '../../source/bhyve/block-if.js';
import {RING_SIZE, VirtioBlk} from '../../source/bhyve/virtio-blk.js';
import {
	BLK_CONFIG,
	BLK_F,
	BLK_S,
	BLK_T,
	DESC,
	DESC_INDIRECT,
	DESC_NEXT,
	DESC_WRITE,
	RING_F_INDIRECT_DESC,
	VIRTIO_PCI,
} from '../../source/formats/virtqueue.js';
import {Vtblk} from '../../source/guest/vtblk.js';
import {stubBacking} from '../helpers/backing.js';
import {MIB} from '../helpers/lab.js';
import {BUFFER, blkOf, HEADER, type Part, QUEUE, read, ringMachine, STATUS} from '../helpers/ring.js';

test('the driver reads the device’s features and configuration', t => {
	const {guest} = ringMachine(t);
	const {disk: driver} = guest;
	const blk = blkOf(guest);
	const config = (offset: number) => blk.read(VIRTIO_PCI.CONFIG + offset, 4);
	assert.deepEqual([driver.sectors, driver.maxSegments, driver.model], [2048, 126, 'virtio-blk']);
	const offered = blk.read(VIRTIO_PCI.HOST_FEATURES, 4);
	const {SEG_MAX, BLK_SIZE, FLUSH, TOPOLOGY, DISCARD} = BLK_F;
	assert.equal(offered, (SEG_MAX | BLK_SIZE | FLUSH | TOPOLOGY | DISCARD | RING_F_INDIRECT_DESC) >>> 0);
	assert.equal(blk.read(VIRTIO_PCI.GUEST_FEATURES, 4), offered);
	assert.deepEqual(
		[BLK_CONFIG.BLK_SIZE, BLK_CONFIG.MAX_DISCARD_SECTORS, BLK_CONFIG.MAX_DISCARD_SEG].map(config),
		[512, 32768, 1],
	);
	assert.equal(config(BLK_CONFIG.DISCARD_SECTOR_ALIGNMENT), 1);
	assert.deepEqual(
		[VIRTIO_PCI.QUEUE_NUM, VIRTIO_PCI.QUEUE_SEL].map(offset => blk.read(offset, 2)),
		[RING_SIZE, 0],
	);
	assert.equal(blk.read(VIRTIO_PCI.QUEUE_PFN, 4), 0x80);
});

for (const alwaysIndirect of [false, true]) {
	test(`a read returns the same bytes in any segments${alwaysIndirect ? ', through indirect tables' : ''}`, t => {
		const {guest, content} = ringMachine(t);
		const driver = new Vtblk(guest.vm, blkOf(guest), {alwaysIndirect});
		fc.assert(
			fc.property(
				fc.array(fc.integer({min: 1, max: 9000}), {minLength: 2, maxLength: 60}),
				fc.nat(1000),
				(sizes, lba) => {
					// The total is whole sectors. Each segment may have any address and length.
					const total = sizes.reduce((sum, size) => sum + size, 0);
					let gpa = BUFFER + 3;
					const segments = [...sizes, 512 - (total % 512)].map(bytes => {
						const segment = {gpa, bytes};
						gpa += bytes + 77;
						return segment;
					});
					assert.equal(read(driver, lba, segments)?.text, 'status OK');
					const there = Buffer.concat(segments.map(({gpa, bytes}) => guest.vm.map.read(gpa, bytes)));
					assert.ok(there.equals(content.subarray(lba * 512, lba * 512 + there.length)));
				},
			),
			{seed: 5, numRuns: 40},
		);
	});
}

test('each request of a batch has its own answer', t => {
	const {guest, content} = ringMachine(t, true);
	const segment = (i: number) => [{gpa: BUFFER + i * 4096, bytes: 512}];
	const requests = [
		...Array.from(
			{length: 60},
			(_, i) => ({op: 'read', sector: 7 * i, segments: segment(i), sectors: 1}) as const,
		),
		{op: 'read', sector: 5000, segments: segment(60), sectors: 1} as const,
		{op: 'flush', sector: 0, segments: [], sectors: 0} as const,
		{op: 'delete', sector: 2000, segments: [], sectors: 8} as const,
		{op: 'delete', sector: 0, segments: [], sectors: 40_000} as const,
		{op: 'write', sector: 1999, segments: segment(1), sectors: 1} as const,
	];
	const texts = guest.disk.batch(requests).map(answer => answer?.text);
	assert.deepEqual(
		[new Set(texts.slice(0, 60)), texts.slice(60)],
		[new Set(['status OK']), ['status I/O error', 'status OK', 'status OK', 'status I/O error', 'status OK']],
	);
	for (let i = 0; i < 60; i++) {
		const there = guest.vm.map.read(BUFFER + i * 4096, 512);
		assert.equal(Buffer.compare(there, content.subarray(i * 3584, i * 3584 + 512)), 0);
	}
});

test('long requests, or all on demand, use indirect tables', t => {
	const {guest, content} = ringMachine(t);
	const indirect = () => (guest.vm.map.u16(QUEUE.descriptors + DESC.FLAGS) & DESC_INDIRECT) !== 0;
	const segments = (count: number) =>
		Array.from({length: count}, (_, i) => ({gpa: BUFFER + 1024 * i, bytes: 512}));
	read(guest.disk, 0, segments(29));
	assert.equal(indirect(), false);
	read(guest.disk, 0, segments(126));
	assert.equal(indirect(), true);
	const driver = new Vtblk(guest.vm, blkOf(guest), {alwaysIndirect: true});
	const batch = Array.from({length: 200}, (_, i) => ({
		op: 'read' as const,
		sector: 9 * i,
		segments: [{gpa: BUFFER + 1024 * i, bytes: 512}],
		sectors: 1,
	}));
	assert.ok(driver.batch(batch).every(answer => answer?.ok));
	assert.equal(indirect(), true);
	for (const {sector, segments} of batch) {
		const there = guest.vm.map.read(segments[0].gpa, 512);
		assert.equal(Buffer.compare(there, content.subarray(sector * 512, sector * 512 + 512)), 0);
	}
});

test('both flush types and the serial number succeed, unknown types fail, and the barrier bit is ignored', t => {
	const {ring, content} = ringMachine(t, true);
	assert.equal(ring.run(BLK_T.FLUSH, []), BLK_S.OK);
	assert.equal(ring.run(BLK_T.FLUSH_OUT, []), BLK_S.OK);
	for (const unknown of [2, 3, 13, 99]) assert.equal(ring.run(unknown, []), BLK_S.UNSUPP);
	assert.equal(ring.run(BLK_T.IN + 0x80000000, [[BUFFER, 512, DESC_WRITE]], 5), BLK_S.OK);
	assert.ok(ring.bytes().equals(content.subarray(2560, 3072)));
	assert.equal(ring.run(BLK_T.IN, []), BLK_S.OK);
	assert.equal(ring.guest.device.stopped, undefined);
	// One used entry each, which counts only the status byte.
	assert.deepEqual(
		ring.returned(),
		Array.from({length: 8}, () => [0, 1]),
	);
});

test('the serial number clears the first segment, whatever its length, and leaves the others', t => {
	const {ring} = ringMachine(t);
	ring.map.write(BUFFER, new Uint8Array(64).fill(9));
	const parts: Part[] = [
		[BUFFER, 40, DESC_WRITE],
		[BUFFER + 40, 8, DESC_WRITE],
	];
	assert.equal(ring.run(BLK_T.GET_ID, parts), BLK_S.OK);
	assert.match(ring.bytes(41).toString('latin1'), /^BHYVE(-[0-9A-F]{4}){3}\0{20}\t$/);
	assert.equal(ring.run(BLK_T.GET_ID, [[BUFFER + 100, 3, DESC_WRITE]]), BLK_S.OK);
	assert.equal(ring.bytes(4, BUFFER + 100).toString('latin1'), 'BHY\0');
	assert.equal(ring.run(BLK_T.GET_ID, []), BLK_S.OK);
});

test('a discard passes the checks of pci_vtblk_proc and leaves zeros', t => {
	const {ring, file, content} = ringMachine(t, true);
	const RANGE = 0x90100;
	const discard = (sector: number, sectors: number, flags = 0, bytes = 16) => {
		[sector, 0, sectors, flags].forEach((word, i) => {
			ring.map.setU32(RANGE + 4 * i, word);
		});
		return ring.run(BLK_T.DISCARD, [[RANGE, bytes, 0]]);
	};
	assert.equal(discard(16, 8), BLK_S.OK);
	assert.equal(discard(16, 8, 1), BLK_S.UNSUPP);
	assert.equal(discard(16, 8, 2), BLK_S.UNSUPP);
	assert.equal(discard(0, 32769), BLK_S.IOERR);
	assert.equal(discard(2047, 32768), BLK_S.OK);
	assert.equal(discard(2048, 1), BLK_S.IOERR);
	assert.equal(discard(0, 0), BLK_S.IOERR);
	assert.equal(discard(0, 1, 0, 32), BLK_S.IOERR);
	assert.equal(ring.run(BLK_T.DISCARD, []), BLK_S.IOERR);
	assert.ok(
		fs.readFileSync(file).equals(
			Buffer.from(content)
				.fill(0, 8192, 12288)
				.fill(0, 2047 * 512),
		),
	);
});

test('writes, discards and flushes of a read-only disk are I/O errors and change nothing', t => {
	const {guest, file, content} = ringMachine(t);
	const segments = [{gpa: BUFFER, bytes: 512}];
	for (const op of ['write', 'delete', 'flush'] as const) {
		const answer = guest.disk.request({
			op,
			sector: 0,
			segments: op === 'write' ? segments : [],
			sectors: 1,
		});
		assert.deepEqual(answer, {ok: false, text: 'status I/O error'}, op);
	}
	assert.ok(fs.readFileSync(file).equals(content));
});

test('a sector number whose offset overflows 64 bits wraps as in C', t => {
	const {ring, content} = ringMachine(t);
	const at = (low: number, high: number) => {
		ring.header(BLK_T.IN, low, high);
		ring.chain([
			[HEADER, 16, DESC_NEXT],
			[BUFFER, 512, DESC_NEXT | DESC_WRITE],
			[STATUS, 1, DESC_WRITE],
		]);
		return ring.kick(0);
	};
	assert.equal(at(0, 0x0040_0000), BLK_S.IOERR);
	assert.equal(at(0xffffffff, 0xffffffff), BLK_S.IOERR);
	assert.equal(at(3, 0x8000_0000), BLK_S.OK);
	assert.ok(ring.bytes().equals(content.subarray(1536, 2048)));
});

test('a single segment outside memory is an I/O error to the guest', t => {
	const {guest} = ringMachine(t);
	assert.equal(read(guest.disk, 0, [{gpa: 16 * MIB, bytes: 512}])?.text, 'status I/O error');
	assert.equal(guest.disk.stopped, undefined);
});

test('the configuration reports a disk’s larger physical block', t => {
	const {guest, host} = ringMachine(t);
	const large = stubBacking({mediaBytes: (2 ** 33 + 5) * 512, stripeSize: 4096, canDelete: false});
	const blk = new VirtioBlk(guest.device.ctx, new BlockIf(guest.device.ctx, large, host.pages, false), 'x');
	assert.equal(blk.read(VIRTIO_PCI.CONFIG + BLK_CONFIG.PHYSICAL_BLOCK_EXP, 1), 3);
	assert.equal(blk.read(VIRTIO_PCI.CONFIG + BLK_CONFIG.DISCARD_SECTOR_ALIGNMENT, 4), 8);
	assert.equal(blk.read(VIRTIO_PCI.HOST_FEATURES, 4) & BLK_F.DISCARD, 0);
	assert.equal(new Vtblk(guest.vm, blk).sectors, 2 ** 33 + 5);
});
